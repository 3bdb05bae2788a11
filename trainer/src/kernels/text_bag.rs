//! The sum of each item's token vectors, scaled by 1/√n: a sparse matrix times the table of token vectors.
//!
//! Titles differ in length, so that a padded gather moves several times the numbers that are needed, and its
//! backward pass scatters them one by one.

use std::sync::Arc;

use burn::{
    backend::{
        Autodiff, Backend, Flex, TensorMetadata,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind, unary},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::Tensor,
};
use rayon::prelude::*;

/// Which tokens each item's text has (compressed sparse rows), and which items each token is in.
#[derive(Debug, PartialEq)]
pub struct TextBags {
    tokens_of_items: Rows,
    items_of_tokens: Rows,
}

/// Row i holds the entries `starts[i]..starts[i + 1]`.
#[derive(Debug, PartialEq)]
struct Rows {
    starts: Vec<usize>,
    columns: Vec<u32>,
    weights: Vec<f32>,
}

impl TextBags {
    /// `texts` are the tokens of every item; `vocabulary` the number of tokens there are.
    #[must_use]
    pub fn new(texts: &[Vec<u32>], vocabulary: usize) -> Self {
        let mut items_of_tokens: Vec<Vec<(u32, f32)>> = vec![Vec::new(); vocabulary];
        let mut tokens_of_items: Vec<Vec<(u32, f32)>> = Vec::with_capacity(texts.len());
        for (item, text) in texts.iter().enumerate() {
            let weight = 1.0 / (text.len().max(1) as f32).sqrt();
            tokens_of_items.push(text.iter().map(|&token| (token, weight)).collect());
            for &token in text {
                items_of_tokens[token as usize].push((item as u32, weight));
            }
        }
        Self { tokens_of_items: Rows::new(&tokens_of_items), items_of_tokens: Rows::new(&items_of_tokens) }
    }
}

impl Rows {
    fn new(rows: &[Vec<(u32, f32)>]) -> Self {
        let mut starts = vec![0];
        let (mut columns, mut weights) = (Vec::new(), Vec::new());
        for row in rows {
            columns.extend(row.iter().map(|entry| entry.0));
            weights.extend(row.iter().map(|entry| entry.1));
            starts.push(columns.len());
        }
        Self { starts, columns, weights }
    }

    /// This matrix times a dense one of `width` columns.
    fn times(&self, dense: &[f32], width: usize) -> Vec<f32> {
        let mut product = vec![0.0_f32; (self.starts.len() - 1) * width];
        product.par_chunks_mut(width).with_min_len(256).enumerate().for_each(|(row, sum)| {
            for entry in self.starts[row]..self.starts[row + 1] {
                let (from, weight) = (self.columns[entry] as usize * width, self.weights[entry]);
                for (sum, value) in sum.iter_mut().zip(&dense[from..from + width]) {
                    *sum += weight * value;
                }
            }
        });
        product
    }
}

/// Σ over an item's tokens of their vectors, times 1/√n.
///
/// # Shapes
/// token vectors `[V, D]` → `[N, D]`
#[must_use]
pub fn text_bags(token_vectors: Tensor<2>, bags: Arc<TextBags>) -> Tensor<2> {
    Tensor::from_dispatch(<burn::backend::Dispatch as TextBag>::text_bags(
        token_vectors.into_dispatch(),
        bags,
    ))
}

/// The operation as the backends see it; call [`text_bags`].
#[backend_extension(Flex, Autodiff)]
pub trait TextBag: Backend {
    fn text_bags(token_vectors: FloatTensor<Self>, bags: Arc<TextBags>) -> FloatTensor<Self>;
}

/// Both directions without gradients.
pub trait TextBagKernel: Backend {
    fn sum(token_vectors: FloatTensor<Self>, bags: &TextBags) -> FloatTensor<Self>;
    fn spread(gradient: FloatTensor<Self>, bags: &TextBags) -> FloatTensor<Self>;
}

impl TextBagKernel for Flex {
    fn sum(token_vectors: FloatTensor<Self>, bags: &TextBags) -> FloatTensor<Self> {
        times(&bags.tokens_of_items, &token_vectors)
    }

    fn spread(gradient: FloatTensor<Self>, bags: &TextBags) -> FloatTensor<Self> {
        times(&bags.items_of_tokens, &gradient)
    }
}

fn times(rows: &Rows, dense: &FloatTensor<Flex>) -> FloatTensor<Flex> {
    let width = dense.shape()[1];
    let product = rows.times(dense.to_contiguous().storage(), width);
    super::normaliser::flex_tensor(product, [rows.starts.len() - 1, width])
}

impl TextBag for Flex {
    fn text_bags(token_vectors: FloatTensor<Self>, bags: Arc<TextBags>) -> FloatTensor<Self> {
        Self::sum(token_vectors, &bags)
    }
}

impl<B: TextBagKernel, C: CheckpointStrategy> TextBag for Autodiff<B, C> {
    fn text_bags(token_vectors: FloatTensor<Self>, bags: Arc<TextBags>) -> FloatTensor<Self> {
        let input = token_vectors.node();
        let sums = B::sum(token_vectors.into_primitive(), &bags);
        match Spread.prepare::<C>([input]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(bags, sums),
            OpsKind::UnTracked(prepared) => prepared.finish(sums),
        }
    }
}

#[derive(Debug)]
struct Spread;

impl<B: TextBagKernel> Backward<B, 1> for Spread {
    type State = Arc<TextBags>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let bags = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| B::spread(gradient, &bags));
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn values(tensor: Tensor<2>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    #[test]
    fn sums_and_gradients_by_hand() {
        let device = Device::flex().autodiff();
        // Item 0 has token 1 four times (4 / √4 = 2), item 1 none, item 2 tokens 0 and 1 (1 / √2 each).
        let texts = [vec![1, 1, 1, 1], vec![], vec![0, 1]];
        let bags = Arc::new(TextBags::new(&texts, 3));
        let vectors =
            Tensor::<2>::from_floats([[1.0, 10.0], [2.0, 20.0], [5.0, 50.0]], &device).require_grad();
        let sums = text_bags(vectors.clone(), bags);
        let half = 0.5_f32.sqrt();
        assert_eq!(values(sums.clone()), [4.0, 40.0, 0.0, 0.0, half + half * 2.0, half * 10.0 + half * 20.0]);
        let upstream = Tensor::<2>::from_floats([[1.0, 0.0], [7.0, 7.0], [0.0, 3.0]], &device);
        let gradients = (sums * upstream).sum().backward();
        let gradient = values(vectors.grad(&gradients).unwrap());
        assert_eq!(gradient, [0.0, 3.0 * half, 2.0, 3.0 * half, 0.0, 0.0]);
    }
}
