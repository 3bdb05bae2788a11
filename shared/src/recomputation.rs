//! How is a deep model trained in little memory? Of each layer only what enters it is kept; what is inside is computed again
//! when its gradients are.
//!
//! burn's own checkpoints follow operations, each said to be quick or slow; what is slow is kept. Here a whole layer is one
//! of them: memory no longer grows with what a layer computes, and a step takes one more pass forward.
//!
//! # Source
//! Chen et al., arXiv 1604.06174, with a segment for every layer, as in PyTorch's `checkpoint` around the layers of
//! `transformers`.

use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{Gradients, Tensor};

use crate::places::Places;

/// What a pass leaves for its gradients: what entered each of its layers, `[B, T, D]` for each.
///
/// Belongs to one pass at a time. Clones are the same trace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(Arc<Mutex<Option<Kept>>>);

#[derive(Debug)]
struct Kept {
    /// What the first layer was given, with its gradients.
    entered: Tensor<3>,
    /// What each layer was given, without gradients.
    inputs: Vec<Tensor<3>>,
    /// What the last of them gave, a leaf.
    left: Tensor<3>,
    places: Places,
}

impl Trace {
    /// Whether a pass has begun that was not differentiated yet.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Passes `states` through the first `count` layers. `layer` is given its number, its states and the places, all without
    /// gradients.
    ///
    /// # Shapes
    /// `[B, T, D]` → `[B, T, D]`
    pub(crate) fn pass(
        &self,
        states: Tensor<3>,
        places: &Places,
        count: usize,
        layer: impl Fn(usize, Tensor<3>, &Places) -> Tensor<3>,
    ) -> Tensor<3> {
        let inner = places.clone().inner();
        let (mut inputs, mut given) = (Vec::with_capacity(count), states.clone().inner());
        for index in 0..count {
            inputs.push(given.clone());
            given = layer(index, given, &inner);
        }
        let left = Tensor::from_inner(given).require_grad();
        let kept = Kept { entered: states, inputs, left: left.clone(), places: places.clone() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        left
    }

    /// Hands the gradients of `loss` to `take`, in parts that add up: those of what came after the layers, of each layer from
    /// the last to the first, and of what came before them. `layer` is as in [`Trace::pass`], with gradients.
    pub(crate) fn backward(
        &self,
        loss: &Tensor<1>,
        layer: impl Fn(usize, Tensor<3>, &Places) -> Tensor<3>,
        mut take: impl FnMut(Gradients),
    ) {
        let mut gradients = loss.backward();
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Kept { entered, mut inputs, left, places }) = kept else { return take(gradients) };
        let mut upstream = left.grad_remove(&mut gradients);
        drop(left);
        take(gradients);
        while let Some(input) = inputs.pop() {
            // What the loss does not depend on has no gradients.
            let Some(given) = upstream.take() else { return };
            let input = Tensor::from_inner(input);
            // Of embeddings that are not trained nobody asks them.
            let is_asked = !inputs.is_empty() || entered.is_tracked();
            let input = if is_asked { input.require_grad() } else { input };
            let slope = slope(layer(inputs.len(), input.clone(), &places), given);
            if !slope.is_tracked() {
                return;
            }
            let mut gradients = slope.backward();
            upstream = input.grad_remove(&mut gradients);
            take(gradients);
        }
        if let Some(given) = upstream
            && entered.is_tracked()
        {
            take(slope(entered, given).backward());
        }
    }
}

/// A number whose gradient for `output` is what is given.
fn slope(output: Tensor<3>, given: Tensor<3>) -> Tensor<1> {
    (output * Tensor::from_inner(given)).sum()
}
