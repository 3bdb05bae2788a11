//! What is in a data set? Counts, time span, intensities and lengths of histories.

use std::collections::HashSet;

use serde::Serialize;
use shared::preference::{INTENSITY_LEVELS, LIKED, intensity_level};

use super::{Dataset, date};
use crate::split;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub format: String,
    pub items: usize,
    pub visitors: usize,
    pub interactions: usize,
    /// Days of the first and the last interaction.
    pub first_day: String,
    pub last_day: String,
    /// Interactions of each intensity level, from p = -1 to p = 1 in steps of a quarter.
    pub levels: [usize; INTENSITY_LEVELS],
    pub liked_share: f64,
    /// Visitors who can be asked about: two liked items and something before them.
    pub questions: usize,
    pub median_length: usize,
    /// Nine of ten histories are at most this long.
    pub p90_length: usize,
    /// Share of interactions at the very time of the visitor's interaction before: their order is a guess.
    pub same_time_share: f64,
    /// Items whose title another item before them has.
    pub duplicate_titles: usize,
    pub items_never_met: usize,
}

impl Summary {
    #[must_use]
    pub fn of(dataset: &Dataset) -> Self {
        let interactions = || dataset.histories.iter().flatten();
        let mut levels = [0; INTENSITY_LEVELS];
        for interaction in interactions() {
            levels[intensity_level(interaction.intensity)] += 1;
        }
        let times = || interactions().map(|interaction| interaction.time_ms);
        let same = |history: &Vec<_>| {
            history
                .windows(2)
                .filter(|pair: &&[shared::interaction::Interaction]| pair[0].time_ms == pair[1].time_ms)
                .count()
        };
        let mut lengths: Vec<usize> = dataset.histories.iter().map(Vec::len).collect();
        lengths.sort_unstable();
        let quantile = |share: f64| {
            let rank = (share * lengths.len() as f64).ceil() as usize;
            lengths.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        let met: HashSet<usize> = interactions().map(|interaction| interaction.item).collect();
        let titles: HashSet<&str> = dataset.catalog.items().iter().map(|item| item.title.as_str()).collect();
        let count = dataset.interactions();
        let share = |part: usize| if count == 0 { 0.0 } else { part as f64 / count as f64 };
        let liked = interactions().filter(|interaction| interaction.intensity >= LIKED).count();
        Self {
            format: dataset.format.to_owned(),
            items: dataset.catalog.len(),
            visitors: dataset.histories.len(),
            interactions: count,
            first_day: times().min().map(date::day).unwrap_or_default(),
            last_day: times().max().map(date::day).unwrap_or_default(),
            levels,
            liked_share: share(liked),
            questions: split::of(dataset).test.len(),
            median_length: quantile(0.5),
            p90_length: quantile(0.9),
            same_time_share: share(dataset.histories.iter().map(same).sum()),
            duplicate_titles: dataset.catalog.len() - titles.len(),
            items_never_met: dataset.catalog.len() - met.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::tests::folder;

    #[test]
    fn counts_of_two_visitors() {
        let rows = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n\
            u\t1\t5\t880000000\nu\t2\t5\t880000000\nu\t3\t4\t880000001\nv\t1\t1\t880086400\n";
        let items = "item_id:token\tname:token_seq\n1\tHeat\n2\tHeat\n3\tAlien\n4\tBrazil\n";
        let files = folder("summary", &[("films.inter", rows), ("films.item", items)]);
        let expected = Summary {
            format: "recbole".to_owned(),
            items: 4,
            visitors: 2,
            interactions: 4,
            first_day: "1997-11-20".to_owned(),
            last_day: "1997-11-21".to_owned(),
            levels: [1, 0, 0, 0, 0, 0, 1, 0, 2],
            liked_share: 0.75,
            questions: 1,
            median_length: 1,
            p90_length: 3,
            same_time_share: 0.25,
            duplicate_titles: 1,
            items_never_met: 1,
        };
        assert_eq!(Summary::of(&crate::datasets::load(files.path()).unwrap()), expected);
    }
}
