//! How does an amount (times listened, hours played) become an intensity?
//!
//! Amounts have no scale of their own: ten hours are much for one visitor and little for another. So each
//! visitor's amounts are ranked among themselves, and the rank decides.

use crate::preference::intensity_from_rating;

/// Ranks of fewer amounts than this say little; such visitors are ranked among everybody's amounts.
pub const FEWEST_OWN: usize = 5;
const STARS: usize = 5;

/// Intensities of amounts, in the shape of `amounts_per_visitor`: the rank of log(1 + x) among the visitor's
/// own amounts, cut into fifths, is one to five stars, so p is one of -1, -0.5, 0, 0.5 and 1.
///
/// Equal amounts share their mean rank. Visitors with fewer than [`FEWEST_OWN`] amounts are ranked among all
/// amounts of all visitors. The logarithm keeps every order, so it is not computed. By construction about two
/// fifths of a visitor's amounts lie below three stars: "little, for this visitor" is read as disliked.
/// Negative amounts and amounts that are not numbers count as zero.
///
/// # Source
/// The signal table of the design ("counts and durations"); the fifths `s = 1 + ⌊5·rank⌋` are the mapping that
/// the research on RecPO proposes for LastFM and Steam, for which the paper gives none. The rank of position r
/// of n is (r - 1/2) / n, so that the mapping is symmetric.
///
/// # Example
/// ```
/// let hours = [vec![0.5, 80.0, 3.0, 3.5, 12.0]];
/// assert_eq!(shared::amount::intensities(&hours), [[-1.0, 1.0, -0.5, 0.0, 0.5]]);
/// ```
#[must_use]
pub fn intensities(amounts_per_visitor: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let everybody = sorted(amounts_per_visitor.iter().flatten());
    amounts_per_visitor
        .iter()
        .map(|amounts| {
            let own = (amounts.len() >= FEWEST_OWN).then(|| sorted(amounts.iter()));
            let scale = own.as_ref().unwrap_or(&everybody);
            amounts.iter().map(|&amount| intensity(clean(amount), scale)).collect()
        })
        .collect()
}

fn clean(amount: f32) -> f32 {
    // `max` also turns what is no number into zero.
    amount.max(0.0)
}

fn sorted<'a>(amounts: impl Iterator<Item = &'a f32>) -> Vec<f32> {
    let mut amounts: Vec<f32> = amounts.map(|&amount| clean(amount)).collect();
    amounts.sort_unstable_by(f32::total_cmp);
    amounts
}

/// Intensity of an amount that occurs in the ascending `scale`.
fn intensity(amount: f32, scale: &[f32]) -> f32 {
    let below = scale.partition_point(|&other| other < amount);
    let not_above = scale.partition_point(|&other| other <= amount);
    // Twice the middle of the equal ones' places, as whole numbers: no rounding moves anybody to another star.
    let star = 1 + STARS * (below + not_above) / (2 * scale.len());
    intensity_from_rating(star as f32, STARS as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifths_of_ten_amounts() {
        let amounts = vec![vec![10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0]];
        let expected = [-1.0, -1.0, -0.5, -0.5, 0.0, 0.0, 0.5, 0.5, 1.0, 1.0];
        assert_eq!(intensities(&amounts)[0], expected);
    }

    /// Ranks of 1, 7, 7, 7, 9: 1, 3, 3, 3, 5 of 5.
    #[test]
    fn equal_amounts_share_their_mean_rank() {
        assert_eq!(intensities(&[vec![7.0, 1.0, 7.0, 9.0, 7.0]])[0], [0.0, -1.0, 0.0, 1.0, 0.0]);
        assert_eq!(intensities(&[vec![4.0; 8]])[0], [0.0; 8]);
    }

    /// Among 1, 2, 3, 4, 5, 6 and 60 the amounts 6 and 60 have ranks 5.5/7 (star 4) and 6.5/7 (star 5).
    #[test]
    fn few_amounts_are_ranked_among_everybody() {
        let got = intensities(&[vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![60.0, 6.0], vec![]]);
        assert_eq!(got[0], [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(got[1], [1.0, 0.5]);
        assert!(got[2].is_empty());
    }

    #[test]
    fn the_scale_of_amounts_does_not_matter_and_nonsense_is_nothing() {
        let (small, large) = (vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![1e3, 1e6, 1e9, 1e12, 1e15]);
        assert_eq!(intensities(&[small])[0], intensities(&[large])[0]);
        // Ranks of 0, 0, 3, 4, 5: 1.5, 1.5, 3, 4, 5 of 5, so stars 2, 2, 3, 4, 5.
        assert_eq!(intensities(&[vec![f32::NAN, -2.0, 3.0, 4.0, 5.0]])[0], [-0.5, -0.5, 0.0, 0.5, 1.0]);
    }
}
