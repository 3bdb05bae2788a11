//! Where does each element of a pass stand, and what may it see? Rotary angles and the bias of attention.

use burn::tensor::{Device, Tensor, TensorData};

use crate::{kernels, noise::Noise, transformer_config::TransformerConfig};

/// One row of a pass: at which position each element stands, and to which block it belongs.
///
/// Block 0 is the shared prefix; elements of block b ≥ 1 see the prefix and the earlier elements of b.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowPlaces {
    pub positions: Vec<usize>,
    pub blocks: Vec<usize>,
}

impl RowPlaces {
    /// `length` elements in a row, each seeing those before it.
    #[must_use]
    pub fn causal(length: usize) -> Self {
        Self { positions: (0..length).collect(), blocks: vec![0; length] }
    }

    /// A completion after a shared prefix of `prefix` elements, as a block of its own.
    pub fn push_block(&mut self, prefix: usize, length: usize) {
        let block = self.blocks.last().map_or(1, |last| last + 1);
        self.positions.extend(prefix..prefix + length);
        self.blocks.extend(std::iter::repeat_n(block, length));
    }
}

/// Where the elements of a pass stand (rotary angles) and what each may see (attention bias).
#[derive(Clone, Debug)]
pub struct Places {
    pub(crate) cosines: Tensor<4>,
    sines: Tensor<4>,
    pub(crate) bias: Tensor<4>,
    /// How many of the last elements are asked; all when none is said.
    answers: Option<usize>,
    /// What is dropped of them.
    pub(crate) noise: Noise,
}

/// Added to the scores of what may not be seen: large enough for a weight of exactly 0 in f32,
/// finite so that a row of padding stays a number.
const HIDDEN: f32 = -1e9;

impl Places {
    /// Places for rows of equal length after `cached` positions that every element sees.
    ///
    /// # Shapes
    /// rows: B, or 1 for the same places in every row of the batch.
    #[must_use]
    pub fn new(rows: &[RowPlaces], cached: usize, config: &TransformerConfig, device: &Device) -> Self {
        let sees = |row: usize, element: usize, column: usize| {
            let RowPlaces { blocks, .. } = &rows[row];
            column.checked_sub(cached).is_none_or(|other| {
                other <= element && (blocks[other] == 0 || blocks[other] == blocks[element])
            })
        };
        let positions: Vec<&[usize]> = rows.iter().map(|row| row.positions.as_slice()).collect();
        Self::build(&positions, cached, sees, config, device)
    }

    /// Places of one row whose elements say themselves what they see: `is_seen(element, column)`, where the
    /// `cached` columns come first and those of this pass follow. An element must see itself.
    #[must_use]
    pub fn seeing(
        positions: &[usize],
        cached: usize,
        is_seen: impl Fn(usize, usize) -> bool,
        config: &TransformerConfig,
        device: &Device,
    ) -> Self {
        Self::build(&[positions], cached, |_, element, column| is_seen(element, column), config, device)
    }

    fn build(
        rows: &[&[usize]],
        cached: usize,
        sees: impl Fn(usize, usize, usize) -> bool,
        config: &TransformerConfig,
        device: &Device,
    ) -> Self {
        let length = rows.first().map_or(0, |positions| positions.len());
        let half = config.head_size() / 2;
        let frequencies = config.frequencies();
        let mut cosines = Vec::with_capacity(rows.len() * length * half);
        let mut sines = Vec::with_capacity(rows.len() * length * half);
        let mut bias = Vec::with_capacity(rows.len() * length * (cached + length));
        for (row, positions) in rows.iter().enumerate() {
            for (element, &position) in positions.iter().enumerate() {
                for frequency in &frequencies {
                    let angle = position as f64 * frequency;
                    cosines.push(angle.cos() as f32);
                    sines.push(angle.sin() as f32);
                }
                bias.extend(
                    (0..cached + length).map(|column| if sees(row, element, column) { 0.0 } else { HIDDEN }),
                );
            }
        }
        let tensor = |values: Vec<f32>, width: usize| {
            Tensor::<4>::from_data(TensorData::new(values, [rows.len(), 1, length, width]), device)
        };
        Self {
            cosines: tensor(cosines, half),
            sines: tensor(sines, half),
            bias: tensor(bias, cached + length),
            answers: None,
            noise: Noise::default(),
        }
    }

    /// The same with dropout: a pass that trains.
    #[must_use]
    pub fn with_noise(self, noise: Noise) -> Self {
        Self { noise, ..self }
    }

    /// The same when only the last `count` elements are asked for their states: the others are read, so that those can
    /// see them.
    #[must_use]
    pub fn answering(self, count: usize) -> Self {
        Self { answers: Some(count), ..self }
    }

    /// The places of those that are asked, when they are fewer than all.
    pub(crate) fn of_answers(&self) -> Option<Self> {
        let positions = self.cosines.dims()[2];
        let count = self.answers.filter(|&count| count < positions)?;
        let last = |tensor: &Tensor<4>| tensor.clone().narrow(2, positions - count, count);
        Some(Self {
            cosines: last(&self.cosines),
            sines: last(&self.sines),
            bias: last(&self.bias),
            answers: None,
            noise: self.noise,
        })
    }

    /// Rotary position embedding over the two halves of each head, times `scale`; in one operation where the layer is
    /// fused.
    ///
    /// # Source
    /// RoFormer (arXiv 2104.09864) in the half-split layout of Llama's Hugging Face weights.
    pub(crate) fn rotate(&self, heads: Tensor<4>, scale: f64, is_fused: bool) -> Tensor<4> {
        let (cosines, sines) = (self.cosines.clone(), self.sines.clone());
        #[cfg(feature = "train")]
        if !is_fused {
            return kernels::gradients::rotate(heads, cosines, sines, scale);
        }
        let _ = is_fused;
        kernels::rotate(heads, cosines, sines, scale)
    }
}
