//! What can a GPU do while the weights are still on their way? Compile: zeros of the same sizes are asked first.
//!
//! A kernel is compiled when it is launched for the first time. One layer has all of them.

use std::collections::BTreeMap;

use burn::tensor::Device;

use crate::{
    engine::EngineError,
    interaction::Interaction,
    package::Manifest,
    pass::Memory,
    quant::QuantisedMatrix,
    score::Scorer,
    vocabulary::VocabularyConfig,
    weights::{Weight, Weights},
};

/// Tokens of a title, and items: enough of them for the kernels of many rows.
const TITLE: usize = 7;
const ITEMS: usize = 20;
/// Interactions of the history.
const MET: usize = 8;

/// Asks what a model of this manifest will be asked, of zeros: a history with candidates, then one more event.
///
/// A `compact` model is answered by the processor unless somebody wants it otherwise, and is not rehearsed.
///
/// # Errors
/// As of an engine, which will have them, too.
pub async fn rehearse(manifest: &Manifest, device: &Device) -> Result<(), EngineError> {
    let mut config = manifest.model.clone();
    if matches!(config.vocabulary, VocabularyConfig::Items(_)) {
        return Ok(());
    }
    config.transformer.num_hidden_layers = 1;
    let (mut weights, mut matrices) = (Weights::new(), BTreeMap::new());
    let is_of_first =
        |name: &str| name.strip_prefix("model.layers.").is_none_or(|rest| rest.starts_with("0."));
    for tensor in manifest.tensors.iter().filter(|tensor| is_of_first(&tensor.name)) {
        match (tensor.encoding.bits(), tensor.shape.as_slice()) {
            (Some(bits), &[rows, columns]) => {
                matrices.insert(tensor.name.clone(), QuantisedMatrix::zeros(rows, columns, bits));
            }
            _ => {
                let values = vec![0.0; tensor.shape.iter().product()];
                weights.insert(tensor.name.clone(), Weight { shape: tensor.shape.clone(), values });
            }
        }
    }
    let model =
        config.init(device).with_packed_weights(weights, matrices, device).map_err(EngineError::Weights)?;
    let scorer = Scorer::new(&model, config, vec![vec![0; TITLE]; ITEMS], device);
    let met: Vec<Interaction> =
        (0..MET).map(|item| Interaction { item, intensity: 1.0, time_ms: item as i64 }).collect();
    let candidates: Vec<usize> = (0..ITEMS).collect();
    let mut memory = Memory::default();
    scorer.score_with(&mut memory, &met[..MET - 1], &candidates).await?;
    scorer.score_with(&mut memory, &met, &[]).await?;
    Ok(())
}
