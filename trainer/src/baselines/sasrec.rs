//! SASRec: which items follow, by self-attention over the item ids of a history?
//!
//! # Source
//! arXiv 1808.09781: learned positions, causal self-attention, tied output. Layers and their order are those of
//! the paper, x + dropout(f(norm(x))); the feed-forward is four times as wide, as in later replications
//! (S3-Rec, arXiv 2008.07873). Ours: a bias for every item, which begins at popularity.

use burn::{
    module::{Module, Param},
    nn::{
        Dropout, DropoutConfig, Embedding, EmbeddingConfig, Initializer, LayerNorm, LayerNormConfig,
        activation::ActivationConfig,
        attention::generate_autoregressive_mask,
        transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput},
    },
    tensor::{Device, Int, Tensor},
};

use super::{
    CONTEXT,
    sequence_training::{Network, SequenceConfig},
};

const LAYERS: usize = 2;
const HEADS: usize = 2;

#[derive(Module, Debug)]
pub struct Sasrec {
    items: Embedding,
    positions: Embedding,
    blocks: TransformerEncoder,
    norm: LayerNorm,
    dropout: Dropout,
    bias: Param<Tensor<1>>,
}

impl Network for Sasrec {
    const NAME: &'static str = "SASRec";

    fn new(bias: Tensor<1>, config: &SequenceConfig, device: &Device) -> Self {
        let [items] = bias.dims();
        let hidden = config.hidden_size;
        let embedding = |count| {
            EmbeddingConfig::new(count, hidden)
                .with_initializer(Initializer::Normal { mean: 0.0, std: 0.02 })
                .init(device)
        };
        Self {
            items: embedding(items),
            positions: embedding(CONTEXT),
            blocks: TransformerEncoderConfig::new(hidden, 4 * hidden, HEADS, LAYERS)
                .with_dropout(config.dropout)
                .with_norm_first(true)
                .with_activation(ActivationConfig::Relu)
                .init(device),
            norm: LayerNormConfig::new(hidden).init(device),
            dropout: DropoutConfig::new(config.dropout).init(),
            bias: Param::from_tensor(bias),
        }
    }

    fn states(&self, items: Tensor<2, Int>) -> Tensor<3> {
        let [rows, length] = items.dims();
        let device = items.device();
        let positions = self.positions.weight.val().narrow(0, 0, length).unsqueeze();
        let embeddings = self.dropout.forward(self.items.forward(items) + positions);
        let mask = generate_autoregressive_mask(rows, length, &device);
        self.norm.forward(self.blocks.forward(TransformerEncoderInput::new(embeddings).mask_attn(mask)))
    }

    fn item_vectors(&self) -> (Tensor<2>, Tensor<1>) {
        (self.items.weight.val(), self.bias.val())
    }
}
