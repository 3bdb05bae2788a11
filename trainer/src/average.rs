//! Which weights are validated and kept? An exponential moving average of those that training passed through.
//!
//! # Source
//! Polyak averaging as in "Mean teachers" (arXiv 1703.01780): the decay grows from 0 with the step count, so
//! that the random start is forgotten.

use std::collections::HashMap;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId},
    tensor::{Device, Tensor, TensorData},
};
use shared::{
    vocabulary::Model,
    weights::{Weight, Weights},
};

use crate::parameters;

pub struct WeightAverage {
    /// Share of the old average kept at each step; 0 switches averaging off.
    decay: f64,
    steps: usize,
    values: HashMap<ParamId, Tensor<1>>,
}

impl WeightAverage {
    #[must_use]
    pub fn new(decay: f64) -> Self {
        Self { decay, steps: 0, values: HashMap::new() }
    }

    /// What it holds, and how many steps went into it.
    #[must_use]
    pub fn state(&self) -> (usize, Weights) {
        (self.steps, parameters::average_weights(&self.values))
    }

    /// The average that had this state.
    #[must_use]
    pub fn of_state(decay: f64, steps: usize, weights: &Weights, device: &Device) -> Self {
        let tensor = |weight: &Weight| {
            Tensor::from_data(TensorData::new(weight.values.clone(), weight.shape.clone()), device)
        };
        let values = weights
            .iter()
            .filter_map(|(key, weight)| Some((ParamId::from(key.parse::<u64>().ok()?), tensor(weight))));
        Self { decay, steps, values: values.collect() }
    }

    /// Takes the weights after a step into the average.
    pub fn update(&mut self, model: &Model) {
        if self.decay == 0.0 {
            return;
        }
        self.steps += 1;
        let keep = self.decay.min((self.steps as f64 - 1.0) / (self.steps as f64 + 9.0));
        model.visit(&mut Update { values: &mut self.values, keep });
    }

    /// `model` with the averaged weights.
    #[must_use]
    pub fn apply(&self, model: &Model) -> Model {
        if self.values.is_empty() {
            return model.clone();
        }
        model.clone().map(&mut Apply { values: &self.values })
    }
}

struct Update<'a> {
    values: &'a mut HashMap<ParamId, Tensor<1>>,
    keep: f64,
}

impl ModuleVisitor for Update<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val().inner();
        let count = value.shape().num_elements();
        let value = value.reshape([count]);
        let averaged = match self.values.remove(&param.id) {
            Some(old) => old * self.keep + value * (1.0 - self.keep),
            None => value,
        };
        self.values.insert(param.id, averaged);
    }
}

struct Apply<'a> {
    values: &'a HashMap<ParamId, Tensor<1>>,
}

impl ModuleMapper for Apply<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(average) = self.values.get(&param.id) else {
            return param;
        };
        param.map(|value| {
            let shape = value.dims();
            Tensor::from_inner(average.clone().reshape(shape)).require_grad()
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;
    use crate::config::{Recipe, RunConfig, asked};

    fn values(model: &Model) -> Vec<f32> {
        block_on(model.weights()).unwrap().into_values().flat_map(|weight| weight.values).collect()
    }

    #[test]
    fn second_step_keeps_one_eleventh_of_the_first() {
        let device = Device::flex().autodiff();
        let config = RunConfig { hidden_size: 8, heads: 2, layers: 1, ..RunConfig::recipe(Recipe::Compact) };
        let first = config.model(3, 5, Vec::new(), asked(std::iter::empty())).init(&device);
        struct Add;
        impl ModuleMapper for Add {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                param.map(|value| Tensor::from_inner(value.inner() + 1.0).require_grad())
            }
        }
        let before = values(&first);
        let second = first.clone().map(&mut Add);
        let mut average = WeightAverage::new(0.99);
        average.update(&first);
        average.update(&second);
        for (got, old) in values(&average.apply(&second)).iter().zip(before) {
            assert!((got - (old + 10.0 / 11.0)).abs() < 1e-5, "{got}, began at {old}");
        }
        assert_eq!(values(&WeightAverage::new(0.0).apply(&second)), values(&second));
    }
}
