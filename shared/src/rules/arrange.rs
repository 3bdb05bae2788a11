//! What do the rules make of scores? Who may be shown, in which order, and which rule put it there.

use std::collections::HashMap;

use super::{
    Always, Boost, DAY_MS, Fallback, MOST_BOOST, Placement, Rules,
    expression::Scope,
    reason::{ALIKE, likeness},
};
use crate::{
    catalog::Catalog,
    interaction::{Event, EventKind, Interaction},
    rank::{Recommendation, Scores, best_by, top_k},
};

/// Items that limits and pins choose from, per item of the list and at least.
const POOL_PER_ITEM: usize = 20;
const LEAST_POOL: usize = 1000;
/// Items that are compared with all chosen so far, per item of the list and at least.
const COMPARED_PER_ITEM: usize = 5;
const LEAST_COMPARED: usize = 100;
/// Items that suffice where nothing is limited, at least.
const FEW: usize = 64;

/// Where and for whom a list is made.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub catalog: &'a Catalog,
    pub placement: &'a str,
    /// The item whose page is open, by its position in the catalogue.
    pub seed: Option<usize>,
    pub met: &'a [Interaction],
    pub events: &'a [Event],
    /// Positions in the catalogue.
    pub cart: &'a [usize],
    /// What the page shows elsewhere.
    pub shown: &'a [usize],
    /// Milliseconds since 1970-01-01 UTC.
    pub now_ms: i64,
    /// Which hundredth of the visitors this one is of, for experiments.
    pub bucket: u8,
}

impl<'a> Scene<'a> {
    /// A page about nothing, for a visitor of whom nothing is known.
    #[must_use]
    pub fn of(catalog: &'a Catalog, now_ms: i64) -> Self {
        let (met, events, cart, shown) = (&[], &[], &[], &[]);
        Self { catalog, placement: "", seed: None, met, events, cart, shown, now_ms, bucket: 0 }
    }

    fn scope(&self, item: usize) -> Scope<'a> {
        let items = self.catalog.items();
        Scope { item: &items[item], seed: self.seed.map(|seed| &items[seed]), now_ms: self.now_ms }
    }

    fn group(&self, item: usize) -> Option<&'a str> {
        self.catalog.items()[item].group.as_deref()
    }
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Position in the catalogue.
    pub item: usize,
    /// log π(item | history); −∞ for a pinned item that was not scored.
    pub score: f32,
    /// 1 for the best item, 0 for what is no likelier than any other.
    pub strength: f32,
    /// What the rules did with it, by their names.
    pub rules: Vec<String>,
}

/// A list, and what else the rules say about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrangement {
    pub list: Vec<Placed>,
    /// What should stand in the place of a list that is empty all the same: the shop's own, or nothing.
    pub fallback: Vec<Fallback>,
    pub is_explained: bool,
    /// The experiment that chose the rules.
    pub experiment: Option<String>,
}

impl Rules {
    /// Takes away what holds everywhere: the cart, the rest of the page, the page's own item and its variants, and what
    /// was bought lately.
    pub fn forbid(&self, scene: &Scene, is_shown: &mut [bool]) {
        for &item in scene.cart.iter().chain(scene.shown).chain(&scene.seed) {
            is_shown[item] = false;
        }
        for always in &self.always {
            match always {
                Always::NotRecentlyBought { days } => {
                    let since_ms = scene.now_ms.saturating_sub(i64::from(*days) * DAY_MS);
                    let bought = scene
                        .events
                        .iter()
                        .filter(|event| event.kind == EventKind::Purchase && event.ts >= since_ms);
                    for item in bought.filter_map(|event| scene.catalog.index(&event.item)) {
                        is_shown[item] = false;
                    }
                }
                Always::OnePerGroup => {
                    let Some(group) = scene.seed.and_then(|seed| scene.group(seed)) else { continue };
                    for (item, shown) in is_shown.iter_mut().enumerate() {
                        *shown &= scene.group(item) != Some(group);
                    }
                }
                // The engine and the lines above see to these, named or not.
                Always::InStock | Always::NotInCart | Always::NotDismissed | Always::UniqueOnPage => {}
            }
        }
    }

    /// Takes away what the placement's filters leave out.
    pub fn filter(&self, scene: &Scene, is_shown: &mut [bool]) {
        let Some(placement) = self.placement(scene.placement, scene.bucket).0 else { return };
        let is_said = |condition: &super::Condition| scene.seed.is_some() || !condition.0.needs_seed();
        let filter = placement.filter.as_ref().filter(|filter| is_said(filter));
        let when: Vec<_> =
            placement.when.iter().filter(|when| is_said(&when.r#if) && is_said(&when.filter)).collect();
        if filter.is_none() && when.is_empty() {
            return;
        }
        for (item, shown) in is_shown.iter_mut().enumerate().filter(|(_, shown)| **shown) {
            let scope = scene.scope(item);
            *shown = filter.is_none_or(|filter| filter.0.is_true(scope))
                && when.iter().all(|when| !when.r#if.0.is_true(scope) || when.filter.0.is_true(scope));
        }
    }

    /// The list of `k` from `scores` of everything that the filters leave.
    ///
    /// `is_allowed` says which items may be pinned: a pin beats filters, but neither stock nor cart nor dislike.
    #[must_use]
    pub fn arrange(&self, scene: &Scene, is_allowed: &[bool], scores: &Scores, k: usize) -> Arrangement {
        let (placement, experiment) = self.placement(scene.placement, scene.bucket);
        let none = Placement::default();
        let placement = placement.unwrap_or(&none);
        let moves = Moves::new(placement, scene);
        let pool = LEAST_POOL.max(k.saturating_mul(POOL_PER_ITEM));
        let few = FEW.max(k.saturating_mul(2)).min(pool);
        let likeliest = scores.best(few);
        let strengths = Strengths::new(scores, likeliest.first());
        let is_strong = |strength: f32| strength >= placement.min_score;
        let value = |(item, score): (usize, f32)| {
            let strength = strengths.of(score);
            is_strong(strength).then(|| (item, strength + moves.by(item), score))
        };
        // Best first, ties to the likelier and then to the earlier item.
        let order = |a: &(usize, f32, f32), b: &(usize, f32, f32)| {
            b.1.total_cmp(&a.1).then(b.2.total_cmp(&a.2)).then(a.0.cmp(&b.0))
        };
        let placed = |item: usize, rule: &str| {
            let score = scores.get(item).unwrap_or(f32::NEG_INFINITY);
            Placed { item, score, strength: strengths.of(score), rules: vec![rule.to_owned()] }
        };
        let pins = pins(placement, scene, is_allowed, k);
        let is_free = |item: usize| !pins.values().any(|pinned| *pinned == item);
        let pinned_at = |list: &[Placed]| {
            let pinned = pins.get(&(list.len() + 1)).copied();
            pinned.filter(|item| list.iter().all(|placed| placed.item != *item))
        };
        let is_one_per_group = self.always.contains(&Always::OnePerGroup);
        let list_of = |values: Vec<(usize, f32, f32)>| {
            // What is pinned takes its room first: limits hold of what stands beside it.
            let pinned = pins.values().copied().collect();
            let mut chosen = Chosen::new(scene, placement, is_one_per_group, pinned);
            let mut left: Vec<Option<(usize, f32, f32)>> = values.into_iter().map(Some).collect();
            let mut list = Vec::new();
            while list.len() < k {
                if let Some(item) = pinned_at(&list) {
                    list.push(placed(item, "pin"));
                    continue;
                }
                let Some(at) = chosen.next(&left, k, is_free) else { break };
                let Some((item, _, score)) = left[at].take() else { break };
                chosen.push(item);
                list.push(Placed { item, score, strength: strengths.of(score), rules: moves.names(item) });
            }
            (list, chosen)
        };
        // Where nothing is moved the likeliest are the best, and nobody else needs to be asked.
        let valued = |best: Vec<Recommendation>| {
            best.into_iter().filter_map(|best| value((best.item, best.score))).collect::<Vec<_>>()
        };
        let is_different = placement.diversity.mmr_lambda.is_some();
        let (mut list, mut chosen) = list_of(match (moves.is_idle, is_different) {
            (true, false) => valued(likeliest),
            (true, true) => valued(scores.best(pool)),
            (false, _) => best_by(scores.iter().filter_map(value), pool, order),
        });
        // Most lists are full with the very best, and are the same then; limits may look further.
        if moves.is_idle && !is_different && list.len() < k && scores.len() > few {
            (list, chosen) = list_of(valued(scores.best(pool)));
        }
        // Looks at every pair of an item and what was liked: only where the list is too short.
        let is_filled = list.len() < k && placement.fallback.first() == Some(&Fallback::Content);
        let mut alike = is_filled.then(|| alike(scene, scores)).into_iter().flatten();
        while list.len() < k {
            if let Some(item) = pinned_at(&list) {
                list.push(placed(item, "pin"));
                continue;
            }
            let next =
                alike.find(|&item| is_free(item) && !chosen.items.contains(&item) && chosen.has_room(item));
            let Some(item) = next else { break };
            chosen.push(item);
            list.push(placed(item, "fallback: content"));
        }
        // What is pinned further down than the list came stands at its end.
        let mut left: Vec<_> = pins.iter().collect();
        left.sort_unstable();
        for (_, &item) in left {
            if list.len() < k && list.iter().all(|placed| placed.item != item) {
                list.push(placed(item, "pin"));
            }
        }
        let fallback = placement.fallback.iter().copied().filter(|fallback| *fallback != Fallback::Content);
        Arrangement {
            list,
            fallback: fallback.collect(),
            is_explained: placement.explain,
            experiment: experiment.map(str::to_owned),
        }
    }
}

/// The items of `scores` that are alike to what the visitor liked of late, likest first.
fn alike(scene: &Scene, scores: &Scores) -> Vec<usize> {
    /// As many as the rules have that answer before a model is there.
    const NEWEST: usize = 24;
    let items = scene.catalog.items();
    let mut liked = Vec::new();
    for met in scene.met.iter().rev().filter(|met| met.intensity > 0.0) {
        if liked.len() < NEWEST && !liked.contains(&met.item) {
            liked.push(met.item);
        }
    }
    let of =
        |item: usize| liked.iter().map(|&other| likeness(&items[item], &items[other])).fold(0.0, f32::max);
    let alike = scores.iter().map(|(item, _)| (item, of(item))).filter(|(_, likeness)| *likeness >= ALIKE);
    top_k(alike, scores.len()).into_iter().map(|best| best.item).collect()
}

/// Pinned items by position, as far as they hold today, may be shown, and stand in a list of `k`.
fn pins(placement: &Placement, scene: &Scene, is_allowed: &[bool], k: usize) -> HashMap<usize, usize> {
    let holding = placement.pin.iter().rev().filter(|pin| pin.pos <= k && pin.holds(scene.now_ms));
    let known = holding.filter_map(|pin| Some((pin.pos, scene.catalog.index(&pin.item)?)));
    known.filter(|&(_, item)| is_allowed[item]).collect()
}

/// From log π to a scale on which a boost means the same for every visitor: 0 is chance among what was scored, 1 the best.
struct Strengths {
    chance: f32,
    span: f32,
}

impl Strengths {
    fn new(scores: &Scores, best: Option<&Recommendation>) -> Self {
        let best = best.map_or(f32::NEG_INFINITY, |best| best.score);
        // log Σ π + log(1/n): what each would have if all were alike.
        let chance = scores.log_total() - (scores.len().max(1) as f32).ln();
        Self { chance, span: best - chance }
    }

    fn of(&self, score: f32) -> f32 {
        if self.span > 0.0 && score.is_finite() {
            ((score - self.chance) / self.span).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }
}

/// What boosts, buries and rotation do with an item.
struct Moves<'a> {
    placement: &'a Placement,
    scene: &'a Scene<'a>,
    boosts: Vec<Move<'a>>,
    /// Seen lately, and nothing else done with it in that time.
    is_stale: HashMap<usize, bool>,
    /// Nothing is moved, so that nobody needs to be asked.
    is_idle: bool,
}

/// A boost or a bury, and what it does to an item's value at most.
struct Move<'a> {
    boost: &'a Boost,
    by: f32,
    list: &'static str,
    at: usize,
}

impl<'a> Moves<'a> {
    fn new(placement: &'a Placement, scene: &'a Scene<'a>) -> Self {
        let mut is_stale = HashMap::new();
        if let Some(rotation) = &placement.rotation {
            let since_ms = scene.now_ms.saturating_sub(i64::from(rotation.seconds) * 1000);
            for event in scene.events.iter().filter(|event| event.ts >= since_ms) {
                let Some(item) = scene.catalog.index(&event.item) else { continue };
                match event.kind {
                    EventKind::Impression => {
                        is_stale.entry(item).or_insert(true);
                    }
                    _ => {
                        is_stale.insert(item, false);
                    }
                }
            }
        }
        let lists = [("boost", 1.0, &placement.boost), ("bury", -1.0, &placement.bury)];
        let boosts = lists.into_iter().flat_map(|(list, sign, boosts)| {
            let numbered = boosts.iter().enumerate();
            numbered.map(move |(at, boost)| Move { boost, by: sign * boost.by, list, at: at + 1 })
        });
        // Of a page without an item nothing is said that speaks of it.
        let boosts: Vec<_> = boosts.filter(|each| scene.seed.is_some() || !each.boost.needs_seed()).collect();
        let is_idle = boosts.is_empty() && is_stale.is_empty();
        Self { placement, scene, boosts, is_stale, is_idle }
    }

    fn by(&self, item: usize) -> f32 {
        if self.is_idle {
            return 0.0;
        }
        let scope = self.scene.scope(item);
        let moved = self.boosts.iter().map(|each| each.by * share(each.boost, scope)).sum::<f32>();
        moved.clamp(-MOST_BOOST, MOST_BOOST)
            - if self.is_stale(item) {
                self.placement.rotation.as_ref().map_or(0.0, |rotation| rotation.rate)
            } else {
                0.0
            }
    }

    fn is_stale(&self, item: usize) -> bool {
        self.is_stale.get(&item) == Some(&true)
    }

    fn names(&self, item: usize) -> Vec<String> {
        let scope = self.scene.scope(item);
        let hits = self.boosts.iter().filter(|each| share(each.boost, scope) != 0.0);
        let name =
            |each: &Move| each.boost.name.clone().unwrap_or_else(|| format!("{} {}", each.list, each.at));
        hits.map(name).chain(self.is_stale(item).then(|| "rotation".to_owned())).collect()
    }
}

/// How much of a boost an item gets.
fn share(boost: &Boost, scope: Scope) -> f32 {
    match (&boost.r#if, &boost.field) {
        (Some(condition), _) if condition.0.is_true(scope) => 1.0,
        (None, Some(field)) => field.0.number(scope).unwrap_or(0.0).clamp(-1.0, 1.0) as f32,
        _ => 0.0,
    }
}

/// The list so far with what is pinned behind it, and what its limits leave room for.
struct Chosen<'a> {
    scene: &'a Scene<'a>,
    placement: &'a Placement,
    is_one_per_group: bool,
    items: Vec<usize>,
}

impl<'a> Chosen<'a> {
    fn new(
        scene: &'a Scene<'a>,
        placement: &'a Placement,
        is_one_per_group: bool,
        items: Vec<usize>,
    ) -> Self {
        Self { scene, placement, is_one_per_group, items }
    }

    fn push(&mut self, item: usize) {
        self.items.push(item);
    }

    /// Position of the next item in `left` (best first).
    fn next(
        &self,
        left: &[Option<(usize, f32, f32)>],
        k: usize,
        is_free: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let candidates =
            left.iter().enumerate().filter_map(|(at, value)| value.map(|(item, value, _)| (at, item, value)));
        let mut candidates = candidates.filter(|&(_, item, _)| is_free(item) && self.has_room(item));
        let Some(lambda) = self.placement.diversity.mmr_lambda else {
            return candidates.next().map(|(at, ..)| at);
        };
        let compared = LEAST_COMPARED.max(k.saturating_mul(COMPARED_PER_ITEM));
        let gain = |item: usize, value: f32| lambda * value - (1.0 - lambda) * self.likest(item);
        let gains = candidates.take(compared).map(|(at, item, value)| (at, gain(item, value)));
        // The first of equals is the better item.
        gains
            .fold(
                None,
                |best: Option<(usize, f32)>, next| {
                    if best.is_none_or(|best| next.1 > best.1) { Some(next) } else { best }
                },
            )
            .map(|best| best.0)
    }

    fn likest(&self, item: usize) -> f32 {
        let items = self.scene.catalog.items();
        self.items.iter().map(|&other| likeness(&items[item], &items[other])).fold(0.0, f32::max)
    }

    fn has_room(&self, item: usize) -> bool {
        let items = self.scene.catalog.items();
        let candidate = &items[item];
        let limits = &self.placement.diversity;
        let fits = |limit: Option<usize>, is_same: &dyn Fn(usize) -> bool| {
            limit.is_none_or(|limit| self.items.iter().filter(|&&other| is_same(other)).count() < limit)
        };
        let is_of_brand = |other: usize| candidate.brand.is_some() && items[other].brand == candidate.brand;
        let is_of_category = |other: usize| {
            !candidate.category.is_empty() && items[other].category.last() == candidate.category.last()
        };
        let is_of_group = |other: usize| candidate.group.is_some() && items[other].group == candidate.group;
        fits(limits.max_per_brand, &is_of_brand)
            && fits(limits.max_per_category, &is_of_category)
            && fits(self.is_one_per_group.then_some(1), &is_of_group)
    }
}

/// The share of a list that would not be in it by its scores alone.
#[must_use]
pub fn rule_share(list: &[Placed], scores: &Scores) -> f64 {
    let plain = scores.best(list.len());
    let by_rule = list.iter().filter(|placed| !plain.iter().any(|best| best.item == placed.item)).count();
    by_rule as f64 / list.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Item;

    /// Ten items, brands A and B in turn, prices 100 to 1000; `scores` falls with the number.
    fn shop() -> (Catalog, Scores) {
        let item = |number: usize| Item {
            id: format!("i{number}"),
            title: format!("Item {number}"),
            brand: Some(if number.is_multiple_of(2) { "A" } else { "B" }.into()),
            category: vec!["All".into(), if number < 6 { "Low" } else { "High" }.into()],
            price: Some(100 * (number as i64 + 1)),
            group: (number < 2).then(|| "twins".into()),
            tags: if number == 7 { vec!["new".into()] } else { vec![] },
            ..Item::default()
        };
        let probability = |number: usize| 0.5_f32.powi(number as i32 + 1);
        (
            Catalog::new((0..10).map(item).collect()).unwrap(),
            (0..10).map(|number| (number, probability(number).ln())).collect(),
        )
    }

    fn list(rules: &str, scene: &Scene, k: usize) -> Vec<usize> {
        arrangement(rules, scene, k).list.iter().map(|placed| placed.item).collect()
    }

    fn arrangement(home: &str, scene: &Scene, k: usize) -> Arrangement {
        let always = r#"["one_per_group", "not_recently_bought:30d"]"#;
        let always = if home.contains("\"any_group\"") { "[]" } else { always };
        let home = home.replace("\"any_group\"", "\"explain\": true");
        let text = format!(r#"{{"version": 1, "always": {always}, "placements": {{"home": {home}}}}}"#);
        let rules = Rules::parse(&text).unwrap();
        let scene = Scene { placement: "home", ..*scene };
        let mut is_allowed = vec![true; scene.catalog.len()];
        rules.forbid(&scene, &mut is_allowed);
        let mut is_shown = is_allowed.clone();
        rules.filter(&scene, &mut is_shown);
        let scores: Scores = shop().1.iter().filter(|(item, _)| is_shown[*item]).collect();
        rules.arrange(&scene, &is_allowed, &scores, k)
    }

    #[test]
    fn without_rules_scores_decide() {
        let (catalog, scores) = shop();
        let scene = Scene::of(&catalog, 0);
        let plain = Rules::default().arrange(&scene, &[true; 10], &scores, 4);
        assert_eq!(plain.list.iter().map(|placed| placed.item).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(plain.list[0].strength, 1.0);
        // Chance among ten is a tenth of the sum: only 1/2, 1/4, 1/8 and none of 1/16… are likelier.
        let expected = ((0.25_f64 / 0.0999).ln() / (0.5_f64 / 0.0999).ln()) as f32;
        assert!((plain.list[1].strength - expected).abs() < 1e-3);
        assert_eq!(plain.list[3].strength, 0.0);
    }

    #[test]
    fn filters_leave_out_and_seeds_speak_only_where_there_is_one() {
        let (catalog, _) = shop();
        let home = Scene::of(&catalog, 0);
        let seeded = Scene { seed: Some(4), ..home };
        assert_eq!(list(r#"{"filter": "price > 350 and brand == 'A'", "any_group"}"#, &home, 9), [4, 6, 8]);
        let near = r#"{"filter": "price >= 0.5 * seed.price and price <= 2 * seed.price", "any_group"}"#;
        assert_eq!(list(near, &home, 2), [0, 1]);
        assert_eq!(list(near, &seeded, 9), [2, 3, 5, 6, 7, 8, 9]);
        let when = r#"{"when": [{"if": "brand == 'A'", "filter": "price < 600"}], "any_group"}"#;
        assert_eq!(list(when, &home, 9), [0, 1, 2, 3, 4, 5, 7, 9]);
    }

    #[test]
    fn what_is_elsewhere_and_what_was_bought_is_not_shown() {
        let (catalog, _) = shop();
        let now_ms = 100 * DAY_MS;
        let events = [
            Event::new("i3", EventKind::Purchase, now_ms - 29 * DAY_MS),
            Event::new("i4", EventKind::Purchase, now_ms - 31 * DAY_MS),
        ];
        let scene = Scene { cart: &[2], shown: &[5], events: &events, ..Scene::of(&catalog, now_ms) };
        assert_eq!(list("{}", &scene, 9), [0, 4, 6, 7, 8, 9], "1 is of the group of 0");
        assert_eq!(list("{}", &Scene { seed: Some(0), ..Scene::of(&catalog, 0) }, 2), [2, 3]);
    }

    #[test]
    fn boosts_move_within_their_cap_and_say_so() {
        let (catalog, _) = shop();
        let home = Scene::of(&catalog, 0);
        let boosted = arrangement(
            r#"{"boost": [{"name": "new in", "if": "'new' in tags", "by": 0.5}], "any_group"}"#,
            &home,
            3,
        );
        // 0.5 is less than the second's strength (0.57) and more than the third's (0.14).
        assert_eq!(boosted.list.iter().map(|placed| placed.item).collect::<Vec<_>>(), [0, 1, 7]);
        assert_eq!(boosted.list[2].rules, ["new in"]);
        let twice = r#"{"boost": [{"if": "'new' in tags", "by": 0.5}, {"field": "price / 100", "by": 0.5}], "any_group"}"#;
        assert_eq!(list(twice, &home, 3), [0, 1, 2], "all are at the cap");
        assert_eq!(
            list(r#"{"bury": [{"if": "brand == 'A'", "by": 0.5}], "any_group"}"#, &home, 3),
            [1, 0, 3]
        );
    }

    #[test]
    fn pins_beat_filters_but_no_promise() {
        let (catalog, _) = shop();
        let home = Scene::of(&catalog, 0);
        let pin = r#"{"pin": [{"item": "i9", "pos": 2}, {"item": "none", "pos": 1}], "filter": "price < 500", "boost": [{"if": "true", "by": 0.5}], "any_group"}"#;
        let pinned = arrangement(pin, &home, 3);
        assert_eq!(pinned.list.iter().map(|placed| placed.item).collect::<Vec<_>>(), [0, 9, 1]);
        assert_eq!(
            (pinned.list[1].rules.as_slice(), pinned.list[1].score),
            (&["pin".to_owned()][..], f32::NEG_INFINITY)
        );
        assert_eq!(list(pin, &Scene { cart: &[9], ..home }, 3), [0, 1, 2]);
        assert_eq!(
            list(r#"{"pin": [{"item": "i1", "pos": 1}], "any_group"}"#, &home, 3),
            [1, 0, 2],
            "once in a list"
        );
        // Limits know what stands further down: 0 and 1 are twins, 9 is of brand B.
        let twins = r#"{"pin": [{"item": "i1", "pos": 3}]}"#;
        assert_eq!(list(twins, &home, 4), [2, 3, 1, 4]);
        let brands = r#"{"pin": [{"item": "i9", "pos": 3}], "diversity": {"max_per_brand": 2}, "any_group"}"#;
        assert_eq!(list(brands, &home, 9), [0, 1, 9, 2]);
    }

    #[test]
    fn a_pin_beyond_the_list_is_none_and_a_list_that_is_too_short_ends_with_its_pins() {
        let (catalog, _) = shop();
        let home = Scene::of(&catalog, 0);
        let beyond = r#"{"pin": [{"item": "i0", "pos": 8}], "any_group"}"#;
        assert_eq!(list(beyond, &home, 4), list(r#"{"any_group"}"#, &home, 4), "the best is not lost");
        let short = r#"{"filter": "price < 300", "pin": [{"item": "i9", "pos": 5}, {"item": "i8", "pos": 4}], "any_group"}"#;
        let few = list(short, &home, 9);
        assert_eq!(few[few.len() - 2..], [8, 9]);
        assert!(few.len() < 6, "{few:?}");
        // Nothing else is left.
        assert_eq!(list(r#"{"filter": "price < 0", "pin": [{"item": "i9", "pos": 2}]}"#, &home, 9), [9]);
        // What fills a list leaves the pins their places.
        let met = [Interaction { item: 9, intensity: 1.0, time_ms: 0 }];
        let filled =
            r#"{"min_score": 0.9, "fallback": ["content"], "pin": [{"item": "i1", "pos": 3}], "any_group"}"#;
        let filled = arrangement(filled, &Scene { met: &met, ..home }, 4);
        assert_eq!((filled.list[2].item, filled.list[2].rules.as_slice()), (1, &["pin".to_owned()][..]));
        assert_eq!(
            (filled.list.len(), filled.list[3].rules.as_slice()),
            (4, &["fallback: content".to_owned()][..])
        );
    }

    #[test]
    fn a_page_without_an_item_hears_nothing_of_it() {
        let (catalog, _) = shop();
        let home = Scene::of(&catalog, 0);
        let rules = r#"{"boost": [{"if": "not (brand == seed.brand)", "by": 0.3}, {"if": "'new' in tags", "by": 0.5}], "any_group"}"#;
        let boosted = arrangement(rules, &home, 3);
        assert_eq!(boosted.list.iter().map(|placed| placed.item).collect::<Vec<_>>(), [0, 1, 7]);
        assert_eq!(
            (boosted.list[0].rules.len(), boosted.list[2].rules.as_slice()),
            (0, &["boost 2".to_owned()][..])
        );
        let seeded = arrangement(rules, &Scene { seed: Some(9), ..home }, 3);
        assert_eq!(seeded.list[0].rules, ["boost 1"]);
    }

    #[test]
    fn limits_hold_and_difference_can_be_asked_for() {
        let (catalog, _) = shop();
        let home = Scene::of(&catalog, 0);
        assert_eq!(list(r#"{"diversity": {"max_per_brand": 1}, "any_group"}"#, &home, 9), [0, 1]);
        assert_eq!(list(r#"{"diversity": {"max_per_category": 2}, "any_group"}"#, &home, 9), [0, 1, 6, 7]);
        assert_eq!(list(r#"{"diversity": {"mmr_lambda": 1.0}, "any_group"}"#, &home, 4), [0, 1, 2, 3]);
        // Nothing but difference: after 0 the least alike is of the other brand and category, and of the furthest price.
        assert_eq!(list(r#"{"diversity": {"mmr_lambda": 0.0}, "any_group"}"#, &home, 2), [0, 9]);
    }

    #[test]
    fn limits_look_as_far_as_they_must() {
        // 500 items, of which every hundredth is of another brand: what fills a list stands far behind.
        let item = |number: usize| Item {
            id: format!("i{number}"),
            title: format!("Item {number}"),
            brand: Some(format!("{}", if number % 100 == 99 { number } else { 0 })),
            ..Item::default()
        };
        let catalog = Catalog::new((0..500).map(item).collect()).unwrap();
        let scores: Scores = (0..500).map(|number| (number, -1.0 - 0.01 * number as f32)).collect();
        let text = r#"{"version": 1, "placements": {"home": {"diversity": {"max_per_brand": 1}}}}"#;
        let scene = Scene { placement: "home", ..Scene::of(&catalog, 0) };
        let list = Rules::parse(text).unwrap().arrange(&scene, &[true; 500], &scores, 4).list;
        assert_eq!(list.iter().map(|placed| placed.item).collect::<Vec<_>>(), [0, 99, 199, 299]);
    }

    #[test]
    fn what_was_seen_lately_makes_room_until_it_is_clicked() {
        let (catalog, _) = shop();
        let at = |kind: EventKind, item: &str, ts| Event::new(item, kind, ts);
        let rotation = r#"{"rotation": {"rate": 1.0, "seconds": 60}, "any_group"}"#;
        let mut events =
            vec![at(EventKind::Impression, "i0", 50_000), at(EventKind::Impression, "i1", 10_000)];
        let rotated = arrangement(rotation, &Scene { events: &events, ..Scene::of(&catalog, 100_000) }, 3);
        assert_eq!(rotated.list.iter().map(|placed| placed.item).collect::<Vec<_>>(), [1, 2, 0]);
        assert_eq!(rotated.list[2].rules, ["rotation"]);
        events.push(at(EventKind::Click, "i0", 60_000));
        assert_eq!(list(rotation, &Scene { events: &events, ..Scene::of(&catalog, 100_000) }, 1), [0]);
    }

    #[test]
    fn rather_fewer_than_worse() {
        let (catalog, scores) = shop();
        let home = Scene::of(&catalog, 0);
        let few = arrangement(r#"{"min_score": 0.1, "fallback": ["hide"], "any_group"}"#, &home, 9);
        assert_eq!((few.list.len(), few.fallback), (3, vec![Fallback::Hide]));
        // Likest to 9, which was liked: itself, and by category and price 8 and 6; 7 is out by its price.
        let met = [Interaction { item: 9, intensity: 1.0, time_ms: 0 }];
        let filled =
            r#"{"min_score": 0.05, "filter": "price != 800", "fallback": ["content", "shop"], "any_group"}"#;
        let filled = arrangement(filled, &Scene { met: &met, ..home }, 6);
        assert_eq!(filled.list.iter().map(|placed| placed.item).collect::<Vec<_>>(), [0, 1, 2, 9, 8, 6]);
        assert_eq!(filled.list[4].rules, ["fallback: content"]);
        assert_eq!(filled.fallback, [Fallback::Shop]);
        assert_eq!(rule_share(&few.list, &scores), 0.0);
    }

    #[test]
    fn shares_of_visitors_get_the_rules_of_an_experiment() {
        let (catalog, scores) = shop();
        let text = r#"{"version": 1, "placements": {"home": {}, "short": {"min_score": 1}},
            "experiments": {"short-home": {"placement": "home", "uses": "short", "share": 30}}}"#;
        let rules = Rules::parse(text).unwrap();
        let of = |bucket| {
            let scene = Scene { placement: "home", bucket, ..Scene::of(&catalog, 0) };
            let arrangement = rules.arrange(&scene, &[true; 10], &scores, 5);
            (arrangement.list.len(), arrangement.experiment)
        };
        assert_eq!(of(29), (1, Some("short-home".to_owned())));
        assert_eq!(of(30), (5, None));
    }
}
