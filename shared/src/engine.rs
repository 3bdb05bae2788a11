//! What should this visitor see next? All of recommending: a package and a device in, a list out.
//!
//! Nothing here knows a browser; native tests use the same engine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::{Device, ExecutionError};

use crate::{
    catalog::Catalog,
    interaction::{Event, History},
    kernels,
    package::{Manifest, Package},
    pass::Memory,
    rank::{Recommendation, Scores},
    rules::{
        Fallback, Rules,
        arrange::{Placed, Scene},
        reason::{Reason, reason},
    },
    score::Scorer,
    signals::FoldReport,
    snapshot::{self, SnapshotError},
    trie::Trie,
    weights::WeightsError,
};

/// Why an engine could not be built or could not answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum EngineError {
    Weights(WeightsError),
    Device { reason: String },
    UnknownItem { id: String },
}

impl std::fmt::Display for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Weights(error) => write!(f, "the package does not fit its own config: {error}"),
            Self::Device { reason } => write!(f, "the device failed: {reason}"),
            Self::UnknownItem { id } => write!(f, "item {id:?} is not in the catalogue"),
        }
    }
}

impl std::error::Error for EngineError {}

impl From<ExecutionError> for EngineError {
    fn from(error: ExecutionError) -> Self {
        Self::Device { reason: error.to_string() }
    }
}

/// What to recommend from and how much.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Length of the list.
    pub k: usize,
    /// Ids that must not be shown, for example what lies in the cart.
    pub exclude: Vec<String>,
    /// Ids to choose from; all items when absent.
    pub candidates: Option<Vec<String>>,
}

/// Where on the shop's pages a list is wanted, and what the page knows of the visitor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Name of the place, by which rules are chosen.
    pub placement: String,
    /// Id of the item whose page is open.
    pub seed: Option<String>,
    /// Ids in the cart.
    pub cart: Vec<String>,
    /// Ids that the page shows elsewhere.
    pub shown: Vec<String>,
    /// Milliseconds since 1970-01-01 UTC.
    pub now_ms: i64,
    /// Which hundredth of the visitors this one is of, for experiments.
    pub bucket: u8,
}

/// A list by the shop's rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub list: Vec<Placed>,
    /// Why each item of the list is there, where that may be said.
    pub reasons: Vec<Option<Reason>>,
    /// What should stand in the place of an empty list.
    pub fallback: Vec<Fallback>,
    /// The experiment that chose the rules.
    pub experiment: Option<String>,
}

/// Outcome of the numerical self-test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelfTestReport {
    /// Largest difference between a score here and on the exporting machine.
    pub largest_error: f32,
    pub is_passed: bool,
}

/// Scores of the same package may differ by this much between devices (f32 sums in another order).
pub const TOLERANCE: f32 = 1e-2;
/// The same for packed weights where their states are rounded to 8 bits, too: three times the largest error that was met, of
/// random weights in 30 layers. What computes wrongly is off by whole numbers.
pub const TOLERANCE_OF_BYTES: f32 = 0.15;

/// Intensity at and below which an item is not shown again: taken out of the cart, dismissed, returned.
const NOT_SHOWN_AGAIN: f32 = -0.25;

/// Titles that are read one and all; of more, a beam follows the likeliest.
pub const EXACT_TITLES: usize = 256;
/// Titles that the beam holds: it finds every item that is likelier than one in so many.
const BEAM: usize = 64;
/// A list that would need a wider one is made from all titles.
const WIDEST_BEAM: usize = 512;

/// A model at work on a catalogue.
#[derive(Clone, Debug)]
pub struct Engine {
    catalog: Catalog,
    scorer: Scorer,
    manifest: Manifest,
    fingerprint: String,
    parameters: usize,
    /// How many items the package was exported with.
    exported: usize,
    /// The titles of a large catalogue, when an item's likelihood is that of its title.
    trie: Option<Trie>,
    /// Which items the shop has, by number.
    is_available: Vec<bool>,
    rules: Rules,
    /// What was read of the last history; whoever asks takes it along.
    memory: Arc<Mutex<Memory>>,
}

impl Engine {
    /// # Errors
    /// [`EngineError::Weights`] when the tensors are not those of the configured model.
    pub fn new(package: Package, device: &Device) -> Result<Self, EngineError> {
        let exported = package.catalog.len() - package.arrivals();
        let Package { fingerprint, manifest, catalog, texts, weights, matrices, .. } = package;
        let model = manifest.model.init(device);
        let model = model.with_packed_weights(weights, matrices, device).map_err(EngineError::Weights)?;
        let parameters = manifest.tensors.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
        let scorer = Scorer::new(&model, manifest.model.clone(), texts, device);
        let is_available = catalog.items().iter().map(|item| item.available).collect();
        let is_searched = scorer.is_by_tokens() && scorer.items() > EXACT_TITLES;
        let trie = is_searched.then(|| Trie::new(scorer.texts(), scorer.end()));
        Ok(Self {
            catalog,
            scorer,
            manifest,
            fingerprint,
            parameters,
            exported,
            trie,
            is_available,
            rules: Rules::default(),
            memory: Arc::default(),
        })
    }

    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Number of weights.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// The history that a visitor's events add up to by the package's signals, and what was left out of it.
    #[must_use]
    pub fn fold(&self, events: &[Event]) -> (History, FoldReport) {
        History::from_events(events, &self.catalog, &self.manifest.signals)
    }

    /// The history alone.
    #[must_use]
    pub fn history(&self, events: &[Event]) -> History {
        self.fold(events).0
    }

    /// The best items for a history: available, not excluded and, if the package says so, not yet met.
    ///
    /// An empty history has no answer: the list is empty, and the shop's own list should stay.
    ///
    /// # Errors
    /// [`EngineError::UnknownItem`] for a candidate that the catalogue lacks, [`EngineError::Device`].
    pub async fn recommend(
        &self,
        history: &History,
        request: &Request,
    ) -> Result<Vec<Recommendation>, EngineError> {
        let is_shown = self.promised(history, request)?;
        Ok(self.scores(history, &is_shown, request.k).await?.best(request.k))
    }

    /// The same by the shop's rules: what visitors are shown.
    ///
    /// # Errors
    /// As [`Engine::recommend`].
    pub async fn recommend_by_rules(
        &self,
        events: &[Event],
        request: &Request,
        page: &Page,
    ) -> Result<Answer, EngineError> {
        let history = self.history(events);
        let events = self.manifest.signals.canonical(events);
        let indices = |ids: &[String]| ids.iter().filter_map(|id| self.catalog.index(id)).collect::<Vec<_>>();
        let (cart, shown) = (indices(&page.cart), indices(&page.shown));
        let scene = Scene {
            catalog: &self.catalog,
            placement: &page.placement,
            seed: page.seed.as_ref().and_then(|id| self.catalog.index(id)),
            met: history.interactions(),
            events: &events,
            cart: &cart,
            shown: &shown,
            now_ms: page.now_ms,
            bucket: page.bucket,
        };
        let mut is_allowed = self.promised(&history, request)?;
        if history.interactions().is_empty() {
            return Ok(Answer::default());
        }
        self.rules.forbid(&scene, &mut is_allowed);
        let mut is_shown = is_allowed.clone();
        self.rules.filter(&scene, &mut is_shown);
        let scores = self.scores(&history, &is_shown, request.k).await?;
        let arrangement = self.rules.arrange(&scene, &is_allowed, &scores, request.k);
        let why = |placed: &Placed| {
            arrangement.is_explained.then(|| reason(&scene, &self.rules.never_named, placed.item)).flatten()
        };
        Ok(Answer {
            reasons: arrangement.list.iter().map(why).collect(),
            list: arrangement.list,
            fallback: arrangement.fallback,
            experiment: arrangement.experiment,
        })
    }

    /// From here on lists are made by these rules.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Which items may be shown whatever the rules say: available, not excluded, not disliked, not met if the package says so.
    fn promised(&self, history: &History, request: &Request) -> Result<Vec<bool>, EngineError> {
        let mut is_shown = self.is_available.clone();
        if let Some(candidates) = &request.candidates {
            let mut is_candidate = vec![false; is_shown.len()];
            for id in candidates {
                let index =
                    self.catalog.index(id).ok_or_else(|| EngineError::UnknownItem { id: id.clone() })?;
                is_candidate[index] = true;
            }
            for (shown, candidate) in is_shown.iter_mut().zip(is_candidate) {
                *shown &= candidate;
            }
        }
        for index in request.exclude.iter().filter_map(|id| self.catalog.index(id)) {
            is_shown[index] = false;
        }
        for interaction in history.interactions() {
            // What was disliked is never shown again, whatever the package says about the rest.
            if self.manifest.exclude_seen || interaction.intensity <= NOT_SHOWN_AGAIN {
                is_shown[interaction.item] = false;
            }
        }
        Ok(is_shown)
    }

    /// log π of the items of a mask: of all of them, or of the likeliest where a beam searches a large catalogue.
    async fn scores(&self, history: &History, is_shown: &[bool], k: usize) -> Result<Scores, EngineError> {
        let (met, mut memory) = (history.interactions(), std::mem::take(&mut *self.memory()));
        let scores = if self.scorer.is_by_tokens() {
            let candidates: Vec<usize> = (0..is_shown.len()).filter(|&item| is_shown[item]).collect();
            let width = BEAM.max(k.saturating_mul(2));
            match &self.trie {
                // A long list is not what a beam is for.
                Some(trie) if candidates.len() > EXACT_TITLES.max(width) && width <= WIDEST_BEAM => {
                    self.scorer.search(trie, &mut memory, met, width, is_shown).await?.into_iter().collect()
                }
                _ => {
                    let scores = self.scorer.score_with(&mut memory, met, &candidates).await?;
                    candidates.into_iter().zip(scores).collect()
                }
            }
        } else {
            Scores::of_catalogue(self.scorer.score_catalogue(&mut memory, met).await?, is_shown)
        };
        *self.memory() = memory;
        Ok(scores)
    }

    /// What was read of the last history, as bytes that outlive the page; nothing before the first answer.
    ///
    /// They say what the visitor met: keep them where and as long as the history is kept.
    ///
    /// # Errors
    /// [`EngineError::Device`].
    pub async fn snapshot(&self) -> Result<Option<Vec<u8>>, EngineError> {
        let memory = self.memory().clone();
        Ok(snapshot::save(&memory, &self.fingerprint).await?)
    }

    /// Takes a snapshot back, so that only what is new of the history is read; gives the number of elements known.
    ///
    /// # Errors
    /// [`SnapshotError`], and what was read stays as it was.
    pub fn restore(&self, bytes: &[u8]) -> Result<usize, SnapshotError> {
        let config = &self.scorer.config.transformer;
        let memory = snapshot::restore(bytes, &self.fingerprint, config, &self.scorer.device)?;
        let known = memory.len();
        *self.memory() = memory;
        Ok(known)
    }

    /// Forgets what was read of the last history.
    pub fn forget(&self) {
        *self.memory() = Memory::default();
    }

    /// What pins this package; snapshots and measurements of one are of no use to another.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Two that ask at once do not wait for each other: the second reads its history from the start.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the package's own questions and compares the answers with those of the exporting machine.
    ///
    /// # Errors
    /// [`EngineError::Device`].
    pub async fn self_test(&self) -> Result<SelfTestReport, EngineError> {
        let mut largest_error = 0.0_f32;
        for test in &self.manifest.self_test {
            let (history, candidates) = (&test.history, &test.candidates);
            // The answers are of a catalogue without the items that came later.
            let scores =
                self.scorer.score_among(&mut Memory::default(), history, candidates, self.exported).await?;
            if scores.len() != test.scores.len() {
                return Ok(SelfTestReport { largest_error: f32::INFINITY, is_passed: false });
            }
            for (score, expected) in scores.iter().zip(&test.scores) {
                let error = (score - expected).abs();
                // max() would drop a NaN, which is the one thing that must not pass.
                largest_error = if error.is_nan() { f32::INFINITY } else { largest_error.max(error) };
            }
        }
        let is_of_bytes = self.manifest.quantisation.bits().is_some() && kernels::multiplies_bytes();
        let tolerance = if is_of_bytes { TOLERANCE_OF_BYTES } else { TOLERANCE };
        Ok(SelfTestReport { largest_error, is_passed: largest_error <= tolerance })
    }
}
