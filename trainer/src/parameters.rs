//! Which numbers does training change, and under which names do they outlive the process?
//!
//! burn knows parameters by ids drawn at random. Numbered in the order in which a model is visited, they are the same in
//! every process, and so is what an optimizer remembers of them.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Result, ensure};
use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId},
    tensor::{Tensor, TensorData},
};
use shared::{
    vocabulary::Model,
    weights::{Weight, Weights},
};

/// Which parameters of a [`numbered`] model are trained.
#[must_use]
pub fn trained(model: &Model) -> BTreeSet<String> {
    struct Names(BTreeSet<String>);
    impl ModuleVisitor for Names {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.is_require_grad() {
                self.0.insert(key(param.id));
            }
        }
    }
    let mut names = Names(BTreeSet::new());
    model.visit(&mut names);
    names.0
}

/// How many numbers a model has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub all: usize,
    pub trained: usize,
}

impl ModuleVisitor for Counts {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let count = param.lazy_shape().num_elements();
        self.all += count;
        self.trained += if param.is_require_grad() { count } else { 0 };
    }
}

/// How many numbers a model has, and how many of them are trained.
#[must_use]
pub fn count(model: &Model) -> Counts {
    let mut counts = Counts::default();
    model.visit(&mut counts);
    counts
}

/// The numbers of a [`numbered`] model under the names that are in `which`.
#[must_use]
pub fn parameters(model: &Model, which: &BTreeSet<String>) -> Weights {
    struct Collector<'a>(&'a BTreeSet<String>, Weights);
    impl ModuleVisitor for Collector<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if self.0.contains(&key(param.id)) {
                let value = param.val();
                let shape = value.dims().to_vec();
                let values = value.into_data().iter::<f32>().collect();
                self.1.insert(key(param.id), Weight { shape, values });
            }
        }
    }
    let mut collector = Collector(which, Weights::new());
    model.visit(&mut collector);
    collector.1
}

/// A [`numbered`] model with the `saved` numbers in the place of its own.
///
/// # Errors
/// When they are not those of this model.
pub fn restored(model: Model, saved: &Weights) -> Result<Model> {
    struct Restorer<'a> {
        saved: &'a Weights,
        found: usize,
    }
    impl ModuleMapper for Restorer<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let Some(weight) = self.saved.get(&key(param.id)) else { return param };
            if weight.shape != param.lazy_shape().dims::<D>() {
                return param;
            }
            self.found += 1;
            let data = TensorData::new(weight.values.clone(), weight.shape.clone());
            param.map(|old| {
                let is_training = old.is_require_grad();
                let new = Tensor::from_data(data, &old.device());
                if is_training { new.require_grad() } else { new }
            })
        }
    }
    let mut restorer = Restorer { saved, found: 0 };
    let model = model.map(&mut restorer);
    let (found, expected) = (restorer.found, saved.len());
    ensure!(
        found == expected,
        "{found} of {expected} parameters are those of this model\n\
         hint: settings that shape it (base.bits, base.lora, sizes) stay as they were when the run began; bring them back in its \
         config.toml"
    );
    Ok(model)
}

/// The same model whose parameters are known by their order instead of by chance: what an optimizer remembers of them
/// holds in another process.
#[must_use]
pub fn numbered(model: Model) -> Model {
    struct Numbers(u64);
    impl ModuleMapper for Numbers {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            self.0 += 1;
            let (_, value, mapper) = param.consume();
            Param::from_mapped_value(ParamId::from(self.0), value, mapper)
        }
    }
    model.map(&mut Numbers(0))
}

/// Sorts as it counts.
fn key(id: ParamId) -> String {
    format!("{:06}", id.val())
}

/// What a moving average holds, as it is kept.
#[must_use]
pub fn average_weights(values: &HashMap<ParamId, Tensor<1>>) -> Weights {
    let weight = |tensor: &Tensor<1>| Weight {
        shape: tensor.dims().to_vec(),
        values: tensor.clone().into_data().iter::<f32>().collect(),
    };
    values.iter().map(|(id, tensor)| (key(*id), weight(tensor))).collect()
}
