//! What can a page ask the engine? The class that wasm-bindgen exports; it converts and delegates.

use std::collections::BTreeMap;

use js_sys::{Array, Function, JSON, Promise, Uint8Array, Uint32Array};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    catalog::Catalog,
    engine::{Engine, Page, Request},
    interaction::{Event, History, Interaction},
    package::{Package, parse_catalog},
    rules::{
        Fallback, Rules,
        arrange::Placed,
        reason::{Reason, ReasonKind},
    },
    signals::{FoldReport, SignalsConfig},
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::{
    device, download,
    error::{self, Code, WebError},
};

/// A model at work on a shop's catalogue.
#[wasm_bindgen]
pub struct Recommender {
    engine: Engine,
    device: String,
    /// What is wrong with the shop's own catalogue.
    catalog_error: Option<WebError>,
}

#[derive(Deserialize)]
struct Options {
    k: usize,
    #[serde(default)]
    exclude: Vec<String>,
    candidates: Option<Vec<String>>,
    #[serde(default)]
    placement: String,
    seed: Option<String>,
    #[serde(default)]
    cart: Vec<String>,
    #[serde(default)]
    shown: Vec<String>,
    /// Milliseconds; a number of JavaScript.
    #[serde(default)]
    now_ms: f64,
    #[serde(default)]
    bucket: u8,
}

#[derive(Serialize)]
struct Row<'a> {
    item: &'a str,
    score: f32,
    strength: f32,
    rules: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonRow<'a>>,
}

#[derive(Serialize)]
struct ReasonRow<'a> {
    kind: ReasonKind,
    item: &'a str,
}

/// A list, and what the page has to know beside it.
#[derive(Serialize)]
struct List<'a> {
    rows: Vec<Row<'a>>,
    fallback: Vec<Fallback>,
    experiment: Option<String>,
}

#[derive(Serialize)]
struct InteractionRow<'a> {
    item: &'a str,
    intensity: f32,
    time_ms: f64,
}

/// What events add up to, and what could not be read.
#[derive(Serialize)]
struct Folded<'a> {
    interactions: Vec<InteractionRow<'a>>,
    unknown_items: usize,
    unknown_types: BTreeMap<String, usize>,
}

impl<'a> Folded<'a> {
    fn new((history, report): (History, FoldReport), catalog: &'a Catalog) -> Self {
        let row = |met: &Interaction| InteractionRow {
            item: &catalog.items()[met.item].id,
            intensity: met.intensity,
            time_ms: met.time_ms as f64,
        };
        let interactions = history.interactions().iter().map(row).collect();
        let FoldReport { unknown_items, unknown_types } = report;
        Self { interactions, unknown_items, unknown_types }
    }
}

#[derive(Serialize)]
struct Info<'a> {
    recipe: &'a str,
    parameters: usize,
    device: &'a str,
    quantisation: shared::package::Quantisation,
    items: usize,
    /// Interactions that the model reads at most.
    context: usize,
    fingerprint: &'a str,
    filter_days: BTreeMap<&'a str, u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog_error: Option<&'a str>,
}

#[derive(Serialize)]
struct SelfTest {
    passed: bool,
    max_error: f32,
}

#[wasm_bindgen]
impl Recommender {
    /// Downloads and checks the package at `package_url` and builds the engine on `device` (`cpu` or `gpu`).
    ///
    /// `catalog` is the text of the shop's own catalogue of today, a promise of it, or undefined: what it has and the
    /// package lacks is ranked from its text.
    /// `tokenizer` makes of the package's `tokenizer.json` a function from a text to its tokens. A catalogue that cannot be
    /// read leaves the package as it is, and [`Recommender::info`] says why.
    pub async fn open(
        package_url: String,
        device: String,
        on_progress: Function,
        catalog: JsValue,
        tokenizer: Function,
    ) -> Result<Recommender, JsValue> {
        let opened = device::open(&device).await?;
        let mut rehearsal = None;
        let mut package = download::package(&package_url, &on_progress, |manifest| {
            rehearsal = device::rehearse(manifest, &opened);
        })
        .await?;
        if let Some(rehearsal) = rehearsal {
            JsFuture::from(rehearsal).await?;
        }
        let catalog = JsFuture::from(Promise::resolve(&catalog)).await?.as_string();
        let catalog_error = catalog.and_then(|text| take_in(&mut package, &text, &tokenizer).err());
        let engine = Engine::new(package, &opened).map_err(WebError::from)?;
        Ok(Self { engine, device, catalog_error })
    }

    /// Answers the package's own questions: `{passed, max_error}`.
    pub async fn self_test(&self) -> Result<JsValue, JsValue> {
        let report = self.engine.self_test().await.map_err(WebError::from)?;
        to_js(&SelfTest { passed: report.is_passed, max_error: report.largest_error })
    }

    /// All items, with their public fields.
    pub fn catalog(&self) -> Result<JsValue, JsValue> {
        to_js(&self.engine.catalog().items())
    }

    pub fn info(&self) -> Result<JsValue, JsValue> {
        let manifest = self.engine.manifest();
        to_js(&Info {
            recipe: &manifest.recipe,
            parameters: self.engine.parameters(),
            device: &self.device,
            quantisation: manifest.quantisation,
            items: self.engine.catalog().len(),
            context: manifest.model.context,
            fingerprint: self.engine.fingerprint(),
            filter_days: manifest.signals.filter_days(),
            catalog_error: self.catalog_error.as_ref().map(|error| error.message.as_str()),
        })
    }

    /// What was read of the last history, to be kept where the history is kept; undefined when there is nothing.
    pub async fn snapshot(&self) -> Result<JsValue, JsValue> {
        let bytes = self.engine.snapshot().await.map_err(WebError::from)?;
        Ok(bytes.map_or(JsValue::UNDEFINED, |bytes| Uint8Array::from(bytes.as_slice()).into()))
    }

    /// Takes a snapshot back; gives how many elements of a history need not be read again.
    pub fn restore(&self, snapshot: &[u8]) -> Result<usize, JsValue> {
        Ok(self.engine.restore(snapshot).map_err(|error| WebError::new(Code::BadRequest, error))?)
    }

    /// Forgets what was read of the last history.
    pub fn forget(&self) {
        self.engine.forget();
    }

    /// What the events add up to: `[{item, intensity, time_ms}]`, newest last.
    pub fn interactions(&self, events: JsValue) -> Result<JsValue, JsValue> {
        let folded = self.engine.fold(&read_events(events)?);
        to_js(&Folded::new(folded, self.engine.catalog()).interactions)
    }

    /// The same with what could not be read: `{interactions, unknown_items, unknown_types: {name: count}}`.
    pub fn fold(&self, events: JsValue) -> Result<JsValue, JsValue> {
        to_js(&Folded::new(self.engine.fold(&read_events(events)?), self.engine.catalog()))
    }

    /// Lists are made by these rules from here on: the text of `rules.json`.
    pub fn set_rules(&mut self, text: &str) -> Result<(), JsValue> {
        let rules = Rules::parse(text).map_err(|error| WebError::new(Code::BadRequest, error))?;
        self.engine.set_rules(rules);
        Ok(())
    }

    /// The best items for the events by the shop's rules:
    /// `{rows: [{item, score, strength, rules, reason?: {kind, item}}], fallback, experiment?}`; no rows for an empty history.
    pub async fn recommend(&self, events: JsValue, options: JsValue) -> Result<JsValue, JsValue> {
        let options: Options = serde_wasm_bindgen::from_value(options).map_err(WebError::from)?;
        let Options { k, exclude, candidates, placement, seed, cart, shown, now_ms, bucket } = options;
        let page = Page { placement, seed, cart, shown, now_ms: now_ms as i64, bucket };
        let request = Request { k, exclude, candidates };
        let events = read_events(events)?;
        let answer =
            self.engine.recommend_by_rules(&events, &request, &page).await.map_err(WebError::from)?;
        let items = self.engine.catalog().items();
        let reason = |Reason { kind, item }| ReasonRow { kind, item: &items[item].id };
        let row = |(placed, why): (Placed, Option<Reason>)| Row {
            item: &items[placed.item].id,
            score: placed.score,
            strength: placed.strength,
            rules: placed.rules,
            reason: why.map(reason),
        };
        let rows = answer.list.into_iter().zip(answer.reasons).map(row).collect();
        to_js(&List { rows, fallback: answer.fallback, experiment: answer.experiment })
    }
}

fn take_in(package: &mut Package, catalog: &str, tokenizer: &Function) -> Result<(), WebError> {
    // Nothing else needs it.
    let json = std::mem::take(&mut package.tokenizer_json);
    // Made when the first new item needs it.
    let (mut encode, mut failure) = (None, None);
    let taken = package.take_in(catalog.as_bytes(), |text| {
        let tokens = match &encode {
            Some(encode) => Ok(encode),
            None => {
                let json = String::from_utf8_lossy(&json);
                tokenizer.call1(&JsValue::NULL, &json.as_ref().into()).map(|made| &*encode.insert(made))
            }
        }
        .and_then(|encode| encode.unchecked_ref::<Function>().call1(&JsValue::NULL, &text.into()));
        tokens.map(|tokens| Uint32Array::new(&tokens).to_vec()).unwrap_or_else(|cause| {
            failure = Some(cause);
            Vec::new()
        })
    });
    match failure {
        Some(cause) => Err(WebError::new(Code::BadRequest, error::reason(&cause, "no tokenizer"))),
        None => Ok(taken?),
    }
}

/// [`Recommender::fold`] without a package: the texts of a `catalog.json` and of signals (the defaults when undefined), events.
#[wasm_bindgen]
pub fn fold(catalog: &str, signals: Option<String>, events: JsValue) -> Result<JsValue, JsValue> {
    let bad = |error: &dyn std::error::Error| WebError::new(Code::BadRequest, error);
    let (catalog, _) = parse_catalog(catalog.as_bytes()).map_err(|error| bad(&error))?;
    let signals = signals.map(|text| SignalsConfig::from_json(text.as_bytes())).transpose();
    let signals = signals.map_err(|error| bad(&error))?.unwrap_or_default();
    signals.validate().map_err(|error| bad(&error))?;
    to_js(&Folded::new(History::from_events(&read_events(events)?, &catalog, &signals), &catalog))
}

/// A stored event that this build cannot read must not silence all the others.
///
/// They come by way of JSON: asked for property by property, a history of 500 events took 2.8 ms.
fn read_events(events: JsValue) -> Result<Vec<Event>, WebError> {
    let rows: Array =
        events.dyn_into().map_err(|_| WebError::new(Code::BadRequest, "the events are no list"))?;
    Ok(from_json(&rows).unwrap_or_else(|| rows.iter().filter_map(|row| from_json(&row)).collect()))
}

fn from_json<T: DeserializeOwned>(value: &JsValue) -> Option<T> {
    serde_json::from_str(&JSON::stringify(value).ok()?.as_string()?).ok()
}

fn to_js(value: &(impl Serialize + ?Sized)) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    Ok(value.serialize(&serializer).map_err(WebError::from)?)
}
