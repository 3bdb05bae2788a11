//! Which settings make a run? A recipe's defaults, then a config file, then flags; saved with the run.

use std::path::Path;

use anyhow::{Context, Error, Result, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    interaction::Interaction,
    model::TransformerConfig,
    precision::Precision,
    preference::{INTENSITY_LEVELS, LIKED, intensity_level},
    prompt::Template,
    signals,
    vocabulary::{
        Asked, ModelConfig, VocabularyConfig, items::ItemVocabularyConfig, tokens::TokenVocabularyConfig,
    },
};

pub use crate::preference_config::PreferenceConfig;
use crate::{base_config::BaseConfig, checkpoint::CheckpointConfig, preference_config::Arm};

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// `compact` (item vocabulary) or `text` (token vocabulary).
    pub recipe: Recipe,
    pub seed: u64,
    /// Largest number of tokens of the tokenizer trained on the catalogue.
    #[schemars(range(min = 1))]
    pub tokens: usize,
    /// How many of the newest interactions the model sees.
    #[schemars(range(min = 1))]
    pub context: usize,
    /// Most validation questions asked after an epoch.
    #[schemars(range(min = 1))]
    pub valid_questions: usize,
    #[schemars(range(min = 1))]
    pub hidden_size: usize,
    #[schemars(range(min = 1))]
    pub layers: usize,
    #[schemars(range(min = 1))]
    pub heads: usize,
    pub dropout: f64,
    /// Whether layers are computed again for their gradients instead of kept: less memory, the same gradients.
    pub recompute: bool,
    /// What a GPU multiplies in while it trains: f32, bf16 or f16. Weights and what adds up stay f32.
    pub precision: Precision,
    pub sft: SftConfig,
    pub preference: PreferenceConfig,
    /// A published model to begin with (recipe `text`); its sizes replace those above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseConfig>,
    pub checkpoints: CheckpointConfig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Recipe {
    /// One position per interaction, items scored exactly: the default.
    Compact,
    /// Histories as text, titles scored token by token.
    Text,
}

impl Recipe {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Text => "text",
        }
    }
}

/// What both stages have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StageConfig {
    pub epochs: usize,
    /// Peak of the schedule.
    pub learning_rate: f64,
    /// Share of the steps that warm up.
    pub warm_up: f64,
    pub weight_decay: f32,
    /// Largest norm of a weight's gradient, or of all of them together.
    pub clip: f32,
    /// Whether `clip` holds of all gradients together.
    pub clip_together: bool,
    /// Batches whose gradients are added up for one step.
    #[schemars(range(min = 1))]
    pub accumulate: usize,
    /// Epochs without a better validation after which a stage ends.
    #[schemars(range(min = 1))]
    pub patience: usize,
    /// Decay of the moving average of weights; 0 switches it off.
    pub weight_average: f64,
    /// Steps between two lines in metrics.jsonl.
    #[schemars(range(min = 1))]
    pub log_every: usize,
}

impl Default for StageConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            learning_rate: 2e-3,
            warm_up: 0.05,
            weight_decay: 0.01,
            clip: 1.0,
            clip_together: false,
            accumulate: 1,
            patience: 6,
            weight_average: 0.0,
            log_every: 10,
        }
    }
}

/// Supervised stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SftConfig {
    /// Targets per batch, about: windows are added until there are as many. Not a number of windows, because
    /// these hold two interactions in one shop and fifty in another.
    #[schemars(range(min = 1))]
    pub batch_targets: usize,
    /// Share of id vectors hidden in a batch, so that text alone works (item vocabulary).
    pub id_dropout: f64,
    /// Share of positions that do not say which intensity comes next (item vocabulary).
    pub unknown_share: f64,
    pub stage: StageConfig,
}

impl Default for SftConfig {
    fn default() -> Self {
        Self { batch_targets: 1500, id_dropout: 0.1, unknown_share: 0.1, stage: StageConfig::default() }
    }
}

impl Default for RunConfig {
    fn default() -> Self {
        Self::recipe(Recipe::Compact)
    }
}

impl RunConfig {
    /// The defaults of a recipe: sizes and optimiser of the compact-model study.
    #[must_use]
    pub fn recipe(recipe: Recipe) -> Self {
        let compact = Self {
            recipe,
            seed: 1,
            tokens: 2000,
            context: 50,
            valid_questions: 2000,
            hidden_size: 64,
            layers: 2,
            heads: 2,
            dropout: 0.2,
            recompute: false,
            precision: Precision::F32,
            sft: SftConfig::default(),
            preference: PreferenceConfig::default(),
            base: None,
            checkpoints: CheckpointConfig::default(),
        };
        match recipe {
            Recipe::Compact => compact,
            Recipe::Text => Self {
                context: 30,
                hidden_size: 128,
                heads: 4,
                dropout: 0.1,
                sft: SftConfig {
                    batch_targets: 4000,
                    stage: StageConfig {
                        epochs: 6,
                        weight_decay: 0.1,
                        patience: 3,
                        ..StageConfig::default()
                    },
                    ..SftConfig::default()
                },
                preference: PreferenceConfig {
                    batch_rows: 8,
                    max_examples: 2000,
                    stage: StageConfig {
                        epochs: 1,
                        learning_rate: 2e-5,
                        patience: 1,
                        ..StageConfig::default()
                    },
                    ..PreferenceConfig::default()
                },
                ..compact
            },
        }
    }

    /// Reads a config file over a recipe's defaults, or over those of fine-tuning a `base`.
    ///
    /// # Errors
    /// With line and column when the file is no TOML or has an unknown key or a value out of range.
    pub fn load(file: Option<&Path>, recipe: Option<Recipe>, base: Option<&Path>) -> Result<Self> {
        let Some(path) = file else {
            return Ok(base.map_or_else(
                || Self::recipe(recipe.unwrap_or(Recipe::Compact)),
                // A recipe that does not fit is refused by name.
                |base| Self { recipe: recipe.unwrap_or(Recipe::Text), ..Self::imported(base) },
            ));
        };
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read {}\nhint: pass a TOML file, or none for the recipe's own settings",
                path.display()
            )
        })?;
        let given: toml::Table =
            toml::from_str(&text).with_context(|| format!("{} is no TOML", path.display()))?;
        // Read alone first, so that an unknown key is reported at its line in the user's file.
        let alone: Self = toml::from_str(&text).map_err(|error| {
            let hint = hint(error.message());
            Error::new(error).context(format!("{} does not fit\nhint: {hint}", path.display()))
        })?;
        let named = if given.contains_key("recipe") { Some(alone.recipe) } else { None };
        let base = base.or(alone.base.as_ref().map(|base| base.path.as_path()));
        let defaults = base.map_or_else(
            || Self::recipe(recipe.or(named).unwrap_or(Recipe::Compact)),
            |base| Self { recipe: recipe.or(named).unwrap_or(Recipe::Text), ..Self::imported(base) },
        );
        let recipe = defaults.recipe;
        let mut merged = toml::Table::try_from(defaults).context("defaults as TOML")?;
        merge(&mut merged, given);
        if let (Some(base), Some(toml::Value::Table(table))) = (base, merged.get_mut("base")) {
            table.insert("path".to_owned(), base.to_string_lossy().into_owned().into());
        }
        let mut config: Self =
            merged.try_into().with_context(|| format!("{} does not fit", path.display()))?;
        config.recipe = recipe;
        Ok(config)
    }

    /// The table `[base]` of a config file that [`RunConfig::load`] takes, if it has one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn base_named(file: &Path) -> Result<Option<BaseConfig>> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let config: Self =
            toml::from_str(&text).with_context(|| format!("{} does not fit", file.display()))?;
        Ok(config.base)
    }

    /// # Errors
    /// The first value out of range.
    pub fn validate(&self) -> Result<()> {
        let (sft, preference) = (&self.sft, &self.preference);
        let sizes = [
            ("tokens", self.tokens, 1, 1 << 20),
            ("hidden_size", self.hidden_size, 1, 1 << 14),
            ("valid_questions", self.valid_questions, 1, 1 << 30),
            ("sft.batch_targets", sft.batch_targets, 1, 1 << 24),
            ("sft.stage.epochs", sft.stage.epochs, 1, 10_000),
            ("sft.stage.patience", sft.stage.patience, 1, 10_000),
            ("preference.stage.patience", preference.stage.patience, 1, 10_000),
            ("preference.max_examples", preference.max_examples, 1, 1 << 40),
            ("layers", self.layers, 1, 1 << 10),
            ("heads", self.heads, 1, 1 << 10),
            ("context", self.context, 1, 1 << 14),
            ("sft.stage.accumulate", sft.stage.accumulate, 1, 1 << 16),
            ("preference.stage.epochs", preference.stage.epochs, 0, 10_000),
            ("preference.stage.accumulate", preference.stage.accumulate, 1, 1 << 16),
            ("sft.stage.log_every", sft.stage.log_every, 1, 1 << 30),
            ("preference.stage.log_every", preference.stage.log_every, 1, 1 << 30),
        ];
        for (key, value, least, most) in sizes {
            ensure!(
                (least..=most).contains(&value),
                "{key} is {value}\nhint: it lies between {least} and {most}"
            );
        }
        let shares = [
            ("sft.id_dropout", sft.id_dropout, 0.0, 1.0),
            ("sft.unknown_share", sft.unknown_share, 0.0, 1.0),
            ("dropout", self.dropout, 0.0, 0.999_999),
            ("checkpoints.minutes", self.checkpoints.minutes, 0.0, 1e6),
        ];
        let mut numbers: Vec<(String, f64, f64, f64)> =
            shares.map(|(key, value, least, most)| (key.to_owned(), value, least, most)).into();
        for (name, stage) in [("sft", &sft.stage), ("preference", &preference.stage)] {
            let of_stage = [
                ("learning_rate", stage.learning_rate, 1e-12, 1.0),
                ("warm_up", stage.warm_up, 0.0, 1.0),
                ("weight_decay", f64::from(stage.weight_decay), 0.0, 10.0),
                ("clip", f64::from(stage.clip), 1e-6, 1e6),
                ("weight_average", stage.weight_average, 0.0, 0.999_999),
            ];
            numbers.extend(
                of_stage.map(|(key, value, least, most)| (format!("{name}.stage.{key}"), value, least, most)),
            );
        }
        for (key, value, least, most) in numbers {
            // A value that is not a number lies in no range.
            ensure!(
                (least..=most).contains(&value),
                "{key} is {value}\nhint: it lies between {least} and {most}"
            );
        }
        let (width, heads) = (self.hidden_size, self.heads);
        ensure!(
            self.base.is_some() || width.is_multiple_of(2 * heads),
            "hidden_size is {width} and heads is {heads}\nhint: each head has an even number of columns, so that \
             hidden_size is a multiple of twice heads"
        );
        preference.validate()?;
        if let Some(base) = &self.base {
            base.validate()?;
            ensure!(
                self.recipe == Recipe::Text,
                "a published model reads titles, which the recipe {} does not\nhint: leave out --recipe",
                self.recipe.name()
            );
        }
        let reads_all_scores = self.recipe == Recipe::Compact || preference.negatives.hard == 0.0;
        ensure!(
            reads_all_scores,
            "preference.negatives.hard needs the scores of the whole catalogue at every position, which are \
             too dear title by title\nhint: set it to 0, or take the recipe compact"
        );
        Ok(())
    }

    /// The model for a catalogue of `items` and a tokenizer of `tokens`, with a calendar cut at `eras`, asking for
    /// what training liked most.
    #[must_use]
    pub fn model(&self, items: usize, tokens: usize, eras: Vec<i64>, asked: Vec<Asked>) -> ModelConfig {
        ModelConfig {
            transformer: TransformerConfig {
                hidden_size: self.hidden_size,
                num_hidden_layers: self.layers,
                num_attention_heads: self.heads,
                num_key_value_heads: self.heads,
                // SwiGLU at 8/3 of the hidden size has the parameters of a plain layer at 4.
                intermediate_size: (self.hidden_size * 8 / 3).next_multiple_of(16),
                dropout: self.dropout,
                ..TransformerConfig::default()
            },
            vocabulary: match self.recipe {
                Recipe::Compact => {
                    VocabularyConfig::Items(ItemVocabularyConfig { items, tokens, eras, is_complete: false })
                }
                Recipe::Text => VocabularyConfig::Tokens(TokenVocabularyConfig {
                    tokens,
                    tie_word_embeddings: true,
                    template: Template::default(),
                }),
            },
            context: self.context,
            asked,
        }
    }
}

/// What to do about a key or a value that is unknown; serde names it, and those that there are, in backticks.
fn hint(message: &str) -> String {
    const ALL: &str = "`trainer schema --of run` lists every key";
    let mut words = message.split('`').skip(1).step_by(2);
    let Some(unknown) = words.next().filter(|_| message.starts_with("unknown ")) else {
        return ALL.to_owned();
    };
    let is_arm = Arm::all().iter().any(|arm| arm.name() == unknown);
    if is_arm && message.starts_with("unknown variant") {
        return format!("{unknown} is a method, which sets several keys: say --loss {unknown}");
    }
    let elsewhere = toml::Table::try_from(RunConfig::default()).map(|table| tables_with(&table, unknown));
    match (elsewhere, signals::nearest(unknown, words)) {
        (Ok(tables), _) if message.starts_with("unknown field") && !tables.is_empty() => {
            format!("it stands in {}; {ALL}", tables.join(" and in "))
        }
        (_, Some(nearest)) => format!("did you mean `{nearest}`? {ALL}"),
        (_, None) => ALL.to_owned(),
    }
}

/// The tables, at whatever depth, that have a key.
fn tables_with(table: &toml::Table, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in table {
        let toml::Value::Table(inner) = value else { continue };
        if inner.contains_key(key) {
            found.push(format!("[{name}]"));
        }
        let within = tables_with(inner, key);
        found.extend(within.into_iter().map(|path| format!("[{name}.{}", &path[1..])));
    }
    found
}

/// Values of `over` replace those of `base`, table by table.
fn merge(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(value)) => merge(inner, value),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// What to ask for: the two highest intensity levels that training met often enough, in equal parts.
///
/// # Source
/// Compact-model study: the mean of the two highest ratings asked for beat either alone by one to two points.
#[must_use]
pub fn asked(intensities: impl Iterator<Item = f32>) -> Vec<Asked> {
    /// A level below this share of what was liked is too rare to have been learned.
    const RARE: f64 = 0.03;
    let mut counts = [0_usize; INTENSITY_LEVELS];
    for intensity in intensities.filter(|&intensity| intensity >= LIKED) {
        counts[intensity_level(intensity)] += 1;
    }
    let liked: usize = counts.iter().sum();
    let levels: Vec<usize> = (0..INTENSITY_LEVELS)
        .rev()
        .filter(|&level| counts[level] > 0 && counts[level] as f64 >= RARE * liked as f64)
        .take(2)
        .collect();
    if levels.is_empty() {
        return vec![Asked { level: INTENSITY_LEVELS - 1, weight: 1.0 }];
    }
    let weight = 1.0 / levels.len() as f32;
    levels.into_iter().map(|level| Asked { level, weight }).collect()
}

/// Where to cut the calendar so that eras hold about equally many interactions, enough to learn something from.
///
/// Data without times has no cuts.
#[must_use]
pub fn eras(histories: &[Vec<Interaction>]) -> Vec<i64> {
    const MOST: usize = 32;
    /// Interactions of an era.
    const ENOUGH: usize = 300;
    let mut times: Vec<i64> = histories.iter().flatten().map(|interaction| interaction.time_ms).collect();
    times.sort_unstable();
    let count = (times.len() / ENOUGH).clamp(1, MOST);
    let mut cuts: Vec<i64> = (1..count).map(|era| times[era * times.len() / count]).collect();
    cuts.dedup();
    cuts.retain(|&cut| cut > times[0]);
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eras_hold_equally_many_and_data_without_times_has_none() {
        let met_at = |times: &[i64]| {
            vec![times.iter().map(|&time_ms| Interaction { item: 0, intensity: 1.0, time_ms }).collect()]
        };
        assert!(eras(&[]).is_empty());
        assert!(eras(&met_at(&[7; 5_000])).is_empty());
        assert_eq!(eras(&met_at(&(0..900).collect::<Vec<_>>())), [300, 600]);
        assert_eq!(eras(&met_at(&(0..100_000).collect::<Vec<_>>())).len(), 31);
    }

    #[test]
    fn asks_for_the_two_highest_common_levels() {
        let ratings = [1.0_f32; 10].into_iter().chain([0.5; 20]).chain([-1.0; 50]);
        let asked = asked(ratings);
        assert_eq!(asked.iter().map(|a| a.level).collect::<Vec<_>>(), [8, 6]);
        assert_eq!(super::asked(std::iter::empty()).len(), 1);
    }

    #[test]
    fn a_file_overrides_its_recipe_and_an_unknown_key_is_named() {
        let folder = std::env::temp_dir().join(format!("vitrine-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("run.toml");
        std::fs::write(&path, "recipe = \"text\"\n[sft.stage]\nepochs = 3\n").unwrap();
        let config = RunConfig::load(Some(&path), None, None).unwrap();
        assert_eq!((config.hidden_size, config.sft.stage.epochs, config.sft.batch_targets), (128, 3, 4000));
        let message = |text: &str| {
            std::fs::write(&path, text).unwrap();
            format!("{:#}", RunConfig::load(Some(&path), None, None).unwrap_err())
        };
        let unknown = message("hidden = 3\n");
        assert!(unknown.contains("hidden_size") && unknown.contains("line 1"), "{unknown}");
        for (text, said) in [
            ("[preference]\nlamda = 3\n", "did you mean `lambda`?"),
            ("[sft]\nepochs = 3\n", "it stands in [preference.stage] and in [sft.stage]"),
            ("[preference]\nloss = \"sdpo\"\n", "say --loss sdpo"),
            ("[preference]\nmargin = \"rato\"\n", "did you mean `ratio`?"),
            ("[preference]\nlambda = \"x\"\n", "`trainer schema --of run` lists every key"),
        ] {
            assert!(message(text).contains(said), "{}", message(text));
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
