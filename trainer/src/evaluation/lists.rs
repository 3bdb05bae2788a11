//! What does a recommended list look like? Popularity, tail, diversity; over all lists coverage and Gini.

use std::collections::HashMap;

use shared::catalog::{Catalog, Item};

/// How long a list is looked at.
pub const LIST: usize = 10;
/// Share of the training interactions that the head of the catalogue makes up.
const HEAD_SHARE: f64 = 0.8;

/// What the measures must know of each item.
pub struct Shelf {
    /// Share of items that were met less often in training, ties by half: 0 to 1.
    percentile: Vec<f64>,
    /// Outside the smallest set of most met items that makes 80 % of the interactions.
    is_tail: Vec<bool>,
    /// Categories, brand and words of the title as sorted numbers.
    features: Vec<Vec<u32>>,
}

impl Shelf {
    /// `counts`: how often each item was met in training.
    #[must_use]
    pub fn new(catalog: &Catalog, counts: &[f32]) -> Self {
        let mut known = HashMap::new();
        let features = catalog.items().iter().map(|item| features(item, &mut known)).collect();
        Self { percentile: percentiles(counts), is_tail: tail(counts), features }
    }

    /// Mean popularity percentile of a list.
    #[must_use]
    pub fn popularity(&self, list: &[usize]) -> f64 {
        mean(list.iter().map(|&item| self.percentile[item]))
    }

    /// Share of a list outside the head.
    #[must_use]
    pub fn tail_share(&self, list: &[usize]) -> f64 {
        mean(list.iter().map(|&item| f64::from(u8::from(self.is_tail[item]))))
    }

    /// 1 − mean Jaccard similarity of all pairs; 0 for a list of one.
    #[must_use]
    pub fn diversity(&self, list: &[usize]) -> f64 {
        mean(list.iter().enumerate().flat_map(|(position, &a)| {
            list[position + 1..].iter().map(move |&b| 1.0 - jaccard(&self.features[a], &self.features[b]))
        }))
    }
}

/// Over all lists: the share of the catalogue that is in one, and how unequally the lists treat the items.
///
/// They have no interval: a resample repeats visitors, so that it covers less by construction.
///
/// # Source
/// Gini = Σ (2i − n − 1) x_i / (n Σ x) over the exposures x in rising order, i from 1: 0 when every item is
/// shown as often as any other, 1 − 1/n when one item is shown always.
#[must_use]
pub fn coverage_and_gini(exposures: &[u32]) -> (f64, f64) {
    let count = exposures.len() as f64;
    let covered = exposures.iter().filter(|&&exposure| exposure > 0).count() as f64 / count.max(1.0);
    let mut rising = exposures.to_vec();
    rising.sort_unstable();
    let total: f64 = rising.iter().map(|&exposure| f64::from(exposure)).sum();
    if total == 0.0 {
        return (covered, 0.0);
    }
    let weighted: f64 =
        rising.iter().zip(1..).map(|(&x, i)| (2.0 * f64::from(i) - count - 1.0) * f64::from(x)).sum();
    (covered, weighted / (count * total))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}

fn features(item: &Item, known: &mut HashMap<String, u32>) -> Vec<u32> {
    let title = item.title.to_lowercase();
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    // Prefixed, so that the brand "Wool" and the word are two things.
    let all = words
        .map(|word| format!("title {word}"))
        .chain(item.category.iter().map(|category| format!("category {category}")))
        .chain(item.brand.iter().map(|brand| format!("brand {brand}")));
    let mut numbers: Vec<u32> = all
        .map(|feature| {
            let next = known.len() as u32;
            *known.entry(feature).or_insert(next)
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// |a ∩ b| / |a ∪ b| of two sorted sets; two empty sets are the same.
fn jaccard(a: &[u32], b: &[u32]) -> f64 {
    let (mut i, mut j, mut common) = (0, 0, 0_usize);
    while i < a.len() && j < b.len() {
        common += usize::from(a[i] == b[j]);
        let (left, right) = (a[i], b[j]);
        i += usize::from(left <= right);
        j += usize::from(right <= left);
    }
    let union = a.len() + b.len() - common;
    if union == 0 { 1.0 } else { common as f64 / union as f64 }
}

fn percentiles(counts: &[f32]) -> Vec<f64> {
    let mut rising = counts.to_vec();
    rising.sort_by(f32::total_cmp);
    let below = |count: f32| rising.partition_point(|&other| other < count);
    let up_to = |count: f32| rising.partition_point(|&other| other <= count);
    counts.iter().map(|&c| (below(c) + up_to(c)) as f64 / 2.0 / counts.len() as f64).collect()
}

fn tail(counts: &[f32]) -> Vec<bool> {
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by(|&a, &b| counts[b].total_cmp(&counts[a]).then(a.cmp(&b)));
    let mut is_tail = vec![true; counts.len()];
    let mut met = 0.0;
    for item in order {
        if met >= HEAD_SHARE * total {
            break;
        }
        met += f64::from(counts[item]);
        is_tail[item] = false;
    }
    is_tail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> Shelf {
        let item = |id: &str, title: &str, category: &str| Item {
            id: id.into(),
            title: title.into(),
            category: vec![category.into()],
            ..Item::default()
        };
        let items = vec![
            item("a", "Red coat", "Coats"),
            item("b", "Blue coat", "Coats"),
            item("c", "Red hat", "Hats"),
            item("d", "Scarf", "Scarves"),
        ];
        Shelf::new(&Catalog::new(items).unwrap(), &[6.0, 2.0, 1.0, 1.0])
    }

    #[test]
    fn popularity_and_tail_by_hand() {
        let shelf = shelf();
        // 6 has three below and itself by half: 3.5/4; 2: 2.5/4; the two ones share 1/4.
        assert_eq!(shelf.percentile, [0.875, 0.625, 0.25, 0.25]);
        assert_eq!(shelf.popularity(&[0, 3]), 0.5625);
        // 6 of 10 is not yet 80 %, 6 + 2 is: the head is the first two.
        assert_eq!(shelf.is_tail, [false, false, true, true]);
        assert_eq!(shelf.tail_share(&[0, 1, 2, 3]), 0.5);
        assert_eq!(shelf.tail_share(&[]), 0.0);
    }

    #[test]
    fn diversity_by_hand() {
        let shelf = shelf();
        // {red, coat, Coats} and {blue, coat, Coats}: 2 in common of 4.
        assert_eq!(shelf.diversity(&[0, 1]), 0.5);
        // Pairs ab 1/2, ac {red} of 5 → 4/5, bc 1: (0.5 + 0.8 + 1) / 3.
        assert!((shelf.diversity(&[0, 1, 2]) - 2.3 / 3.0).abs() < 1e-12);
        assert_eq!(shelf.diversity(&[2]), 0.0);
    }

    #[test]
    fn coverage_and_gini_by_hand() {
        assert_eq!(coverage_and_gini(&[5, 5, 5, 5]), (1.0, 0.0));
        // One item takes all: (2·4 − 4 − 1)·8 / (4·8) = 3/4.
        assert_eq!(coverage_and_gini(&[0, 8, 0, 0]), (0.25, 0.75));
        // 1 and 3: (−1·1 + 1·3) / (2·4) = 1/4.
        assert_eq!(coverage_and_gini(&[3, 1]), (1.0, 0.25));
        assert_eq!(coverage_and_gini(&[0, 0]), (0.0, 0.0));
    }
}
