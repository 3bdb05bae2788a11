//! `trainer inspect`: what training sees of a data set. Its statistics, and examples as the stages read them.

use std::fmt::Write;

use anyhow::{Result, ensure};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::json;
use shared::{
    interaction::Interaction,
    preference::{Preference, intensity_level},
    prompt::{self, Template},
    tokenizer::Tokenizer,
};

use crate::{
    baselines::popular,
    cli,
    config::{Recipe, RunConfig, eras},
    datasets::{self, Dataset, summary::Summary},
    goals::Goals,
    hugging_face,
    negatives::{self, Sampler},
    output,
    preference_config::LossKind,
    split, tokenizer_training,
};

/// Interactions of a history that are shown, the newest.
const SHOWN: usize = 6;
/// How the new line of an imported template is shown.
const LINE_ENDS: &str = "⏎";
/// Preferences over which margins are summed up.
const MOST: usize = 10_000;

pub fn run(arguments: &cli::Inspect, is_json: bool) -> Result<()> {
    let mut config =
        RunConfig::load(arguments.config.as_deref(), arguments.recipe, arguments.base.as_deref())?;
    config.seed = arguments.seed.unwrap_or(config.seed);
    if let Some(arm) = arguments.loss {
        arm.apply(&mut config.preference);
    }
    config.validate()?;
    ensure!(
        config.preference.negatives.hard == 0.0,
        "preference.negatives.hard asks a model which items are hard, and there is none here\nhint: set it to 0 to inspect"
    );
    let dataset = datasets::load(&arguments.data)?;
    let split = split::of(&dataset);
    let counts = popular::counts(&split.train, dataset.catalog.len());
    let goals = Goals::new(&config.preference, &dataset.catalog, &counts, dataset.clearance.as_deref())?;
    let seen = negatives::seen_while_training(&dataset.seen, &split.train);
    let mut sampler = Sampler::new(&split.train, &config.preference, &goals, &seen)?;
    let mut drawn = draw(&split.train, &mut sampler, config.seed);
    sampler.settle(drawn.iter_mut().map(|(_, _, preference)| preference));
    if config.preference.loss == LossKind::Simpo {
        // The loss has it from the config.
        drawn.iter_mut().for_each(|(_, _, preference)| preference.margins.fill(sampler.mean_margin()));
    }
    ensure!(
        !drawn.is_empty(),
        "no interaction can be preferred over another\nhint: `trainer validate` shows which share of interactions is liked"
    );
    let tokenizer_json = match &config.base {
        Some(base) => hugging_face::tokenizer_json(&base.path)?,
        None => tokenizer_training::train(&dataset.catalog, config.tokens)?,
    };
    let tokenizer = Tokenizer::from_json(&tokenizer_json)?;
    let reader = Reader {
        dataset: &dataset,
        config: &config,
        texts: crate::run::texts(&dataset.catalog, &tokenizer_json, &config)?,
        template: match &config.base {
            Some(_) => hugging_face::template::of(&tokenizer)?,
            None => Template::default(),
        },
        tokenizer,
        eras: eras(&split.train),
    };
    let examples = drawn
        .iter()
        .take(arguments.examples)
        .map(|(visitor, position, preference)| {
            reader.example(*visitor, &split.train[*visitor], *position, preference)
        })
        .collect::<Result<Vec<_>>>()?;
    let statistics = Statistics {
        data: Summary::of(&dataset),
        training_interactions: split.train.iter().map(Vec::len).sum(),
        valid_questions: split.valid.len(),
        test_questions: split.test.len(),
        cold_targets: split.test.iter().filter(|question| counts[question.target] == 0.0).count(),
        tokens_per_item: quantiles(reader.texts.iter().map(|text| text.len() as f32)),
        margins: quantiles(drawn.iter().flat_map(|(_, _, preference)| preference.margins.iter().copied())),
        preferences: format!("{} preferences with {}", drawn.len(), sampler.describe()),
    };
    if is_json {
        return output::print_json(&json!({ "statistics": statistics, "examples": examples }));
    }
    let mut text = String::new();
    statistics.describe(&mut text)?;
    for example in &examples {
        example.describe(&mut text)?;
    }
    output::print(&text)
}

/// Preferences at random places: visitor, position in the training history, and what is preferred there.
fn draw(train: &[Vec<Interaction>], sampler: &mut Sampler, seed: u64) -> Vec<(usize, usize, Preference)> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut places: Vec<(usize, usize)> = train
        .iter()
        .enumerate()
        .flat_map(|(visitor, history)| (1..history.len()).map(move |position| (visitor, position)))
        .collect();
    places.shuffle(&mut generator);
    let preferences = places.into_iter().filter_map(|(visitor, position)| {
        let drawn = sampler.preference(visitor, &train[visitor], position, &[], &mut generator)?;
        Some((visitor, position, drawn))
    });
    preferences.take(MOST).collect()
}

/// Least, quarter, half, three quarters, largest.
fn quantiles(values: impl Iterator<Item = f32>) -> [f32; 5] {
    let mut sorted: Vec<f32> = values.collect();
    sorted.sort_by(f32::total_cmp);
    let last = sorted.len().saturating_sub(1);
    [0, 1, 2, 3, 4].map(|quarter| sorted.get(last * quarter / 4).copied().unwrap_or(0.0))
}

#[derive(Serialize)]
struct Statistics {
    data: Summary,
    training_interactions: usize,
    valid_questions: usize,
    test_questions: usize,
    /// Test questions whose target training never meets.
    cold_targets: usize,
    /// Least, quarter, half, three quarters, largest.
    tokens_per_item: [f32; 5],
    margins: [f32; 5],
    preferences: String,
}

impl Statistics {
    fn describe(&self, text: &mut String) -> Result<()> {
        let row = |values: &[f32; 5]| values.map(|value| format!("{value:.2}")).join("  ");
        super::validate::describe(text, &self.data)?;
        writeln!(
            text,
            "split: {} interactions to train on, {} validation and {} test questions, {} of these about items never met \
             in training",
            self.training_interactions, self.valid_questions, self.test_questions, self.cold_targets
        )?;
        writeln!(text, "tokens of an item (least, quartiles, most): {}", row(&self.tokens_per_item))?;
        writeln!(text, "{}", self.preferences)?;
        writeln!(text, "margins (least, quartiles, largest): {}", row(&self.margins))?;
        Ok(())
    }
}

struct Reader<'a> {
    dataset: &'a Dataset,
    config: &'a RunConfig,
    texts: Vec<Vec<u32>>,
    template: Template,
    tokenizer: Tokenizer,
    eras: Vec<i64>,
}

/// One example of the preference stage.
#[derive(Serialize)]
struct Example {
    /// As the data say.
    visitor: String,
    /// Length of the history before the place that is asked about.
    history: usize,
    newest: Vec<Met>,
    /// Stars that the question asks for.
    asked: f32,
    /// What the model reads: token by token for `text`, position by position for `compact`.
    prompt: String,
    chosen: Alternative,
    rejected: Vec<Alternative>,
}

#[derive(Serialize)]
struct Met {
    title: String,
    stars: f32,
    /// Days before the place that is asked about.
    days_before: f32,
}

#[derive(Serialize)]
struct Alternative {
    title: String,
    /// `None` for an item that the visitor did not meet.
    stars: Option<f32>,
    /// Δt, in the steps or days of the config.
    delay: Option<f32>,
    utility: f32,
    margin: Option<f32>,
    tokens: Vec<u32>,
}

fn stars(intensity: f32) -> f32 {
    3.0 + 2.0 * intensity
}

impl Reader<'_> {
    fn title(&self, item: usize) -> String {
        self.dataset.catalog.items()[item].title.clone()
    }

    fn example(
        &self,
        visitor: usize,
        history: &[Interaction],
        position: usize,
        preference: &Preference,
    ) -> Result<Example> {
        let before = &history[position.saturating_sub(self.config.context)..position];
        let now_ms = history[position].time_ms;
        let newest = before[before.len().saturating_sub(SHOWN)..]
            .iter()
            .map(|met| Met {
                title: self.title(met.item),
                stars: stars(met.intensity),
                days_before: now_ms.saturating_sub(met.time_ms) as f32 / 86_400_000.0,
            })
            .collect();
        let chosen = self.alternative(history, position, preference.chosen, 0.0, None);
        let rejected = preference.rejected.iter().zip(&preference.margins);
        let rejected = rejected
            .map(|(&item, &margin)| self.alternative(history, position, item, chosen.utility, Some(margin)))
            .collect();
        Ok(Example {
            visitor: self.dataset.visitors[visitor].clone(),
            history: position,
            newest,
            asked: stars(preference.intensity),
            prompt: self.prompt(before, preference.intensity)?,
            chosen,
            rejected,
        })
    }

    fn alternative(
        &self,
        history: &[Interaction],
        position: usize,
        item: usize,
        chosen_utility: f32,
        margin: Option<f32>,
    ) -> Alternative {
        let config = &self.config.preference;
        let ahead = history[position..].iter().take(negatives::HORIZON).enumerate();
        let met = ahead.filter(|(_, met)| met.item == item).map(|(steps, met)| {
            (met.intensity, config.delay.of(steps, met.time_ms.saturating_sub(history[position].time_ms)))
        });
        let utility_of = |&(intensity, delay): &(f32, f32)| config.weighing().of(intensity, delay);
        // Of what was met more than once, the time whose margin this is.
        let distance = |met: &(f32, f32)| {
            let expected = config.margin.margin(config.lambda, chosen_utility, utility_of(met));
            margin.map_or(0.0, |margin| (margin - expected).abs())
        };
        let found = met.min_by(|one, other| distance(one).total_cmp(&distance(other)));
        let utility = found.as_ref().map_or_else(|| config.weighing().of_unseen(), utility_of);
        Alternative {
            title: self.title(item),
            stars: found.map(|(intensity, _)| stars(intensity)),
            delay: found.map(|(_, delay)| delay),
            utility,
            margin,
            tokens: self.template.completion(&self.texts[item]),
        }
    }

    fn prompt(&self, before: &[Interaction], intensity: f32) -> Result<String> {
        let asked = intensity_level(intensity);
        Ok(match self.config.recipe {
            Recipe::Text => {
                let is_imported = !self.template.is_default();
                let names = prompt::special_tokens();
                let level = |level: usize| {
                    if is_imported {
                        (level + 1).to_string()
                    } else {
                        names[self.template.levels[level] as usize].clone()
                    }
                };
                let mut words = self.tokenizer.decode(&self.template.start)?;
                if is_imported {
                    words += LINE_ENDS;
                }
                for met in before {
                    words += &level(intensity_level(met.intensity));
                    for &token in &self.texts[met.item] {
                        words += &format!("·{}", self.tokenizer.decode(&[token])?);
                    }
                    words += if is_imported { LINE_ENDS } else { &names[prompt::END as usize] };
                }
                words + &level(asked)
            }
            Recipe::Compact => {
                let positions = shared::vocabulary::items::positions(before, asked, &self.eras);
                let shown = &positions[positions.len().saturating_sub(SHOWN)..];
                let words = shown.iter().map(|p| {
                    let item = p.item.map_or("start".to_owned(), |item| format!("item {item}"));
                    format!(
                        "[{item} intensity {} asked {} gap {} era {}]",
                        p.intensity, p.asked, p.gap, p.era
                    )
                });
                words.collect::<Vec<_>>().join(" ")
            }
        })
    }
}

impl Example {
    fn describe(&self, text: &mut String) -> Result<()> {
        writeln!(text, "\nvisitor {}, after {} interactions:", self.visitor, self.history)?;
        for met in &self.newest {
            writeln!(
                text,
                "  {:>4.1} stars, {:>8.2} days before  {}",
                met.stars, met.days_before, met.title
            )?;
        }
        writeln!(text, "  prompt (the newest of it): {}", tail(&self.prompt))?;
        writeln!(text, "  asked for {:.1} stars", self.asked)?;
        for (word, alternative) in
            std::iter::once(("chosen", &self.chosen)).chain(self.rejected.iter().map(|r| ("rejected", r)))
        {
            let met = match (alternative.stars, alternative.delay) {
                (Some(stars), Some(delay)) => format!("{stars:.1} stars, Δt {delay:.1}"),
                _ => "not met".to_owned(),
            };
            let margin = alternative.margin.map_or_else(String::new, |margin| format!(", γ {margin:.2}"));
            writeln!(
                text,
                "  {word:<9}{} ({met}, φ {:.3}{margin}), {} tokens {:?}",
                alternative.title,
                alternative.utility,
                alternative.tokens.len(),
                alternative.tokens
            )?;
        }
        Ok(())
    }
}

/// The end of a long prompt.
fn tail(prompt: &str) -> String {
    const MOST: usize = 400;
    let count = prompt.chars().count();
    if count <= MOST {
        return prompt.to_owned();
    }
    format!("…{}", prompt.chars().skip(count - MOST).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_by_hand() {
        assert_eq!(quantiles([5.0, 1.0, 3.0, 2.0, 4.0].into_iter()), [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(quantiles(std::iter::empty()), [0.0; 5]);
    }

    #[test]
    fn a_long_prompt_keeps_its_end() {
        assert_eq!(tail("kurz"), "kurz");
        let long = "ä".repeat(500) + "end";
        assert!(tail(&long).starts_with('…') && tail(&long).ends_with("end"));
    }
}
