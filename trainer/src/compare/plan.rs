//! Which steps make a comparison, and what must be there before each of them?

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{baselines::BaselineName, config::Recipe, preference_config::Arm};

/// What is compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// A config for all data sets, or a folder with one for some, `NAME.toml`, and `default.toml` for the others.
    pub config: Option<PathBuf>,
    pub data: Vec<PathBuf>,
    pub arms: Vec<ArmChoice>,
    pub baselines: Vec<BaselineName>,
    pub seeds: u64,
    pub baseline_seeds: u64,
    pub recipe: Option<Recipe>,
    /// Most test questions of a data set; all without it.
    pub questions: Option<usize>,
    pub out: PathBuf,
}

/// An arm, or RecPO with another λ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArmChoice {
    pub arm: Arm,
    pub lambda: Option<f32>,
}

impl ArmChoice {
    /// Name in tables and of files.
    #[must_use]
    pub fn name(&self) -> String {
        match self.lambda {
            Some(lambda) => format!("{}-lambda-{lambda}", self.arm.name()),
            None => self.arm.name(),
        }
    }
}

/// One process: done when its file is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Words for people.
    pub name: String,
    /// Arguments of `trainer`.
    pub arguments: Vec<String>,
    /// The file that says that the step was finished.
    pub made: PathBuf,
    /// Where the step's stdout is kept, when that is its result.
    pub is_output_kept: bool,
    /// Files of other steps that must be there.
    pub needs: Vec<PathBuf>,
}

impl Comparison {
    /// The name of a data set: that of its folder.
    ///
    /// # Errors
    /// When a folder has no name, or two have the same.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for folder in &self.data {
            let folder = folder.canonicalize().with_context(|| {
                format!(
                    "{} is not a folder\nhint: pass the folder that holds the data files",
                    folder.display()
                )
            })?;
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            ensure!(
                !name.is_empty() && !names.contains(&name),
                "two data folders are named {name:?}\nhint: rename one; reports tell data sets apart by it"
            );
            names.push(name);
        }
        Ok(names)
    }

    /// The folder of one data set and seed.
    #[must_use]
    pub fn folder(&self, data: &str, seed: u64) -> PathBuf {
        self.out.join(data).join(format!("seed-{seed}"))
    }

    /// The behaviour suite of exactly these arms: with others added, it is run again.
    #[must_use]
    pub fn behaviour_file(&self, folder: &Path) -> PathBuf {
        let arms: Vec<String> = self.arms.iter().map(ArmChoice::name).collect();
        folder.join(format!("behaviour.{}.json", arms.join(".")))
    }

    /// The config of a data set.
    #[must_use]
    pub fn config_of(&self, data: &str) -> Option<PathBuf> {
        let config = self.config.as_ref()?;
        if !config.is_dir() {
            return Some(config.clone());
        }
        let own = config.join(format!("{data}.toml"));
        Some(if own.exists() { own } else { config.join("default.toml") })
    }

    /// What decides the results of a data set's steps that are done, as text: a comparison goes on only with the same.
    ///
    /// # Errors
    /// When the config cannot be read.
    pub fn settings_of(&self, data: &str) -> Result<String> {
        let read = |path: PathBuf| {
            std::fs::read_to_string(&path).with_context(|| {
                format!(
                    "cannot read {}\nhint: pass a config, or a folder that holds default.toml",
                    path.display()
                )
            })
        };
        let config = self.config_of(data).map(read).transpose()?.unwrap_or_default();
        Ok(format!("recipe {:?}, questions {:?}\n{config}", self.recipe, self.questions))
    }

    /// Name of each data set, and the files it was read from with their sizes: where they are may change.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn sources(&self) -> Result<Vec<(String, String)>> {
        let mut sources = Vec::new();
        for (folder, name) in self.data.iter().zip(self.names()?) {
            let listing = folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))?;
            let mut files = Vec::new();
            for entry in listing {
                let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
                files.push(format!("{} {}", entry.file_name().to_string_lossy(), entry.metadata()?.len()));
            }
            files.sort();
            sources.push((name, files.join("\n") + "\n"));
        }
        Ok(sources)
    }

    /// All steps, those that others need first.
    ///
    /// # Errors
    /// As [`Comparison::names`].
    pub fn steps(&self) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        let names = self.names()?;
        // All of the first seed first: a comparison that is cut short has something to say of every data set.
        for seed in 1..=self.seeds {
            for (data, name) in self.data.iter().zip(&names) {
                self.steps_of(data, name, seed, &mut steps);
            }
        }
        Ok(steps)
    }

    fn steps_of(&self, data: &Path, name: &str, seed: u64, steps: &mut Vec<Step>) {
        let folder = self.folder(name, seed);
        let sft = folder.join("sft");
        let place = format!("{name}, seed {seed}");
        for choice in &self.arms {
            let run = folder.join(choice.name());
            let mut arguments = vec!["train".to_owned()];
            arguments.extend(self.config_of(name).iter().map(|path| text(path)));
            arguments.extend(flags(&[
                ("--data", &text(data)),
                ("--loss", &choice.arm.name()),
                ("--seed", &seed.to_string()),
                ("--out", &text(&run)),
            ]));
            if let Some(recipe) = self.recipe {
                arguments.extend(flags(&[("--recipe", recipe.name())]));
            }
            let mut needs = Vec::new();
            if choice.arm != Arm::Sft {
                // What an arm reaches is reported whether or not it helped.
                arguments.extend(flags(&[("--from", &text(&sft)), ("--keep", "always")]));
                needs.push(sft.join("run.json"));
            }
            if let Some(lambda) = choice.lambda {
                arguments.extend(flags(&[("--lambda", &lambda.to_string())]));
            }
            let made = run.join("run.json");
            let step = |what: &str| format!("{place}: {what} {}", choice.name());
            steps.push(Step {
                name: step("train"),
                arguments,
                made: made.clone(),
                is_output_kept: false,
                needs,
            });
            let arguments = self.evaluation(&run, &["--no-baselines"]);
            steps.push(Step {
                name: step("evaluate"),
                arguments,
                made: folder.join(format!("{}.json", choice.name())),
                is_output_kept: true,
                needs: vec![made],
            });
        }
        self.steps_of_baselines(&folder, &place, seed, steps);
        let runs: Vec<PathBuf> = self.arms.iter().map(|choice| folder.join(choice.name())).collect();
        if let [first, others @ ..] = runs.as_slice() {
            let mut arguments = vec!["eval".to_owned(), text(first), "--behaviour".to_owned()];
            arguments.extend(others.iter().flat_map(|run| ["--beside".to_owned(), text(run)]));
            arguments.push("--json".to_owned());
            steps.push(Step {
                name: format!("{place}: behaviour"),
                arguments,
                made: self.behaviour_file(&folder),
                is_output_kept: true,
                needs: runs.iter().map(|run| run.join("run.json")).collect(),
            });
        }
    }

    /// Arguments that ask the test questions, under both protocols and by parts.
    fn evaluation(&self, run: &Path, whom: &[&str]) -> Vec<String> {
        let mut arguments = vec!["eval".to_owned(), text(run)];
        arguments.extend(whom.iter().map(|word| (*word).to_owned()));
        arguments.extend(["--protocol", "both", "--slices", "--json"].map(str::to_owned));
        if let Some(questions) = self.questions {
            arguments.extend(flags(&[("--questions", &questions.to_string())]));
        }
        arguments
    }

    /// Methods without a seed are asked once; those that are trained as often as was wished.
    fn steps_of_baselines(&self, folder: &Path, place: &str, seed: u64, steps: &mut Vec<Step>) {
        let sft = folder.join("sft");
        for baseline in &self.baselines {
            let seeds = if BaselineName::CHEAP.contains(baseline) { 1 } else { self.baseline_seeds };
            if seed > seeds {
                continue;
            }
            let arguments = self.evaluation(&sft, &["--baselines-only", "--baselines", &baseline.name()]);
            steps.push(Step {
                name: format!("{place}: evaluate {}", baseline.name()),
                arguments,
                made: folder.join(format!("{}.json", baseline.name())),
                is_output_kept: true,
                needs: vec![sft.join("run.json")],
            });
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn flags(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(data: Vec<PathBuf>) -> Comparison {
        let arms = [Arm::Sft, Arm::Recpo].map(|arm| ArmChoice { arm, lambda: None });
        Comparison {
            config: None,
            data,
            arms: arms.into(),
            baselines: vec![BaselineName::Popular, BaselineName::Sasrec],
            seeds: 2,
            baseline_seeds: 2,
            recipe: None,
            questions: None,
            out: PathBuf::from("out"),
        }
    }

    /// A step finds everything that it needs among the results of the steps before it.
    #[test]
    fn what_a_step_needs_is_made_before_it() {
        let steps = comparison(vec![std::env::temp_dir()]).steps().unwrap();
        let mut made: Vec<&PathBuf> = Vec::new();
        for step in &steps {
            assert!(step.needs.iter().all(|file| made.contains(&file)), "{}", step.name);
            assert!(!made.contains(&&step.made), "{} is made twice", step.made.display());
            made.push(&step.made);
        }
        // Two seeds of (2 arms trained and evaluated, SASRec, behaviour), popularity once.
        assert_eq!(steps.len(), 2 * (4 + 1 + 1) + 1);
    }

    #[test]
    fn a_data_set_has_its_own_config_where_there_is_one() {
        let folder = std::env::temp_dir().join(format!("vitrine-plan-{}", std::process::id()));
        let data: Vec<PathBuf> = ["films", "beers"].map(|name| folder.join(name)).into();
        data.iter().for_each(|data| std::fs::create_dir_all(data).unwrap());
        std::fs::write(folder.join("default.toml"), "seed = 1\n").unwrap();
        std::fs::write(folder.join("films.toml"), "seed = 2\n").unwrap();
        let mut comparison = Comparison { config: Some(folder.clone()), ..comparison(data) };
        let first = |steps: Vec<Step>, of: &str| {
            let of_data = steps.into_iter().find(|step| step.name.starts_with(of)).unwrap();
            of_data.arguments[1].clone()
        };
        assert_eq!(first(comparison.steps().unwrap(), "films"), text(&folder.join("films.toml")));
        assert_eq!(first(comparison.steps().unwrap(), "beers"), text(&folder.join("default.toml")));
        assert!(comparison.settings_of("films").unwrap().ends_with("\nseed = 2\n"));
        assert!(comparison.settings_of("beers").unwrap().ends_with("\nseed = 1\n"));
        comparison.config = Some(folder.join("films.toml"));
        assert_eq!(first(comparison.steps().unwrap(), "beers"), text(&folder.join("films.toml")));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(comparison.settings_of("films").is_err());
    }

    #[test]
    fn folders_that_cannot_be_told_apart_are_refused() {
        let folder = std::env::temp_dir();
        let error = comparison(vec![folder.clone(), folder]).steps().unwrap_err();
        assert!(error.to_string().contains("hint: rename one"), "{error}");
        let error = comparison(vec![PathBuf::from("/no/such/folder")]).steps().unwrap_err();
        assert!(error.to_string().contains("/no/such/folder is not a folder"));
    }
}
