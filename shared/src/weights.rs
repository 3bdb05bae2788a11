//! Which numbers does a model consist of? Its weights by Hugging Face name, out of a model and into one.
//!
//! Matrices are `[output, input]` as in a checkpoint, so that blocks of quantisation lie along the input.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Device, Tensor, TensorData},
};

use crate::{
    kernels::{self, PackedMatrix},
    quant::QuantisedMatrix,
    vocabulary::Model,
};

/// A weight outside the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl From<&QuantisedMatrix> for Weight {
    fn from(matrix: &QuantisedMatrix) -> Self {
        Self { shape: vec![matrix.rows, matrix.columns], values: matrix.dequantise() }
    }
}

/// All weights of a model, by name.
pub type Weights = BTreeMap<String, Weight>;

/// Why weights do not fit a model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WeightsError {
    DoNotFit(Misfit),
    Unreadable { reason: String },
}

/// Every weight by name that a model and its weights do not have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misfit {
    pub missing: Vec<String>,
    pub unexpected: Vec<String>,
    /// With the shape that is given and the one that is expected.
    pub wrong_shapes: Vec<String>,
}

impl Misfit {
    fn has_shape(&mut self, name: &str, got: &[usize], expected: &[usize]) {
        self.wrong_shapes.push(format!("{name} {got:?}, expected {expected:?}"));
    }
}

impl std::fmt::Display for WeightsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DoNotFit(Misfit { missing, unexpected, wrong_shapes }) => {
                let mut said = "";
                for (what, names) in [
                    ("weights are missing", missing),
                    ("weights that the model lacks", unexpected),
                    ("weights of another shape", wrong_shapes),
                ] {
                    if !names.is_empty() {
                        write!(f, "{said}{what}: {}", names.join(", "))?;
                        said = "; ";
                    }
                }
                Ok(())
            }
            Self::Unreadable { reason } => write!(f, "weights cannot be read from the device: {reason}"),
        }
    }
}

impl std::error::Error for WeightsError {}

/// Where a visit stands in the tree of modules.
#[derive(Default)]
struct Path {
    names: Vec<String>,
    containers: Vec<String>,
}

impl Path {
    fn enter(&mut self, name: &str, container: &str) {
        self.names.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    fn exit(&mut self) {
        self.names.pop();
        self.containers.pop();
    }

    /// burn keeps linear weights as `[input, output]`.
    fn is_transposed(&self, rank: usize) -> bool {
        rank == 2 && self.containers.last().is_some_and(|container| container.ends_with("Linear"))
    }

    /// The Hugging Face name: burn's norms call their weight `gamma`; the vocabulary has no level of its own.
    fn name(&self) -> String {
        let name = self.names.join(".").replace(".gamma", ".weight");
        // Whether a matrix holds floats is no part of its name.
        let name = name.replace(".Float.", ".").replace(".Packed.", ".");
        #[cfg(feature = "train")]
        let name = name
            .replace(".Adapted.base.", ".")
            .replace(".Adapted.lora_a.", ".lora_A.")
            .replace(".Adapted.lora_b.", ".lora_B.");
        let Some((_, inner)) = name.split_once("vocabulary.") else {
            return name;
        };
        let inner = inner.strip_prefix("Items.").or_else(|| inner.strip_prefix("Tokens.")).unwrap_or(inner);
        match inner {
            "embed_tokens.weight" => "model.embed_tokens.weight".to_owned(),
            "lm_head.weight" => "lm_head.weight".to_owned(),
            other => format!("items.{other}"),
        }
    }
}

/// A weight that is in a model still, and how it is laid out as it is outside.
struct Found {
    name: String,
    shape: Vec<usize>,
    /// Nothing is laid out before it is wanted: a large model has no room for a copy of all.
    flat: Box<dyn FnOnce() -> Tensor<1>>,
}

struct Collector {
    path: Path,
    is_wanted: fn(&str) -> bool,
    found: Vec<Found>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.name();
        if !(self.is_wanted)(&name) {
            return;
        }
        let is_transposed = self.path.is_transposed(D);
        let mut shape = param.lazy_shape().dims::<D>().to_vec();
        if is_transposed {
            shape.reverse();
        }
        let (value, count) = (param.val(), shape.iter().product::<usize>());
        let flat = move || if is_transposed { value.transpose() } else { value }.reshape([count]);
        self.found.push(Found { name, shape, flat: Box::new(flat) });
    }
}

impl Collector {
    fn of(model: &Model, is_wanted: fn(&str) -> bool) -> Vec<Found> {
        let mut collector = Self { path: Path::default(), is_wanted, found: Vec::new() };
        model.visit(&mut collector);
        collector.found
    }
}

async fn read_all(found: Vec<Found>) -> Result<Weights, WeightsError> {
    let mut weights = Weights::new();
    for Found { name, shape, flat } in found {
        let values = crate::score::read(flat())
            .await
            .map_err(|error| WeightsError::Unreadable { reason: error.to_string() })?;
        weights.insert(name, Weight { shape, values });
    }
    Ok(weights)
}

struct Loader<'a> {
    path: Path,
    /// Those that no place was found for yet.
    weights: Weights,
    device: &'a Device,
    misfit: Misfit,
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let Some(weight) = self.weights.remove(&name) else {
            self.misfit.missing.push(name);
            return param;
        };
        let is_transposed = self.path.is_transposed(D);
        let mut expected = param.lazy_shape().dims::<D>().to_vec();
        if is_transposed {
            expected.reverse();
        }
        if weight.shape != expected || weight.values.len() != expected.iter().product::<usize>() {
            self.misfit.has_shape(&name, &weight.shape, &expected);
            return param;
        }
        let count = weight.values.len();
        let data = TensorData::new(weight.values, weight.shape);
        let mut tensor = Tensor::<D>::from_data(data, self.device);
        if is_transposed {
            // Laid out anew: a view would make every product walk the matrix across its rows.
            let transposed = tensor.transpose();
            let dims = transposed.dims();
            tensor = transposed.reshape([count]).reshape(dims);
        }
        // Not by mapping the old value: a weight that was never used is drawn at random first.
        let tensor = if self.device.is_autodiff() { tensor.require_grad() } else { tensor };
        Param::initialized(param.id, tensor)
    }
}

impl Model {
    /// All weights by name.
    ///
    /// # Errors
    /// [`WeightsError::Unreadable`] when the device fails.
    pub async fn weights(&self) -> Result<Weights, WeightsError> {
        read_all(Collector::of(self, |_| true)).await
    }

    /// The same, where the model is not needed any more: on a processor there are never two copies of all.
    ///
    /// # Errors
    /// As of [`Model::weights`].
    pub async fn into_weights(self) -> Result<Weights, WeightsError> {
        let found = Collector::of(&self, |_| true);
        drop(self);
        read_all(found).await
    }

    /// The weights of its adapters by name, and nothing of what they stand beside.
    ///
    /// # Errors
    /// As of [`Model::weights`].
    #[cfg(feature = "train")]
    pub async fn adapters(&self) -> Result<Weights, WeightsError> {
        read_all(Collector::of(self, crate::lora::is_adapter)).await
    }

    /// The same model with `weights`, and with `matrices` that stay packed where the device and the model can keep
    /// them so; others become floats.
    ///
    /// # Errors
    /// As of [`Model::with_weights`].
    pub fn with_packed_weights(
        mut self,
        mut weights: Weights,
        mut matrices: BTreeMap<String, QuantisedMatrix>,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        if kernels::run_on(device) {
            for (name, slot) in self.matrices_mut() {
                let Some(matrix) = matrices.remove(&name) else { continue };
                if slot.dims() != [matrix.rows, matrix.columns] {
                    // Said with all others that do not fit.
                    weights.insert(name, Weight::from(&matrix));
                    continue;
                }
                slot.pack(PackedMatrix::new(&matrix, device));
            }
        }
        for (name, matrix) in matrices {
            weights.insert(name, Weight::from(&matrix));
        }
        self.with_own_weights(weights, device)
    }

    /// The same model with `weights` on `device`.
    ///
    /// # Errors
    /// Every name that is missing, unexpected, or of another shape; nothing is loaded then.
    pub fn with_weights(self, weights: &Weights, device: &Device) -> Result<Self, WeightsError> {
        self.with_own_weights(weights.clone(), device)
    }

    fn with_own_weights(self, weights: Weights, device: &Device) -> Result<Self, WeightsError> {
        let (model, misfit) = self.loaded(weights, device);
        if misfit == Misfit::default() { Ok(model) } else { Err(WeightsError::DoNotFit(misfit)) }
    }

    /// The same model with other numbers in its adapters, and all else as it is.
    ///
    /// # Errors
    /// As of [`Model::with_weights`], of adapters.
    #[cfg(feature = "train")]
    pub fn with_adapters(self, adapters: Weights, device: &Device) -> Result<Self, WeightsError> {
        let (model, mut misfit) = self.loaded(adapters, device);
        misfit.missing.retain(|name| crate::lora::is_adapter(name));
        if misfit == Misfit::default() { Ok(model) } else { Err(WeightsError::DoNotFit(misfit)) }
    }

    /// The same model with what it has of `weights`, and what does not fit.
    fn loaded(self, weights: Weights, device: &Device) -> (Self, Misfit) {
        let mut loader = Loader { path: Path::default(), weights, device, misfit: Misfit::default() };
        let model = self.map(&mut loader);
        let Loader { weights, mut misfit, .. } = loader;
        misfit.unexpected = weights.into_keys().collect();
        (model, misfit)
    }
}
