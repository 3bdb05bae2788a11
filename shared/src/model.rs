//! What does the network compute? A decoder-only transformer of the Llama family: the one forward pass.
//!
//! It maps embeddings to hidden states and knows neither items nor tokens; those stand around it in
//! [`crate::vocabulary`]. Fields carry the names that Hugging Face gives the weights, so that a checkpoint
//! loads by its own names.
//!
//! # Shapes
//! B rows, T positions, S = cached + T visible positions, D hidden size, H heads, d = head size.

use burn::{
    module::Module,
    nn::{RmsNorm, RmsNormConfig},
    tensor::{Device, Tensor},
};

#[cfg(feature = "train")]
use burn::tensor::Gradients;

#[cfg(feature = "train")]
use crate::recomputation::Trace;
use crate::{
    kernels,
    matrix::{Projection, Slot},
    noise::Noise,
    places::Places,
};

pub use crate::transformer_config::{ConfigError, TransformerConfig};

impl TransformerConfig {
    /// Random weights: normal with standard deviation 0.02, as Llama and GPT-2 start.
    #[must_use]
    pub fn init(&self, device: &Device) -> Transformer {
        Transformer {
            layers: (0..self.num_hidden_layers).map(|_| Layer::init(self, device)).collect(),
            norm: self.norm(self.hidden_size, device),
            dropout: self.dropout,
            #[cfg(feature = "train")]
            trace: None,
        }
    }

    fn norm(&self, size: usize, device: &Device) -> RmsNorm {
        RmsNormConfig::new(size).with_epsilon(self.rms_norm_eps).init(device)
    }
}

/// The trunk: layers and the final norm.
#[derive(Module, Debug)]
pub struct Transformer {
    layers: Vec<Layer>,
    norm: RmsNorm,
    /// Probability with which a state is dropped where a pass has noise.
    dropout: f64,
    /// Where a pass leaves what enters its layers, when they are computed again.
    #[cfg(feature = "train")]
    #[module(skip)]
    trace: Option<Trace>,
}

impl Transformer {
    /// Hidden states of `embeddings`, each position seeing what `places` lets it see.
    ///
    /// With a cache, the keys and values already in it come first, and those of this pass are added to it:
    /// prefix first and suffix later gives the same states as both at once.
    ///
    /// # Shapes
    /// embeddings `[B, T, D]` → hidden states `[B, T, D]`, or of the last A positions alone (`[B, A, D]`) when the places
    /// say that only those answer
    #[must_use]
    pub fn forward(
        &self,
        embeddings: Tensor<3>,
        places: &Places,
        mut cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let read = embeddings.dims()[1];
        let states = dropped(embeddings, self.dropout, places.noise.at(0));
        let (first, mut states) =
            if cache.is_none() { self.layers_to_recompute(states, places) } else { (0, states) };
        for index in first..self.layers.len() {
            let layer_cache = cache.as_deref_mut().map(|cache| (cache.length, cache.layer(index)));
            states = self.layer(index, states, places, layer_cache);
        }
        if let Some(cache) = cache {
            cache.length += read;
        }
        widened(normed(&self.norm, states, places, self.is_fused()))
    }

    /// Passes through the layers that are computed again for their gradients; how many they are, and what they gave.
    fn layers_to_recompute(&self, states: Tensor<3>, places: &Places) -> (usize, Tensor<3>) {
        #[cfg(feature = "train")]
        if let Some(trace) = self.trace.as_ref().filter(|trace| states.is_autodiff() && !trace.is_taken()) {
            // The last one is asked for its gradients before any other: it is computed once.
            let count = self.layers.len().saturating_sub(1);
            let plain = self.valid();
            let layer = |index, states, places: &Places| plain.layer(index, states, places, None);
            return (count, trace.pass(states, places, count, layer));
        }
        let _ = places;
        (0, states)
    }

    /// What one layer makes of its states: of all of them, or in the last layer of those that are asked.
    fn layer(
        &self,
        index: usize,
        states: Tensor<3>,
        places: &Places,
        cache: Option<(usize, &mut LayerCache)>,
    ) -> Tensor<3> {
        let (layer, is_fused) = (&self.layers[index], self.is_fused());
        let noise = places.noise.at(1 + index as u64);
        let before = normed(&layer.input_layernorm, states.clone(), places, is_fused);
        // What nobody asks in the last layer is read only as keys and values.
        let asking = if index + 1 == self.layers.len() { places.of_answers() } else { None };
        let attended = layer.self_attn.forward(before, places, asking.as_ref(), cache, noise.at(0));
        let states = last(states, attended.dims()[1]) + dropped(widened(attended), self.dropout, noise.at(1));
        let between = normed(&layer.post_attention_layernorm, states.clone(), places, is_fused);
        let fed = layer.mlp.forward(between, noise.at(2));
        states + dropped(widened(fed), self.dropout, noise.at(3))
    }

    fn is_fused(&self) -> bool {
        self.layers.first().is_none_or(|layer| layer.self_attn.q_proj.is_fused())
    }

    /// The same in little memory: of its next pass with gradients only what enters each layer is kept (all of the last
    /// layer), and [`Transformer::backward`], which alone gives the gradients then, computes the layers again.
    ///
    /// One pass at a time, its clones' included: another that begins before the gradients of the first is kept as a whole.
    #[cfg(feature = "train")]
    #[must_use]
    pub fn recomputing(self) -> Self {
        Self { trace: Some(Trace::default()), ..self }
    }

    /// Hands the gradients of a loss to `take`: in one piece, or in pieces that add up where layers are computed again. What
    /// the loss and the embeddings were both computed from are leaves then: burn walks a graph once.
    ///
    /// # Panics
    /// When the loss does not depend on anything that is trained, as burn's own `backward`.
    #[cfg(feature = "train")]
    pub fn backward(&self, loss: &Tensor<1>, mut take: impl FnMut(Gradients)) {
        let Some(trace) = &self.trace else { return take(loss.backward()) };
        trace.backward(loss, |index, states, places| self.layer(index, states, places, None), take);
    }

    /// Every matrix with its Hugging Face name.
    pub(crate) fn matrices_mut(&mut self) -> Vec<(String, Slot<'_>)> {
        let mut matrices = Vec::new();
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let (attention, feed) = (&mut layer.self_attn, &mut layer.mlp);
            for (name, matrix) in [
                ("self_attn.q_proj", &mut attention.q_proj),
                ("self_attn.k_proj", &mut attention.k_proj),
                ("self_attn.v_proj", &mut attention.v_proj),
                ("self_attn.o_proj", &mut attention.o_proj),
                ("mlp.gate_proj", &mut feed.gate_proj),
                ("mlp.up_proj", &mut feed.up_proj),
                ("mlp.down_proj", &mut feed.down_proj),
            ] {
                matrices.push((format!("model.layers.{index}.{name}.weight"), Slot::Projection(matrix)));
            }
        }
        matrices
    }
}

#[derive(Module, Debug)]
struct Layer {
    input_layernorm: RmsNorm,
    self_attn: Attention,
    post_attention_layernorm: RmsNorm,
    mlp: FeedForward,
}

impl Layer {
    fn init(config: &TransformerConfig, device: &Device) -> Self {
        Self {
            input_layernorm: config.norm(config.hidden_size, device),
            self_attn: Attention::init(config, device),
            post_attention_layernorm: config.norm(config.hidden_size, device),
            mlp: FeedForward::init(config, device),
        }
    }
}

#[derive(Module, Debug)]
struct Attention {
    q_proj: Projection,
    k_proj: Projection,
    v_proj: Projection,
    o_proj: Projection,
    q_norm: Option<RmsNorm>,
    k_norm: Option<RmsNorm>,
    /// d
    head: usize,
    heads: usize,
    key_value_heads: usize,
}

impl Attention {
    fn init(config: &TransformerConfig, device: &Device) -> Self {
        let (hidden, head) = (config.hidden_size, config.head_size());
        let (heads, key_value_heads) = (config.num_attention_heads, config.num_key_value_heads);
        let bias = config.attention_bias;
        let head_norm = || config.qk_norm.then(|| config.norm(head, device));
        Self {
            q_proj: Projection::init(hidden, heads * head, bias, device),
            k_proj: Projection::init(hidden, key_value_heads * head, bias, device),
            v_proj: Projection::init(hidden, key_value_heads * head, bias, device),
            o_proj: Projection::init(heads * head, hidden, false, device),
            q_norm: head_norm(),
            k_norm: head_norm(),
            head,
            heads,
            key_value_heads,
        }
    }

    /// Attended states of all positions, or of the last ones that are `asking`.
    fn forward(
        &self,
        states: Tensor<3>,
        places: &Places,
        asking: Option<&Places>,
        cache: Option<(usize, &mut LayerCache)>,
        noise: Noise,
    ) -> Tensor<3> {
        let asking = asking.unwrap_or(places);
        let positions = asking.cosines.dims()[2];
        let [rows, _, _] = states.dims();
        let head = self.head;
        let split = |projected: Tensor<3>, heads: usize| {
            let positions = projected.dims()[1];
            projected.reshape([rows, positions, heads, head]).swap_dims(1, 2) // [B, H, T, d]
        };
        let mut queries =
            split(self.q_proj.forward(last(states.clone(), positions), noise.at(0)), self.heads);
        let mut keys = split(self.k_proj.forward(states.clone(), noise.at(1)), self.key_value_heads);
        let mut values = split(self.v_proj.forward(states, noise.at(2)), self.key_value_heads);
        let is_fused = self.q_proj.is_fused();
        if let (Some(q_norm), Some(k_norm)) = (&self.q_norm, &self.k_norm) {
            queries = normed(q_norm, queries, places, is_fused);
            keys = normed(k_norm, keys, places, is_fused);
        }
        // Scaled here, where there are T·d numbers, not at the scores, where there are T·S.
        queries = asking.rotate(queries, (head as f64).sqrt().recip(), is_fused);
        keys = places.rotate(keys, 1.0, is_fused);
        if let Some((known, cache)) = cache {
            (keys, values) = cache.append(keys, values, known);
        }
        #[cfg(feature = "train")]
        if !is_fused {
            let attended = attended(queries, keys, values, asking.bias.clone());
            return self.o_proj.forward(attended, noise.at(3));
        }
        let attended = kernels::attend(queries, keys, values, asking.bias.clone());
        self.o_proj.forward(attended, noise.at(3))
    }
}

/// As [`kernels::attend`], with gradients.
#[cfg(feature = "train")]
fn attended(queries: Tensor<4>, keys: Tensor<4>, values: Tensor<4>, bias: Tensor<4>) -> Tensor<3> {
    let [rows, heads, positions, head] = queries.dims();
    // Heads of a group lie one after another: below one another they are rows of one product with the keys they share.
    let [_, groups, known, _] = keys.dims();
    // Laid out as they are read: a product with heads that lie between each other takes a GPU twice as long.
    let values = values.reshape([rows * groups, known, head]).reshape([rows, groups, known, head]);
    let queries = queries.reshape([rows, groups, heads / groups * positions, head]);
    let scores = kernels::products::product(queries, keys.transpose());
    let weights = kernels::softmax::masked_softmax(scores, bias);
    let attended = kernels::products::product(weights, values).reshape([rows, heads, positions, head]);
    attended.swap_dims(1, 2).reshape([rows, positions, heads * head])
}

/// The normed states, in one operation where the layer is fused, and as narrow as the pass multiplies.
fn normed<const D: usize>(norm: &RmsNorm, states: Tensor<D>, places: &Places, is_fused: bool) -> Tensor<D> {
    #[cfg(feature = "train")]
    if !is_fused {
        return kernels::gradients::rms_norm(states, norm.gamma.val(), norm.epsilon, places.precision);
    }
    let _ = (is_fused, places);
    kernels::rms_norm(states, norm.gamma.val(), norm.epsilon)
}

/// What adds up from layer to layer is as wide as the weights.
fn widened(states: Tensor<3>) -> Tensor<3> {
    #[cfg(feature = "train")]
    return states.cast(burn::tensor::FloatDType::F32);
    #[cfg(not(feature = "train"))]
    states
}

/// The states without those that are dropped; a build that does not train drops none.
fn dropped(states: Tensor<3>, probability: f64, noise: Noise) -> Tensor<3> {
    #[cfg(feature = "train")]
    return kernels::gradients::dropout(states, probability, noise);
    #[cfg(not(feature = "train"))]
    {
        let _ = (probability, noise);
        states
    }
}

/// The last `count` positions: `[B, T, D]` → `[B, count, D]`.
fn last(states: Tensor<3>, count: usize) -> Tensor<3> {
    let positions = states.dims()[1];
    if count == positions { states } else { states.narrow(1, positions - count, count) }
}

/// SwiGLU: down(silu(gate(x)) · up(x)).
#[derive(Module, Debug)]
struct FeedForward {
    gate_proj: Projection,
    up_proj: Projection,
    down_proj: Projection,
}

impl FeedForward {
    fn init(config: &TransformerConfig, device: &Device) -> Self {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        Self {
            gate_proj: Projection::init(hidden, inner, false, device),
            up_proj: Projection::init(hidden, inner, false, device),
            down_proj: Projection::init(inner, hidden, false, device),
        }
    }

    fn forward(&self, states: Tensor<3>, noise: Noise) -> Tensor<3> {
        let gate = self.gate_proj.forward(states.clone(), noise.at(0));
        let up = self.up_proj.forward(states, noise.at(1));
        #[cfg(feature = "train")]
        if !self.gate_proj.is_fused() {
            return self.down_proj.forward(kernels::gradients::silu_times(gate, up), noise.at(2));
        }
        self.down_proj.forward(kernels::silu_times(gate, up), noise.at(2))
    }
}

/// Keys and values of the positions that came before, for every layer.
///
/// There is room for positions to come: they are written behind the others, which stay where they are.
#[derive(Clone, Debug, Default)]
pub struct KvCache {
    layers: Vec<LayerCache>,
    length: usize,
}

#[derive(Clone, Debug, Default)]
struct LayerCache {
    /// `[B, K, room, d]` each
    keys_values: Option<(Tensor<4>, Tensor<4>)>,
}

/// Positions that room is made for at a time.
const ROOM: usize = 256;

impl KvCache {
    /// Number of positions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Keys and values of one layer after another: `[1, K, S, d]` each.
    pub(crate) fn tensors(&self) -> Vec<Tensor<4>> {
        let of_layers = self.layers.iter().filter_map(|layer| layer.keys_values.clone());
        let both = of_layers.flat_map(|(keys, values)| [keys, values]);
        both.map(|tensor| tensor.narrow(2, 0, self.length)).collect()
    }

    /// A cache of what [`KvCache::tensors`] gave.
    pub(crate) fn from_tensors(tensors: Vec<Tensor<4>>) -> Self {
        let length = tensors.first().map_or(0, |tensor| tensor.dims()[2]);
        let mut layers = Vec::new();
        let mut tensors = tensors.into_iter();
        while let (Some(keys), Some(values)) = (tensors.next(), tensors.next()) {
            layers.push(LayerCache { keys_values: Some((keys, values)) });
        }
        Self { layers, length }
    }

    /// Forgets what comes after the first `length` positions.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    fn layer(&mut self, index: usize) -> &mut LayerCache {
        while self.layers.len() <= index {
            self.layers.push(LayerCache::default());
        }
        &mut self.layers[index]
    }
}

impl LayerCache {
    /// Writes keys and values behind the first `known` positions; gives those and the new ones.
    ///
    /// # Shapes
    /// `[B, K, T, d]` → `[B, K, known + T, d]`
    fn append(&mut self, keys: Tensor<4>, values: Tensor<4>, known: usize) -> (Tensor<4>, Tensor<4>) {
        let (old_keys, old_values) = self.keys_values.take().unzip();
        let (keys, values) = (appended(old_keys, keys, known), appended(old_values, values, known));
        self.keys_values = Some((keys.0, values.0));
        (keys.1, values.1)
    }
}

/// What is kept, with room for more, and the part of it that is filled.
fn appended(old: Option<Tensor<4>>, new: Tensor<4>, known: usize) -> (Tensor<4>, Tensor<4>) {
    let [rows, heads, count, head] = new.dims();
    let end = known + count;
    let write = |into: Tensor<4>, what: Tensor<4>, from: usize| {
        let to = from + what.dims()[2];
        into.slice_assign([0..rows, 0..heads, from..to, 0..head], what)
    };
    let kept = match old {
        Some(old) if old.dims()[0] == rows && old.dims()[2] >= end => old,
        old => {
            let dims = [rows, heads, end.next_multiple_of(ROOM), head];
            let room = Tensor::zeros(dims, (&new.device(), new.dtype()));
            match old {
                Some(old) if known > 0 => write(room, old.narrow(2, 0, known), 0),
                _ => room,
            }
        }
    };
    let kept = write(kept, new, known);
    (kept.clone(), kept.narrow(2, 0, end))
}
