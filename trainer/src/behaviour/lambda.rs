//! What does the weight λ of the margin buy, and what does it cost (B7)?

use anyhow::{Result, ensure};
use serde::Serialize;
use shared::{catalog::Catalog, interaction::Interaction};

use super::{BehaviourConfig, Subject};
use crate::{
    evaluation::{Estimate, estimate},
    ranker::Ranker,
    split::Question,
};

/// One model of a row that differs in λ alone.
#[derive(Clone, Copy)]
pub struct LambdaModel<'a> {
    pub lambda: f64,
    pub ranker: &'a dyn Ranker,
    /// Share of generated answers that are exactly one candidate, where the model generates.
    pub valid_ratio: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LambdaPoint {
    pub lambda: f64,
    /// Among the next item and 19 unseen ones.
    pub hit_rate_at_1: Estimate,
    pub valid_ratio: Option<f64>,
}

/// Whether a paired interval of a change lies above 0, below it, or holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    Rises,
    Level,
    Falls,
}

/// From one λ to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LambdaStep {
    pub from: f64,
    pub to: f64,
    /// HR@1 at `to` less HR@1 at `from`, paired over visitors.
    pub change: Estimate,
    pub trend: Trend,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LambdaReport {
    pub visitors: usize,
    /// By λ, ascending.
    pub points: Vec<LambdaPoint>,
    pub steps: Vec<LambdaStep>,
    /// In words: is HR@1 non-decreasing up to its best λ, and the valid ratio non-increasing?
    pub statement: String,
}

/// B7: HR@1 and the given valid ratio along λ, on the same questions and candidates.
///
/// # Errors
/// When there are fewer than two λ or no questions, a λ occurs twice, or as [`super::run`].
pub fn lambda_trade_off(
    models: &[LambdaModel],
    histories: &[Vec<Interaction>],
    questions: &[Question],
    catalog: &Catalog,
    config: &BehaviourConfig,
) -> Result<LambdaReport> {
    let mut models = models.to_vec();
    models.sort_by(|a, b| a.lambda.total_cmp(&b.lambda));
    ensure!(
        models.len() > 1 && models.windows(2).all(|pair| pair[0].lambda < pair[1].lambda),
        "the trade-off needs two or more models of different λ\nhint: pass each λ once"
    );
    ensure!(
        !questions.is_empty(),
        "there is no question to ask\nhint: pass the validation questions of a split"
    );
    let hits = models
        .iter()
        .map(|model| Ok(Subject::new(model.ranker, histories, questions, catalog, *config)?.hits()))
        .collect::<Result<Vec<_>>>()?;
    let points: Vec<LambdaPoint> = models
        .iter()
        .zip(&hits)
        .map(|(model, hits)| LambdaPoint {
            lambda: model.lambda,
            hit_rate_at_1: estimate(hits, config.seed),
            valid_ratio: model.valid_ratio,
        })
        .collect();
    let steps: Vec<LambdaStep> = (1..points.len())
        .map(|i| {
            let changes: Vec<f64> = hits[i].iter().zip(&hits[i - 1]).map(|(to, from)| to - from).collect();
            let change = estimate(&changes, config.seed);
            let trend = match change {
                Estimate { low, .. } if low > 0.0 => Trend::Rises,
                Estimate { high, .. } if high < 0.0 => Trend::Falls,
                _ => Trend::Level,
            };
            LambdaStep { from: points[i - 1].lambda, to: points[i].lambda, change, trend }
        })
        .collect();
    let statement = statement(&points, &steps);
    Ok(LambdaReport { visitors: questions.len(), points, steps, statement })
}

fn statement(points: &[LambdaPoint], steps: &[LambdaStep]) -> String {
    let mut best = points[0];
    for point in points {
        if point.hit_rate_at_1.mean > best.hit_rate_at_1.mean {
            best = *point;
        }
    }
    let falls: Vec<String> = steps
        .iter()
        .filter(|step| step.trend == Trend::Falls && step.to <= best.lambda)
        .map(|step| format!("{} to {}", step.from, step.to))
        .collect();
    let (first, last) = (points[0].lambda, best.lambda);
    let rise = if last == first {
        format!("HR@1 is best at the smallest λ, {first}")
    } else if falls.is_empty() {
        format!("HR@1 does not fall from λ {first} to its best at {last}")
    } else {
        format!("HR@1 is not monotonic up to its best at λ {last}: it falls from {}", falls.join(", "))
    };
    let rises: Vec<String> = points
        .windows(2)
        .filter(|pair| matches!((pair[0].valid_ratio, pair[1].valid_ratio), (Some(a), Some(b)) if b > a))
        .map(|pair| format!("{} to {}", pair[0].lambda, pair[1].lambda))
        .collect();
    let cost = if points.iter().filter(|point| point.valid_ratio.is_some()).count() < 2 {
        "no valid ratios to compare".to_owned()
    } else if rises.is_empty() {
        "the valid ratio never rises".to_owned()
    } else {
        format!("the valid ratio rises from λ {}", rises.join(", "))
    };
    format!("{rise}; {cost}")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ByRule, Shop};
    use super::*;

    /// Knows the targets of the first `known` visitors of ten.
    fn knows(shop: &Shop, known: i64) -> ByRule<'_> {
        shop.by_history("λ", move |history, stars, _| if history[0].time_ms < known { stars } else { -stars })
    }

    fn report(shop: &Shop, models: &[(f64, &ByRule, Option<f64>)]) -> Result<LambdaReport> {
        let models: Vec<LambdaModel> = models
            .iter()
            .map(|(lambda, ranker, valid_ratio)| LambdaModel {
                lambda: *lambda,
                ranker: *ranker,
                valid_ratio: *valid_ratio,
            })
            .collect();
        lambda_trade_off(
            &models,
            &shop.histories,
            &shop.questions,
            &shop.catalog,
            &BehaviourConfig::default(),
        )
    }

    #[test]
    fn hit_rate_rises_to_a_best_and_validity_pays() {
        let shop = Shop::new(&[1.0], 10);
        let (two, nine, one) = (knows(&shop, 2), knows(&shop, 9), knows(&shop, 1));
        let models = [(2.0, &nine, Some(0.8)), (0.0, &two, Some(0.9)), (3.0, &one, Some(0.7))];
        let report = report(&shop, &models).unwrap();
        let rates: Vec<f64> = report.points.iter().map(|point| point.hit_rate_at_1.mean).collect();
        assert_eq!(rates, [0.2, 0.9, 0.1]);
        assert_eq!([report.steps[0].trend, report.steps[1].trend], [Trend::Rises, Trend::Falls]);
        assert!((report.steps[0].change.mean - 0.7).abs() < 1e-12);
        assert_eq!(
            report.statement,
            "HR@1 does not fall from λ 0 to its best at 2; the valid ratio never rises"
        );
    }

    #[test]
    fn a_fall_on_the_way_and_missing_ratios_are_said() {
        let shop = Shop::new(&[1.0], 10);
        let (eight, none, ten) = (knows(&shop, 8), knows(&shop, 0), knows(&shop, 10));
        let report = report(&shop, &[(0.0, &eight, None), (1.0, &none, None), (2.0, &ten, None)]).unwrap();
        assert_eq!(
            report.statement,
            "HR@1 is not monotonic up to its best at λ 2: it falls from 0 to 1; no valid ratios to compare"
        );
    }

    #[test]
    fn one_model_is_no_trade_off() {
        let shop = Shop::new(&[1.0], 3);
        let ranker = knows(&shop, 1);
        assert!(report(&shop, &[(1.0, &ranker, None)]).is_err());
        assert!(report(&shop, &[(1.0, &ranker, None), (1.0, &ranker, None)]).is_err());
    }
}
