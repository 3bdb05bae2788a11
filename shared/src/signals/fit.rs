//! How long do visitors look at the items of a category? Quantiles of active time, measured in a shop's log.

use std::collections::BTreeMap;

use super::{
    SignalsConfig,
    rules::{DwellTimes, Fit, Rule},
};
use crate::{catalog::Catalog, interaction::Event};

/// Dwells that a category needs before its own times replace the priors.
const ENOUGH: usize = 50;

impl SignalsConfig {
    /// Measures the median and the 90 % quantile (nearest rank) of active time for every first category with 50
    /// dwells or more. Bounces are left out: the scale is for items that were looked at. A category keeps the
    /// priors when it has fewer, or when the two times coincide. Does nothing when the rule says `fit = "fixed"`.
    ///
    /// # Source
    /// Normalised dwell: Yi et al. (RecSys 2014), Xie et al. (WWW 2023, arXiv 2209.09000).
    pub fn fit_dwell<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>, catalog: &Catalog) {
        let shortest_ms = match self.events.get("bounce") {
            Some(Rule::Bounce(bounce)) => (bounce.below_s * 1000.0) as i64,
            _ => 0,
        };
        let mut by_category: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for event in events {
            let (Some(dwell_ms), Some((_, Rule::Dwell(_)))) = (event.dwell_ms, self.rule(&event.kind)) else {
                continue;
            };
            let category = catalog.index(&event.item).and_then(|item| catalog.items()[item].category.first());
            if let Some(category) = category
                && dwell_ms >= shortest_ms
            {
                by_category.entry(category).or_default().push(dwell_ms);
            }
        }
        for rule in self.events.values_mut() {
            let Rule::Dwell(dwell) = rule else { continue };
            if dwell.fit == Fit::Fixed {
                continue;
            }
            for (category, dwells_ms) in &mut by_category {
                dwells_ms.sort_unstable();
                let quantile_s =
                    |percent: usize| dwells_ms[(dwells_ms.len() * percent).div_ceil(100) - 1] as f32 / 1000.0;
                if dwells_ms.len() < ENOUGH {
                    continue;
                }
                let times = DwellTimes { t50_s: quantile_s(50), t90_s: quantile_s(90) };
                if 0.0 < times.t50_s && times.t50_s < times.t90_s {
                    dwell.categories.insert((*category).to_owned(), times);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Item, interaction::EventKind};

    fn catalog() -> Catalog {
        let item = |id: &str, category: &str| Item {
            id: id.into(),
            title: id.into(),
            category: vec![category.into(), "Special".into()],
            ..Item::default()
        };
        Catalog::new(vec![item("coat", "Coats"), item("bag", "Bags"), item("hat", "Hats")]).unwrap()
    }

    fn dwell(item: &str, seconds: i64) -> Event {
        Event { dwell_ms: Some(seconds * 1000), ..Event::new(item, EventKind::Dwell, 0) }
    }

    fn fitted(signals: &SignalsConfig) -> &BTreeMap<String, DwellTimes> {
        match &signals.events["dwell"] {
            Rule::Dwell(dwell) => &dwell.categories,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_category_with_fifty_dwells_gets_its_own_times() {
        // Coats: 4 s to 103 s, a hundred of them, and bounces. Bags: one too few. Hats: all the same.
        let mut events: Vec<Event> = (0..100).rev().map(|i| dwell("coat", 4 + i)).collect();
        events.extend((0..80).map(|_| dwell("coat", 1)));
        events.extend((0..49).map(|i| dwell("bag", 4 + i)));
        events.extend((0..60).map(|_| dwell("hat", 20)));
        events.push(dwell("gone", 20));
        let mut signals = SignalsConfig::default();
        signals.fit_dwell(&events, &catalog());
        let expected = DwellTimes { t50_s: 53.0, t90_s: 93.0 };
        assert_eq!(*fitted(&signals), BTreeMap::from([("Coats".to_owned(), expected)]));
        signals.validate().unwrap();
        // √(53·93) s is half-way on the logarithmic scale; the priors would say 0.40 - 0.04.
        let Rule::Dwell(rule) = &signals.events["dwell"] else { panic!() };
        assert!((rule.intensity(70_207, Some("Coats")) - 0.25).abs() < 1e-4);
        assert!((rule.intensity(15_000, Some("Bags")) - 0.10).abs() < 1e-6);
    }

    #[test]
    fn fixed_times_stay() {
        let text = r#"{"events": {"dwell": {"t50_s": 8, "t90_s": 40, "fit": "fixed"}}}"#;
        let mut signals: SignalsConfig = serde_json::from_str(text).unwrap();
        let events: Vec<Event> = (0..100).map(|i| dwell("coat", 4 + i)).collect();
        signals.fit_dwell(&events, &catalog());
        assert!(fitted(&signals).is_empty());
    }
}
