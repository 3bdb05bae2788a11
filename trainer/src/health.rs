//! How is a stage going? Means of what its steps report, and what to change when they look wrong.

use anyhow::{Context, Result};
use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Device, Tensor, TensorData},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::vocabulary::Model;

/// Sums over steps that stay on the device until a line is written: one readback per line, not per step.
pub struct Gauges {
    names: &'static [&'static str],
    /// Sums of the metrics of the steps since the last line.
    since: Option<Tensor<1>>,
    sums: Sums,
}

/// What is added up in the middle of an epoch, for a process that goes on from there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Metrics of the steps since the last line, when it was written down; then they are on the device.
    since: Vec<f32>,
    since_loss: f64,
    since_steps: usize,
    /// Sums over the epoch up to the last line.
    epoch: Vec<f64>,
    epoch_loss: f64,
    epoch_steps: usize,
    epoch_norms: Vec<f64>,
}

impl Gauges {
    /// Of an epoch that begins, or that goes on with the sums of another process.
    #[must_use]
    pub fn new(names: &'static [&'static str], before: Option<Sums>, device: &Device) -> Self {
        let mut sums = before.unwrap_or_default();
        sums.epoch.resize(names.len(), 0.0);
        let since = std::mem::take(&mut sums.since);
        let since = (since.len() == names.len() && !since.is_empty())
            .then(|| Tensor::from_data(TensorData::new(since, [names.len()]), device));
        Self { names, since, sums }
    }

    /// What is added up so far.
    ///
    /// # Errors
    /// When the device fails.
    pub fn sums(&self) -> Result<Sums> {
        let since = self.since.clone().map(Tensor::try_into_vec_as::<f32>).transpose();
        let since = since.context("the metrics cannot be read")?.unwrap_or_default();
        Ok(Sums { since, ..self.sums.clone() })
    }

    /// Takes one step in. Its metrics must be without gradients.
    pub fn step(&mut self, loss: f64, metrics: Option<Tensor<1>>) {
        self.sums.since_loss += loss;
        self.sums.since_steps += 1;
        self.since = match (self.since.take(), metrics) {
            (Some(sum), Some(metrics)) => Some(sum + metrics),
            (sum, metrics) => sum.or(metrics),
        };
    }

    /// Means since the last line as a JSON object, and its norm and learning rate; begins anew.
    ///
    /// # Errors
    /// When the device fails.
    pub fn line(&mut self, norm: f64, learning_rate: f64) -> Result<Value> {
        let steps = self.sums.since_steps.max(1) as f64;
        let loss = self.sums.since_loss / steps;
        let sums = self.read()?;
        self.sums.epoch_norms.push(norm);
        let mut line = self.named(&sums, steps);
        line.insert("loss".to_owned(), json!(loss));
        line.insert("grad_norm".to_owned(), json!(norm));
        line.insert("learning_rate".to_owned(), json!(learning_rate));
        Ok(Value::Object(line))
    }

    /// Means over the epoch by name; none of an epoch that another process took all steps of.
    ///
    /// # Errors
    /// When the device fails.
    pub fn epoch(mut self) -> Result<Map<String, Value>> {
        self.read()?;
        if self.sums.epoch_steps == 0 {
            return Ok(Map::new());
        }
        let steps = self.sums.epoch_steps as f64;
        let mut means = self.named(&self.sums.epoch, steps);
        means.insert("loss".to_owned(), json!(self.sums.epoch_loss / steps));
        if !self.sums.epoch_norms.is_empty() {
            let norm = self.sums.epoch_norms.iter().sum::<f64>() / self.sums.epoch_norms.len() as f64;
            means.insert("grad_norm".to_owned(), json!(norm));
        }
        Ok(means)
    }

    fn named(&self, sums: &[f64], steps: f64) -> Map<String, Value> {
        self.names.iter().zip(sums).map(|(name, sum)| ((*name).to_owned(), json!(sum / steps))).collect()
    }

    /// Moves what the device holds into the sums of the epoch.
    fn read(&mut self) -> Result<Vec<f64>> {
        let sums: Vec<f64> = match self.since.take() {
            Some(sums) => {
                let values = sums.try_into_vec_as::<f32>().context("the metrics cannot be read")?;
                values.into_iter().map(f64::from).collect()
            }
            None => Vec::new(),
        };
        for (total, sum) in self.sums.epoch.iter_mut().zip(&sums) {
            *total += sum;
        }
        self.sums.epoch_loss += std::mem::take(&mut self.sums.since_loss);
        self.sums.epoch_steps += std::mem::take(&mut self.sums.since_steps);
        Ok(sums)
    }
}

/// Norm of all gradients together, before any clipping.
///
/// # Errors
/// When the device fails.
pub fn gradient_norm(model: &Model, gradients: &GradientsParams) -> Result<f64> {
    let Some(squares) = squared_norm(model, gradients) else { return Ok(0.0) };
    let values = squares.try_into_vec_as::<f32>().context("the gradients cannot be read")?;
    Ok(values.first().copied().map_or(0.0, f64::from).sqrt())
}

/// Square of that norm, still on the device; none where there are no gradients.
#[must_use]
pub fn squared_norm(model: &Model, gradients: &GradientsParams) -> Option<Tensor<1>> {
    struct Squares<'a> {
        gradients: &'a GradientsParams,
        sums: Vec<Tensor<1>>,
    }
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.gradients.get::<D>(param.id) {
                self.sums.push(gradient.powi_scalar(2).sum());
            }
        }
    }
    let mut squares = Squares { gradients, sums: Vec::new() };
    model.visit(&mut squares);
    total(squares.sums)
}

/// One number from one for each weight; none from none.
fn total(sums: Vec<Tensor<1>>) -> Option<Tensor<1>> {
    (!sums.is_empty()).then(|| Tensor::cat(sums, 0).sum())
}

/// Are all trained weights finite?
///
/// # Errors
/// When the device fails.
pub fn are_numbers(model: &Model) -> Result<bool> {
    struct Sums(Vec<Tensor<1>>);
    impl ModuleVisitor for Sums {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.is_require_grad() {
                // Nothing of a finite weight, and no number of any other.
                self.0.push((param.val().detach() * 0.0).sum());
            }
        }
    }
    let mut sums = Sums(Vec::new());
    model.visit(&mut sums);
    let Some(total) = total(sums.0) else { return Ok(true) };
    let values = total.try_into_vec_as::<f32>().context("the weights cannot be read")?;
    Ok(values.iter().all(|value| value.is_finite()))
}

/// Mean nats that chosen items may lose against the reference before it is worth a word.
const SINKING: f64 = 3.0;

/// What looks wrong in the means of an epoch of a preference stage, and what to change: a name and a text each.
#[must_use]
pub fn hints(means: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let get = |name: &str| means.get(name).and_then(Value::as_f64);
    let mut list = Vec::new();
    if let (Some(loss), Some(start)) = (get("loss/preference"), get("loss/at_reference"))
        && (loss - start).abs() < 0.01 * start.abs()
    {
        let text = format!(
            "the preference loss stayed at {loss:.3}, where it began (ln 2 = 0.693 for DPO), for a whole epoch\n\
             hint: raise preference.stage.learning_rate or preference.beta"
        );
        list.push(("loss stuck", text));
    }
    if let Some(sunk) = get("logps/chosen_change").filter(|change| *change < -SINKING) {
        let text = format!(
            "chosen items lost {:.1} nats against the reference: the stage pushes everything down\n\
             hint: raise preference.nll_weight, or lower preference.stage.learning_rate or preference.lambda",
            -sunk
        );
        list.push(("chosen sinking", text));
    }
    // A loss without a margin has none to meet.
    let target = get("margin/target_mean").unwrap_or_default();
    if let Some(met) = get("margin/met").filter(|met| *met < 0.05 && target > 0.0) {
        let text = format!(
            "{:.1} % of pairs met their margin in an epoch (mean margin {:.1}): the loss never saturates\n\
             hint: lower preference.lambda, set preference.largest_margin, or raise preference.beta",
            100.0 * met,
            target
        );
        list.push(("margin never met", text));
    }
    list
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn means_of_lines_and_of_the_epoch() {
        let device = Device::flex();
        let mut gauges = Gauges::new(&["a", "b"], None, &Device::flex());
        let values = |a: f32, b: f32| Some(Tensor::<1>::from_floats([a, b], &device));
        gauges.step(1.0, values(1.0, 10.0));
        gauges.step(3.0, values(3.0, 20.0));
        let line = gauges.line(0.5, 1e-3).unwrap();
        assert_eq!((line["a"].as_f64(), line["b"].as_f64()), (Some(2.0), Some(15.0)));
        assert_eq!((line["loss"].as_f64(), line["grad_norm"].as_f64()), (Some(2.0), Some(0.5)));
        gauges.step(5.0, values(8.0, 0.0));
        let means = gauges.epoch().unwrap();
        assert_eq!((means["a"].as_f64(), means["b"].as_f64()), (Some(4.0), Some(10.0)));
        assert_eq!(means["loss"].as_f64(), Some(3.0));
        assert_eq!(means["grad_norm"].as_f64(), Some(0.5));
    }

    #[test]
    fn hints_name_what_to_change() {
        let means = |loss: f64, change: f64, met: f64| {
            let value = json!({ "loss/preference": loss, "loss/at_reference": 0.693, "logps/chosen_change": change,
                "margin/met": met, "margin/target_mean": 8.0 });
            value.as_object().unwrap().clone()
        };
        assert!(hints(&means(0.4, 0.5, 0.6)).is_empty());
        assert!(hints(&means(0.692, 0.0, 0.5))[0].1.contains("learning_rate"));
        assert!(hints(&means(0.4, -4.0, 0.6))[0].1.contains("nll_weight"));
        assert!(hints(&means(0.4, 0.0, 0.01))[0].1.contains("lambda"));
        assert!(hints(&Map::new()).is_empty());
        let mut unbounded = means(0.4, 0.0, 0.0);
        unbounded["margin/target_mean"] = json!(0.0);
        assert!(hints(&unbounded).is_empty(), "a loss without a margin has none to meet");
        assert!(
            Gauges::new(&["margin/met"], None, &Device::flex()).epoch().unwrap().is_empty(),
            "no steps, no means"
        );
    }
}
