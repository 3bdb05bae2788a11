//! How is a large model fine-tuned with few numbers? Its matrices stay as they are, and beside each stand two thin ones.
//!
//! # Source
//! LoRA (arXiv 2106.09685): y = x·Wᵀ + (α/r)·(x·Aᵀ)·Bᵀ, where A is r × input and drawn at random, and B is output × r and
//! begins at zero, so that training begins at the base model. Names and start are those of Hugging Face's PEFT.

use burn::{
    module::{Module, Param},
    nn::{Initializer, Linear, LinearConfig},
    tensor::{Device, Tensor},
};
use serde::{Deserialize, Serialize};

use crate::{
    kernels::{PackedMatrix, gradients},
    matrix::{PackedProjection, multiplied},
    noise::Noise,
    vocabulary::Model,
};

/// Matrices that can be adapted, by the names that Hugging Face gives them.
pub const TARGETS: [&str; 7] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/// Whether a weight is one of an adapter: `model.layers.0.self_attn.q_proj.lora_A.weight`.
#[must_use]
pub fn is_adapter(weight: &str) -> bool {
    weight.contains(".lora_")
}

/// How adapters are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct LoraConfig {
    /// r: rows of A and columns of B; 0 trains the whole model.
    pub rank: usize,
    /// α: what the product of both is multiplied with is α/r.
    pub alpha: f64,
    /// Probability with which a value that enters an adapter is dropped in the supervised stage.
    pub dropout: f64,
    /// Matrices that get one: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj.
    pub targets: Vec<String>,
}

impl Default for LoraConfig {
    /// What RecPO trains with (its published scripts).
    fn default() -> Self {
        Self { rank: 8, alpha: 32.0, dropout: 0.1, targets: TARGETS.map(str::to_owned).to_vec() }
    }
}

impl LoraConfig {
    /// Whether the matrix of a weight gets an adapter: `model.layers.0.self_attn.q_proj.weight`.
    #[must_use]
    pub fn is_target(&self, weight: &str) -> bool {
        weight.rsplit('.').nth(1).is_some_and(|kind| self.targets.iter().any(|target| target == kind))
    }
}

/// A matrix that stays as it is, and its adapter.
#[derive(Module, Debug)]
pub struct AdaptedProjection {
    base: Frozen,
    lora_a: Linear,
    lora_b: Linear,
    dropout: f64,
    scale: f64,
}

/// A matrix that is not trained.
///
/// # Source
/// QLoRA (arXiv 2305.14314) trains beside a base of four bits. Ours has the blocks of a package (`q8`, `q4`) in place of
/// its NormalFloat, so that what is trained beside is what a browser may be sent.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a model has few of them, each before megabytes of weights")]
pub(crate) enum Frozen {
    Float(Linear),
    Packed(PackedProjection),
}

impl Frozen {
    /// `[B, T, from]` → `[B, T, to]`
    fn forward(&self, states: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Float(linear) => multiplied(linear, states),
            Self::Packed(packed) => packed.forward(states, PackedMatrix::exact_products),
        }
    }

    /// `[from, to]`
    pub(crate) fn dims(&self) -> [usize; 2] {
        match self {
            Self::Float(linear) => linear.weight.lazy_shape().dims(),
            Self::Packed(packed) => {
                let [to, from] = packed.matrix.dims();
                [from, to]
            }
        }
    }

    pub(crate) fn bias(&self) -> Option<Param<Tensor<1>>> {
        match self {
            Self::Float(linear) => linear.bias.clone(),
            Self::Packed(packed) => packed.bias.clone(),
        }
    }

    /// The sum with a matrix `[from, to]`, as floats.
    fn plus(self, difference: Tensor<2>) -> Linear {
        let bias = self.bias();
        match self {
            Self::Float(Linear { weight, .. }) => {
                let sum = (weight.val() + difference).detach();
                Linear { weight: Param::initialized(weight.id, sum), bias }
            }
            Self::Packed(PackedProjection { matrix, .. }) => {
                let floats = matrix.valid().floats().transpose();
                let floats =
                    if difference.device().is_autodiff() { Tensor::from_inner(floats) } else { floats };
                let sum = floats + difference.detach();
                Linear { weight: Param::from_tensor(sum), bias }
            }
        }
    }
}

impl AdaptedProjection {
    fn new(base: Frozen, config: &LoraConfig, device: &Device) -> Self {
        let [from, to] = base.dims();
        let thin = |from: usize, to: usize| LinearConfig::new(from, to).with_bias(false);
        Self {
            base,
            // burn's own start of a linear layer is that of PEFT's A: uniform within 1/√input.
            lora_a: thin(from, config.rank).init(device),
            lora_b: thin(config.rank, to).with_initializer(Initializer::Zeros).init(device),
            dropout: config.dropout,
            scale: config.alpha / config.rank as f64,
        }
    }

    /// `[B, T, from]` → `[B, T, to]`
    pub(crate) fn forward(&self, states: Tensor<3>, noise: Noise) -> Tensor<3> {
        let thin = multiplied(&self.lora_a, gradients::dropout(states.clone(), self.dropout, noise));
        self.base.forward(states) + multiplied(&self.lora_b, thin) * self.scale
    }

    /// One matrix that computes the same.
    fn merged(self) -> Linear {
        let difference = self.lora_a.weight.val().matmul(self.lora_b.weight.val()) * self.scale;
        self.base.plus(difference)
    }

    pub(crate) fn base(&self) -> &Frozen {
        &self.base
    }
}

impl Model {
    /// The same model, frozen, with adapters beside the matrices that the config names: what it computes is unchanged.
    #[must_use]
    pub fn adapted(self, config: &LoraConfig, device: &Device) -> Self {
        let mut model = self.no_grad();
        for (name, slot) in model.matrices_mut() {
            if config.is_target(&name) {
                slot.adapt(|base| AdaptedProjection::new(base, config, device));
            }
        }
        model
    }

    /// The same model with every adapter added to its matrix.
    #[must_use]
    pub fn merged(mut self) -> Self {
        for (_, slot) in self.matrices_mut() {
            slot.merge(AdaptedProjection::merged);
        }
        self
    }

    /// Whether it has adapters.
    pub fn is_adapted(&mut self) -> bool {
        self.matrices_mut().into_iter().any(|(_, slot)| slot.adapted_mut().is_some())
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;
    use crate::{
        interaction::Interaction,
        prompt::Template,
        score::Scorer,
        transformer_config::TransformerConfig,
        vocabulary::{Asked, ModelConfig, VocabularyConfig, tokens::TokenVocabularyConfig},
        weights::Weights,
    };

    fn config() -> ModelConfig {
        ModelConfig {
            transformer: TransformerConfig {
                hidden_size: 16,
                num_hidden_layers: 2,
                num_attention_heads: 2,
                num_key_value_heads: 1,
                intermediate_size: 24,
                attention_bias: true,
                ..TransformerConfig::default()
            },
            vocabulary: VocabularyConfig::Tokens(TokenVocabularyConfig {
                tokens: 20,
                tie_word_embeddings: false,
                template: Template::default(),
            }),
            context: 4,
            asked: vec![Asked { level: 8, weight: 1.0 }],
        }
    }

    fn scores(model: &Model) -> Vec<f32> {
        let titles = vec![vec![11, 12], vec![13], vec![14, 15, 16]];
        let scorer = Scorer::new(model, config(), titles, &Device::flex());
        let history = [Interaction { item: 1, intensity: 1.0, time_ms: 0 }];
        block_on(scorer.score(&history, &[0, 1, 2])).unwrap()
    }

    fn weights(model: &Model) -> Weights {
        block_on(model.weights()).unwrap()
    }

    /// Every adapter with numbers in it, as after training.
    fn trained(model: Model, device: &Device) -> Model {
        let mut all = weights(&model);
        for (index, (_, weight)) in all.iter_mut().filter(|(name, _)| name.contains("lora_B")).enumerate() {
            for (place, value) in weight.values.iter_mut().enumerate() {
                *value = (index as f32 + 0.3 * place as f32).sin() * 0.05;
            }
        }
        model.with_weights(&all, device).unwrap()
    }

    #[test]
    fn adapters_begin_at_the_base_and_merge_into_it() {
        let device = Device::flex();
        device.seed(3);
        let base = config().init(&device);
        let lora = LoraConfig { rank: 3, ..LoraConfig::default() };
        let mut adapted = base.clone().adapted(&lora, &device);
        assert!(adapted.is_adapted() && !base.clone().is_adapted());
        assert_eq!(scores(&adapted), scores(&base));
        let names: Vec<String> = weights(&adapted).into_keys().filter(|name| name.contains("lora")).collect();
        assert_eq!(names.len(), 2 * 7 * 2);
        assert_eq!(names[0], "model.layers.0.mlp.down_proj.lora_A.weight");
        assert_eq!(weights(&adapted)[&names[0]].shape, [3, 24]);

        let trained = trained(adapted, &device);
        let (apart, one) = (scores(&trained), scores(&trained.clone().merged()));
        assert!(apart.iter().zip(scores(&base)).any(|(a, b)| (a - b).abs() > 1e-3));
        for (apart, one) in apart.iter().zip(one) {
            assert!((apart - one).abs() < 1e-4, "{apart}, merged {one}");
        }
        // What is merged has the names of the base, and none besides.
        let names = |model: &Model| weights(model).into_keys().collect::<Vec<_>>();
        assert_eq!(names(&trained.merged()), names(&base));
    }

    #[test]
    fn only_adapters_learn() {
        use burn::optim::GradientsParams;
        let device = Device::flex().autodiff();
        device.seed(3);
        let lora = LoraConfig { targets: vec!["q_proj".to_owned()], ..LoraConfig::default() };
        let model = config().init(&device).adapted(&lora, &device);
        let crate::vocabulary::Vocabulary::Tokens(tokens) = &model.vocabulary else { panic!() };
        let rows = crate::vocabulary::tokens::token_batch(&[vec![3, 11, 12, 1]], &device);
        let rows_places = [crate::places::RowPlaces::causal(4)];
        let places = crate::places::Places::new(&rows_places, 0, &config().transformer, &device);
        let states = model.model.forward(tokens.embed(rows), &places, None);
        let loss = -tokens.log_probabilities(states.squeeze_dim(0)).narrow(1, 11, 1).mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        // Two layers, A and B.
        assert_eq!(gradients.len(), 4);
    }
}
