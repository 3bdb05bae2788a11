//! Where does each element of a pass stand, and what may it see? Rotary angles and the bias of attention.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

#[cfg(feature = "train")]
use crate::precision::Precision;
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

    /// Neighbours of one block: its number, and where they stand.
    fn runs(&self) -> Vec<(usize, Range<usize>)> {
        let mut runs: Vec<(usize, Range<usize>)> = Vec::new();
        for (element, &block) in self.blocks.iter().enumerate() {
            match runs.last_mut() {
                Some((last, run)) if *last == block => run.end = element + 1,
                _ => runs.push((block, element..element + 1)),
            }
        }
        runs
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
    /// What they are multiplied in.
    #[cfg(feature = "train")]
    pub(crate) precision: Precision,
}

/// Added to the scores of what may not be seen: large enough for a weight of exactly 0 in f32,
/// finite so that a row of padding stays a number.
const HIDDEN: f32 = -1e9;

#[cfg(feature = "train")]
fn is_processor(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    return device.clone().inner() == Device::flex();
    #[cfg(not(feature = "flex"))]
    {
        let _ = device;
        false
    }
}

/// What each element may see, written where it is needed: a GPU is sent two numbers for each element instead of a row.
///
/// # Shapes
/// → `[B, 1, T, T]`
#[cfg(feature = "train")]
fn bias_of_blocks(rows: &[RowPlaces], device: &Device) -> Tensor<4> {
    use burn::tensor::Int;
    let (count, length) = (rows.len(), rows.first().map_or(0, |row| row.blocks.len()));
    let blocks: Vec<i32> = rows.iter().flat_map(|row| &row.blocks).map(|&block| block as i32).collect();
    let blocks = Tensor::<2, Int>::from_data(TensorData::new(blocks, [count, length]), device);
    let places = Tensor::<1, Int>::arange(0..length as i64, device);
    let whole = [count, 1, length, length];
    let (own, other) = (
        blocks.clone().reshape([count, 1, length, 1]).expand(whole),
        blocks.reshape([count, 1, 1, length]).expand(whole),
    );
    let (at, column) = (
        places.clone().reshape([1, 1, length, 1]).expand(whole),
        places.reshape([1, 1, 1, length]).expand(whole),
    );
    let is_apart = own.not_equal(other.clone()).bool_and(other.not_equal_elem(0));
    is_apart.bool_or(column.greater(at)).float() * HIDDEN
}

impl Places {
    /// Places for rows of equal length after `cached` positions that every element sees.
    ///
    /// # Shapes
    /// rows: B, or 1 for the same places in every row of the batch.
    #[must_use]
    pub fn new(rows: &[RowPlaces], cached: usize, config: &TransformerConfig, device: &Device) -> Self {
        let positions: Vec<&[usize]> = rows.iter().map(|row| row.positions.as_slice()).collect();
        #[cfg(feature = "train")]
        if cached == 0 && !is_processor(device) {
            return Self::build(&positions, bias_of_blocks(rows, device), config, device);
        }
        let length = positions.first().map_or(0, |positions| positions.len());
        let columns = cached + length;
        let mut bias = vec![HIDDEN; rows.len() * length * columns];
        let mut lines = bias.chunks_exact_mut(columns.max(1));
        for row in rows {
            let runs = row.runs();
            for ((element, own), line) in row.blocks.iter().enumerate().zip(&mut lines) {
                line[..cached].fill(0.0);
                for (_, run) in runs.iter().filter(|(block, _)| *block == 0 || block == own) {
                    let end = run.end.min(element + 1);
                    if run.start < end {
                        line[cached + run.start..cached + end].fill(0.0);
                    }
                }
            }
        }
        let bias = Tensor::from_data(TensorData::new(bias, [rows.len(), 1, length, columns]), device);
        Self::build(&positions, bias, config, device)
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
        let (length, columns) = (positions.len(), cached + positions.len());
        let hidden = |place: usize| if is_seen(place / columns, place % columns) { 0.0 } else { HIDDEN };
        let bias: Vec<f32> = (0..length * columns).map(hidden).collect();
        let bias = Tensor::from_data(TensorData::new(bias, [1, 1, length, columns]), device);
        Self::build(&[positions], bias, config, device)
    }

    fn build(rows: &[&[usize]], bias: Tensor<4>, config: &TransformerConfig, device: &Device) -> Self {
        let length = rows.first().map_or(0, |positions| positions.len());
        let half = config.head_size() / 2;
        let frequencies = config.frequencies();
        let mut cosines = Vec::with_capacity(rows.len() * length * half);
        let mut sines = Vec::with_capacity(rows.len() * length * half);
        for &position in rows.iter().copied().flatten() {
            for frequency in &frequencies {
                let angle = position as f64 * frequency;
                cosines.push(angle.cos() as f32);
                sines.push(angle.sin() as f32);
            }
        }
        let tensor = |values: Vec<f32>| {
            Tensor::<4>::from_data(TensorData::new(values, [rows.len(), 1, length, half]), device)
        };
        Self {
            cosines: tensor(cosines),
            sines: tensor(sines),
            bias,
            answers: None,
            noise: Noise::default(),
            #[cfg(feature = "train")]
            precision: Precision::default(),
        }
    }

    /// The same with dropout: a pass that trains.
    #[must_use]
    pub fn with_noise(self, noise: Noise) -> Self {
        Self { noise, ..self }
    }

    /// The same with narrower products: a pass that trains.
    #[cfg(feature = "train")]
    #[must_use]
    pub fn in_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The same for a pass without gradients.
    #[cfg(feature = "train")]
    pub(crate) fn inner(self) -> Self {
        let [cosines, sines, bias] = [self.cosines, self.sines, self.bias].map(Tensor::inner);
        Self { cosines, sines, bias, ..self }
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
            #[cfg(feature = "train")]
            precision: self.precision,
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
