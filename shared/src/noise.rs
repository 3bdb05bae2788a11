//! Where does dropout get its randomness? From a seed for each pass, so that passes may run side by side, and again.

/// The randomness of one pass. Without any nothing is dropped, as where a model answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noise(Option<u64>);

impl Noise {
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self(Some(seed))
    }

    /// That of one place within the pass, which has nothing to do with that of another.
    #[must_use]
    pub(crate) fn at(self, place: u64) -> Self {
        // The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
        Self(self.0.map(|seed| {
            let mut mixed = seed.wrapping_add((place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }))
    }

    #[cfg(feature = "train")]
    pub(crate) fn seed(self) -> Option<u64> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_differ_and_none_stays_none() {
        assert_eq!(Noise::default().at(3), Noise::default());
        let noise = Noise::of(7);
        assert_ne!(noise.at(0), noise.at(1));
        assert_ne!(noise.at(0), Noise::of(8).at(0));
        assert_eq!(noise.at(1).at(2), Noise::of(7).at(1).at(2));
    }
}
