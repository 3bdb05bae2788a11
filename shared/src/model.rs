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
    nn::{Dropout, DropoutConfig, RmsNorm, RmsNormConfig},
    tensor::{Device, Tensor, TensorData, activation},
};
use serde::{Deserialize, Serialize};

use crate::{
    kernels,
    matrix::{Projection, Slot},
};

/// Sizes of the trunk, under the names of a Hugging Face `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransformerConfig {
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    /// Fewer than the attention heads: grouped-query attention.
    pub num_key_value_heads: usize,
    pub intermediate_size: usize,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    /// Bias on the q, k and v projections (Qwen2).
    #[serde(default)]
    pub attention_bias: bool,
    /// RMSNorm on every head's queries and keys (Qwen3).
    #[serde(default)]
    pub qk_norm: bool,
    /// Probability with which a value is dropped while training.
    #[serde(default)]
    pub dropout: f64,
}

/// Largest value of any size in a config; a package that asks for more is refused.
const MAX_SIZE: usize = 1 << 20;

/// Which rule a transformer config breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    OutOfRange { field: &'static str, got: usize },
    HeadsDoNotDivide { hidden_size: usize, heads: usize },
    OddHeadSize { head_size: usize },
    KeyValueHeadsDoNotDivide { heads: usize, key_value_heads: usize },
    NotFinite { field: &'static str },
    NotAscending { field: &'static str },
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OutOfRange { field, got } => write!(f, "{field} is {got}, expected 1 to {MAX_SIZE}"),
            Self::HeadsDoNotDivide { hidden_size, heads } => {
                write!(f, "hidden_size {hidden_size} is no multiple of num_attention_heads {heads}")
            }
            Self::OddHeadSize { head_size } => {
                write!(f, "head size {head_size} is odd; rotary positions need an even one")
            }
            Self::KeyValueHeadsDoNotDivide { heads, key_value_heads } => {
                write!(
                    f,
                    "num_attention_heads {heads} is no multiple of num_key_value_heads {key_value_heads}"
                )
            }
            Self::NotFinite { field } => write!(f, "{field} must be a positive number"),
            Self::NotAscending { field } => write!(f, "every number of {field} must be above the one before"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl TransformerConfig {
    #[must_use]
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// # Errors
    /// The first rule that is broken; a config that passes can be built without a panic.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("intermediate_size", self.intermediate_size),
        ];
        for (field, got) in sizes {
            if got == 0 || got > MAX_SIZE {
                return Err(ConfigError::OutOfRange { field, got });
            }
        }
        let (hidden_size, heads) = (self.hidden_size, self.num_attention_heads);
        if !hidden_size.is_multiple_of(heads) {
            return Err(ConfigError::HeadsDoNotDivide { hidden_size, heads });
        }
        if !self.head_size().is_multiple_of(2) {
            return Err(ConfigError::OddHeadSize { head_size: self.head_size() });
        }
        let key_value_heads = self.num_key_value_heads;
        if !heads.is_multiple_of(key_value_heads) {
            return Err(ConfigError::KeyValueHeadsDoNotDivide { heads, key_value_heads });
        }
        for (field, value) in [("rms_norm_eps", self.rms_norm_eps), ("rope_theta", self.rope_theta)] {
            if !value.is_finite() || value <= 0.0 {
                return Err(ConfigError::NotFinite { field });
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(ConfigError::NotFinite { field: "dropout" });
        }
        Ok(())
    }

    /// Random weights: normal with standard deviation 0.02, as Llama and GPT-2 start.
    #[must_use]
    pub fn init(&self, device: &Device) -> Transformer {
        Transformer {
            layers: (0..self.num_hidden_layers).map(|_| Layer::init(self, device)).collect(),
            norm: self.norm(self.hidden_size, device),
            dropout: DropoutConfig::new(self.dropout).init(),
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
    dropout: Dropout,
}

impl Transformer {
    /// Hidden states of `embeddings`, each position seeing what `places` lets it see.
    ///
    /// With a cache, the keys and values already in it come first, and those of this pass are added to it:
    /// prefix first and suffix later gives the same states as both at once.
    ///
    /// # Shapes
    /// embeddings `[B, T, D]` → hidden states `[B, T, D]`
    #[must_use]
    pub fn forward(
        &self,
        embeddings: Tensor<3>,
        places: &Places,
        mut cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let mut states = self.dropout.forward(embeddings);
        for (index, layer) in self.layers.iter().enumerate() {
            let layer_cache = cache.as_deref_mut().map(|cache| cache.layer(index));
            let attended =
                layer.self_attn.forward(layer.input_layernorm.forward(states.clone()), places, layer_cache);
            states = states + self.dropout.forward(attended);
            let fed = layer.mlp.forward(layer.post_attention_layernorm.forward(states.clone()));
            states = states + self.dropout.forward(fed);
        }
        self.norm.forward(states)
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
            heads,
            key_value_heads,
        }
    }

    fn forward(&self, states: Tensor<3>, places: &Places, cache: Option<&mut LayerCache>) -> Tensor<3> {
        let [rows, positions, hidden] = states.dims();
        let head = hidden / self.heads;
        let split = |projected: Tensor<3>, heads: usize| {
            projected.reshape([rows, positions, heads, head]).swap_dims(1, 2) // [B, H, T, d]
        };
        let mut queries = split(self.q_proj.forward(states.clone()), self.heads);
        let mut keys = split(self.k_proj.forward(states.clone()), self.key_value_heads);
        let mut values = split(self.v_proj.forward(states), self.key_value_heads);
        if let (Some(q_norm), Some(k_norm)) = (&self.q_norm, &self.k_norm) {
            queries = q_norm.forward(queries);
            keys = k_norm.forward(keys);
        }
        // Scaled here, where there are T·d numbers, not at the scores, where there are T·S.
        queries = places.rotate(queries) / (head as f64).sqrt();
        keys = places.rotate(keys);
        if let Some(cache) = cache {
            (keys, values) = cache.append(keys, values);
        }
        if self.q_proj.is_packed() {
            return self.o_proj.forward(kernels::attend(queries, keys, values, places.bias.clone()));
        }
        let group = self.heads / self.key_value_heads;
        let (keys, values) = (repeat_heads(keys, group), repeat_heads(values, group));

        let scores = queries.matmul(keys.transpose()); // [B, H, T, S]
        let weights = activation::softmax(scores + places.bias.clone(), 3);
        let attended = weights.matmul(values).swap_dims(1, 2).reshape([rows, positions, hidden]);
        self.o_proj.forward(attended)
    }
}

/// Lets `group` query heads share one key-value head: `[B, H, S, d]` → `[B, H·group, S, d]`.
fn repeat_heads(tensor: Tensor<4>, group: usize) -> Tensor<4> {
    if group == 1 {
        return tensor;
    }
    let [rows, heads, positions, head] = tensor.dims();
    tensor.unsqueeze_dim::<5>(2).repeat_dim(2, group).reshape([rows, heads * group, positions, head])
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

    fn forward(&self, states: Tensor<3>) -> Tensor<3> {
        let (gate, up) = (self.gate_proj.forward(states.clone()), self.up_proj.forward(states));
        let gated = if self.gate_proj.is_packed() {
            kernels::silu_times(gate, up)
        } else {
            activation::silu(gate) * up
        };
        self.down_proj.forward(gated)
    }
}

/// Keys and values of the positions that came before, for every layer.
#[derive(Clone, Debug, Default)]
pub struct KvCache {
    layers: Vec<LayerCache>,
}

#[derive(Clone, Debug, Default)]
struct LayerCache {
    keys_values: Option<(Tensor<4>, Tensor<4>)>,
}

impl KvCache {
    fn layer(&mut self, index: usize) -> &mut LayerCache {
        while self.layers.len() <= index {
            self.layers.push(LayerCache::default());
        }
        &mut self.layers[index]
    }
}

impl LayerCache {
    fn append(&mut self, keys: Tensor<4>, values: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let (keys, values) = match self.keys_values.take() {
            Some((old_keys, old_values)) => {
                (Tensor::cat(vec![old_keys, keys], 2), Tensor::cat(vec![old_values, values], 2))
            }
            None => (keys, values),
        };
        self.keys_values = Some((keys.clone(), values.clone()));
        (keys, values)
    }
}

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
    cosines: Tensor<4>,
    sines: Tensor<4>,
    bias: Tensor<4>,
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
        let frequencies: Vec<f64> =
            (0..half).map(|i| config.rope_theta.powf(-2.0 * i as f64 / config.head_size() as f64)).collect();
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
        }
    }

    /// Rotary position embedding over the two halves of each head.
    ///
    /// # Source
    /// RoFormer (arXiv 2104.09864) in the half-split layout of Llama's Hugging Face weights.
    fn rotate(&self, heads: Tensor<4>) -> Tensor<4> {
        let half = heads.dims()[3] / 2;
        let first = heads.clone().narrow(3, 0, half);
        let second = heads.narrow(3, half, half);
        let (cosines, sines) = (self.cosines.clone(), self.sines.clone());
        Tensor::cat(
            vec![
                first.clone() * cosines.clone() - second.clone() * sines.clone(),
                second * cosines + first * sines,
            ],
            3,
        )
    }
}
