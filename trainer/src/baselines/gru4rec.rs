//! GRU4Rec: which items follow, by a recurrent network over the item ids of a history?
//!
//! # Source
//! arXiv 1511.06939 (one GRU layer over item ids, embeddings tied with the output as in its later versions,
//! arXiv 1706.03847); the cell is that of arXiv 1406.1078 in the form that PyTorch computes. Ours: a bias for every
//! item, which begins at popularity.

use burn::{
    module::{Module, Param},
    nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig},
    tensor::{Device, Int, Tensor, activation},
};

use super::sequence_training::{Network, SequenceConfig};

#[derive(Module, Debug)]
pub struct Gru4rec {
    items: Embedding,
    /// D → 3D, for the reset gate, the update gate and the new state, in this order; as is `recurrent`.
    input: Linear,
    recurrent: Linear,
    dropout: Dropout,
    bias: Param<Tensor<1>>,
}

impl Gru4rec {
    /// One step of the cell: `r, z = σ(x + h·W)`, `n = tanh(x + r·(h·W))`, `h' = n + z·(h − n)`.
    ///
    /// # Shapes
    /// input gates `[B, 3D]`, state `[B, D]` → state `[B, D]`
    fn step(&self, input: Tensor<2>, state: Tensor<2>) -> Tensor<2> {
        let hidden = state.dims()[1];
        let recurrent = self.recurrent.forward(state.clone());
        let gates = activation::sigmoid(
            input.clone().narrow(1, 0, 2 * hidden) + recurrent.clone().narrow(1, 0, 2 * hidden),
        );
        let (reset, update) = (gates.clone().narrow(1, 0, hidden), gates.narrow(1, hidden, hidden));
        let new =
            (input.narrow(1, 2 * hidden, hidden) + reset * recurrent.narrow(1, 2 * hidden, hidden)).tanh();
        new.clone() + update * (state - new)
    }
}

impl Network for Gru4rec {
    const NAME: &'static str = "GRU4Rec";

    fn new(bias: Tensor<1>, config: &SequenceConfig, device: &Device) -> Self {
        let [items] = bias.dims();
        let hidden = config.hidden_size;
        let limit = 1.0 / (hidden as f64).sqrt();
        let gates = || {
            LinearConfig::new(hidden, 3 * hidden)
                .with_initializer(Initializer::Uniform { min: -limit, max: limit })
                .init(device)
        };
        Self {
            items: EmbeddingConfig::new(items, hidden)
                .with_initializer(Initializer::Normal { mean: 0.0, std: 0.05 })
                .init(device),
            input: gates(),
            recurrent: gates(),
            dropout: DropoutConfig::new(config.dropout).init(),
            bias: Param::from_tensor(bias),
        }
    }

    fn states(&self, items: Tensor<2, Int>) -> Tensor<3> {
        let embeddings = self.dropout.forward(self.items.forward(items));
        let [rows, _, hidden] = embeddings.dims();
        // One product for all positions; only the recurrent half must wait for the state before.
        let mut state = Tensor::zeros([rows, hidden], &embeddings.device());
        let mut states = Vec::new();
        for input in positions(self.input.forward(embeddings).swap_dims(0, 1)) {
            state = self.step(input, state);
            states.push(state.clone());
        }
        self.dropout.forward(Tensor::stack(states, 1))
    }

    fn item_vectors(&self) -> (Tensor<2>, Tensor<1>) {
        (self.items.weight.val(), self.bias.val())
    }
}

/// The positions of `[T, B, 3D]`, by halves: the gradient of a slice is as large as what it was cut from, so
/// that T slices of the whole would cost T times the whole.
fn positions(inputs: Tensor<3>) -> Vec<Tensor<2>> {
    let length = inputs.dims()[0];
    if length == 1 {
        return vec![inputs.squeeze_dim(0)];
    }
    let half = length / 2;
    let mut list = positions(inputs.clone().narrow(0, 0, half));
    list.extend(positions(inputs.narrow(0, half, length - half)));
    list
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    #[test]
    fn step_equals_that_of_numpy() {
        // s=lambda v:1/(1+n.exp(-v)); x=n.array([.3,-.2,.5,.1,-.4,.7]); h=n.array([.6,-.5])
        // a=h@(n.arange(12).reshape(2,6)/10-.5)+n.array([.1,0,-.1,.2,.3,-.3])
        // r,z=s(x[:2]+a[:2]),s(x[2:4]+a[2:4]); m=n.tanh(x[4:]+r*a[4:]); print((1-z)*m+z*h)
        let device = Device::flex();
        let config = SequenceConfig { hidden_size: 2, ..SequenceConfig::default() };
        let mut network = Gru4rec::new(Tensor::zeros([1], &device), &config, &device);
        let weight: Vec<f32> = (0..12).map(|value| value as f32 / 10.0 - 0.5).collect();
        network.recurrent = Linear {
            weight: Param::from_tensor(Tensor::from_data(TensorData::new(weight, [2, 6]), &device)),
            bias: Some(Param::from_tensor(Tensor::from_floats([0.1, 0.0, -0.1, 0.2, 0.3, -0.3], &device))),
        };
        let input = Tensor::from_floats([[0.3, -0.2, 0.5, 0.1, -0.4, 0.7]], &device);
        let state = network.step(input, Tensor::from_floats([[0.6, -0.5]], &device));
        let state = state.try_into_vec_as::<f32>().unwrap();
        for (got, expected) in state.iter().zip([0.125_055_9, -0.022_516_35]) {
            assert!((got - expected).abs() < 1e-6, "{state:?}");
        }
    }

    #[test]
    fn positions_come_in_order() {
        let device = Device::flex();
        let values = Tensor::<1>::from_floats([0.0, 1.0, 2.0, 3.0, 4.0], &device).reshape([5, 1, 1]);
        let list: Vec<f32> = positions(values).into_iter().map(Tensor::into_scalar::<f32>).collect();
        assert_eq!(list, [0.0, 1.0, 2.0, 3.0, 4.0]);
    }
}
