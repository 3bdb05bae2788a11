//! Which words does the command line understand? clap types only; their comments are the reference.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shared::precision::Precision;

use crate::{
    baselines::BaselineName,
    config::Recipe,
    device::{self, DeviceName},
    preference_config::{Arm, Keep},
};

/// Trains, evaluates and exports private, on-device recommenders.
#[derive(Debug, Parser)]
#[command(name = "trainer", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Print the result as one JSON document on stdout.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing on stderr but errors.
    #[arg(long, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the built-in demo shop, train on it, export it and serve it.
    Demo(Demo),
    /// Train on a data set: SFT, then RecPO.
    Train(Train),
    /// Ask the held-out questions and compare with baselines.
    Eval(Eval),
    /// Recommend items for a history.
    Recommend(Recommend),
    /// Write the package that the browser downloads.
    Export(Export),
    /// Serve a package with the demo storefront on this machine.
    Serve(Serve),
    /// Time a package on this machine.
    Bench(Bench),
    /// Draw the curves of a training run, finished or not.
    Plot(Plot),
    /// Check data files: what they hold, what is wrong with them, and how to mend it.
    Validate(Validate),
    /// Print the JSON schema of a file that people write.
    Schema(Schema),
    /// Show what training sees: examples and statistics of a data set.
    Inspect(Inspect),
    /// Train losses on data sets with several seeds, and put them beside each other.
    Compare(Compare),
}

#[derive(Args, Debug)]
pub struct Plot {
    /// Folder of a run.
    pub run: PathBuf,
    /// The picture (SVG); metrics.svg in the run's folder without it.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Also write event files for TensorBoard into this folder, one for each stage.
    #[arg(long)]
    pub tensorboard: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct Validate {
    /// Folder with the data files.
    #[arg(long)]
    pub data: PathBuf,
    /// Also check these rules (`rules.json`) against the catalogue.
    #[arg(long)]
    pub rules: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct Schema {
    /// The file that the schema is of.
    #[arg(long, value_enum, default_value_t)]
    pub of: SchemaOf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// signals.toml: what events mean.
    #[default]
    Signals,
    /// The settings of `trainer train`.
    Run,
    /// A line of events.jsonl.
    Event,
    /// A line of catalog.jsonl.
    Item,
    /// rules.json: what is filtered, pinned and boosted.
    Rules,
}

#[derive(Args, Debug)]
pub struct Inspect {
    /// Settings that replace the recipe's defaults (TOML).
    pub config: Option<PathBuf>,
    /// Folder with the data files.
    #[arg(long)]
    pub data: PathBuf,
    #[arg(long)]
    pub recipe: Option<Recipe>,
    /// The preference stage whose margins are shown.
    #[arg(long, value_enum)]
    pub loss: Option<Arm>,
    /// A published model that is to be fine-tuned: examples in its tokens and its words.
    #[arg(long)]
    pub base: Option<PathBuf>,
    /// Examples to show.
    #[arg(long, default_value_t = 3)]
    pub examples: usize,
    #[arg(long)]
    pub seed: Option<u64>,
}

#[derive(Args, Debug)]
pub struct Compare {
    /// Settings that replace the recipe's defaults (TOML), the same for every arm; or a folder with DATA.toml for
    /// some data sets and default.toml for the others.
    pub config: Option<PathBuf>,
    /// Folder with data files; may be given several times.
    #[arg(long, required = true)]
    pub data: Vec<PathBuf>,
    /// What is compared, separated by commas. `sft` is always trained: the others begin with it.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Arm::COMPARED)]
    pub losses: Vec<Arm>,
    /// Further λ for RecPO, separated by commas; each is an arm of its own.
    #[arg(long, value_delimiter = ',')]
    pub lambdas: Vec<f32>,
    /// Other people's methods on the same questions, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = BaselineName::ALL)]
    pub baselines: Vec<BaselineName>,
    /// Every arm is trained with the seeds 1 to this.
    #[arg(long, default_value_t = 3)]
    pub seeds: u64,
    /// Seeds of the baselines that are trained (SASRec, GRU4Rec).
    #[arg(long, default_value_t = 1)]
    pub baseline_seeds: u64,
    #[arg(long)]
    pub recipe: Option<Recipe>,
    /// Ask only this many visitors of each data set, taken evenly.
    #[arg(long)]
    pub questions: Option<usize>,
    /// Steps at work at the same time; one per core without it.
    #[arg(long)]
    pub jobs: Option<usize>,
    /// Folder for the runs and the report; a comparison that was interrupted goes on there.
    #[arg(long)]
    pub out: PathBuf,
}

#[derive(Args, Debug)]
pub struct Demo {
    /// Folder for shop, run and package; replaced when it is an earlier demo.
    #[arg(long, default_value = "runs/demo")]
    pub out: PathBuf,
    /// Seed of shop and training.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Stop after writing the shop's files (catalog.jsonl, events.jsonl, images).
    #[arg(long)]
    pub shop_only: bool,
    /// Stop after exporting.
    #[arg(long)]
    pub no_serve: bool,
    /// Port of the storefront.
    #[arg(long, default_value_t = 7878)]
    pub port: u16,
    #[command(flatten)]
    pub site: Site,
}

#[derive(Args, Debug)]
pub struct Train {
    /// Settings that replace the recipe's defaults (TOML).
    pub config: Option<PathBuf>,
    /// Folder with the data files; the format is told from their names.
    #[arg(long, required_unless_present = "resume")]
    pub data: Option<PathBuf>,
    #[arg(long)]
    pub recipe: Option<Recipe>,
    /// The preference stage, by name; the config file's own where it is not given.
    #[arg(long, value_enum)]
    pub loss: Option<Arm>,
    /// Folder for the run; must not hold one.
    #[arg(long, required_unless_present = "resume")]
    pub out: Option<PathBuf>,
    /// A run that was stopped or killed: go on with its settings and data from its last checkpoint.
    #[arg(long, conflicts_with_all = ["config", "data", "out", "recipe", "loss", "lambda", "keep", "from", "base", "lora_rank", "base_bits", "seed", "precision"])]
    pub resume: Option<PathBuf>,
    /// λ of the margin.
    #[arg(long)]
    pub lambda: Option<f32>,
    /// Keep the preference stage even if it is worse than its start, as comparisons of losses must.
    #[arg(long, value_enum)]
    pub keep: Option<Keep>,
    /// A finished run: its model begins the preference stage, and no supervised stage is run.
    #[arg(long)]
    pub from: Option<PathBuf>,
    /// A published model to fine-tune: a folder with config.json, model.safetensors and tokenizer.json of Llama 2 or 3,
    /// SmolLM2, Qwen2, Qwen2.5 or Qwen3, or the file of llama2.c.
    #[arg(long, conflicts_with = "from")]
    pub base: Option<PathBuf>,
    /// Rank of the adapters that are trained beside the base; 0 trains the whole model.
    #[arg(long, conflicts_with = "from")]
    pub lora_rank: Option<usize>,
    /// Bits of the base's numbers while adapters learn beside them: 32, 8 or 4. Fewer need less memory.
    #[arg(long, conflicts_with = "from")]
    pub base_bits: Option<u8>,
    /// A bar and a line per epoch on a terminal, too, instead of the dashboard.
    #[arg(long)]
    pub plain: bool,
    #[arg(long)]
    pub seed: Option<u64>,
    #[arg(long = "device", value_delimiter = ',', default_value = "cpu", help = device::HELP_SEVERAL)]
    pub devices: Vec<DeviceName>,
    /// What a GPU multiplies in: f32, bf16 or f16.
    #[arg(long)]
    pub precision: Option<Precision>,
}

#[derive(Args, Debug)]
pub struct Eval {
    /// Folder of a run.
    pub run: PathBuf,
    /// How the questions are asked; may be given several times.
    #[arg(long, value_enum, default_values_t = [Protocol::Candidates20])]
    pub protocol: Vec<Protocol>,
    /// What the model is compared with, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = BaselineName::CHEAP)]
    pub baselines: Vec<BaselineName>,
    /// Ask the model alone.
    #[arg(long)]
    pub no_baselines: bool,
    /// Ask the baselines alone.
    #[arg(long, conflicts_with = "no_baselines")]
    pub baselines_only: bool,
    /// Instead of the protocols: the behaviour suite, eight tests of what preferences promise.
    #[arg(long, conflicts_with_all = ["protocol", "baselines", "no_baselines", "baselines_only", "slices", "html", "answers", "keep_met", "beam", "split", "quant"])]
    pub behaviour: bool,
    /// Further runs on the same data, beside the first in the behaviour suite.
    #[arg(long, requires = "behaviour")]
    pub beside: Vec<PathBuf>,
    /// Also ask by history length, warm and cold targets, category, and stars asked for.
    #[arg(long)]
    pub slices: bool,
    /// Also write the report as one HTML file.
    #[arg(long)]
    pub html: Option<PathBuf>,
    /// Also write what the model answered to each question: visitor, target, items and scores, a line of JSON each.
    #[arg(long)]
    pub answers: Option<PathBuf>,
    /// Let the whole-catalogue protocol rank items that the visitor met already.
    #[arg(long)]
    pub keep_met: bool,
    /// Also make the model's lists by these rules (`rules.json`): what visitors would be shown.
    #[arg(long, conflicts_with_all = ["behaviour", "baselines_only"])]
    pub rules: Option<PathBuf>,
    /// The placement of the rules.
    #[arg(long, default_value = "home", requires = "rules")]
    pub placement: String,
    /// Width of the beam that searches the catalogue (text recipe, whole catalogue); without it, a catalogue of
    /// at most 2000 items is scored title by title.
    #[arg(long)]
    pub beam: Option<usize>,
    /// Ask only this many visitors, taken evenly.
    #[arg(long)]
    pub questions: Option<usize>,
    #[arg(long, value_enum, default_value_t)]
    pub split: SplitName,
    /// Data folder, when it is no longer where the run was trained.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Evaluate the weights as a package would hold them.
    #[arg(long, value_enum)]
    pub quant: Option<Quant>,
    #[arg(long, default_value_t, help = device::HELP)]
    pub device: DeviceName,
}

#[derive(Args, Debug)]
pub struct Recommend {
    /// Folder of a run or of a package.
    pub run: PathBuf,
    /// A file of canonical events (JSON lines), or "Title:4, Title:purchase, ...".
    #[arg(long)]
    pub history: String,
    /// Whose events are read, when the file holds those of several visitors.
    #[arg(long)]
    pub visitor: Option<String>,
    /// Length of the list.
    #[arg(long, default_value_t = 10)]
    pub k: usize,
    #[arg(long, default_value_t, help = device::HELP)]
    pub device: DeviceName,
}

#[derive(Args, Debug)]
pub struct Export {
    /// Folder of a run.
    pub run: PathBuf,
    /// Folder for the package; must not exist or be a package.
    #[arg(long)]
    pub out: PathBuf,
    #[arg(long, value_enum, default_value_t)]
    pub quant: Quant,
    /// What to write: a package for browsers, or a Hugging Face checkpoint in f32 (recipe text).
    #[arg(long, value_enum, default_value_t, conflicts_with = "quant")]
    pub format: ExportFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    #[default]
    Package,
    Hf,
}

#[derive(Args, Debug)]
pub struct Bench {
    /// Folder of a package.
    pub package: PathBuf,
    /// Times that each question is asked.
    #[arg(long, default_value_t = 11)]
    pub runs: usize,
    #[arg(long, default_value_t, help = device::HELP)]
    pub device: DeviceName,
}

#[derive(Args, Debug)]
pub struct Serve {
    /// Folder of a package.
    pub package: PathBuf,
    #[arg(long, default_value_t = 7878)]
    pub port: u16,
    #[command(flatten)]
    pub site: Site,
}

#[derive(Args, Clone, Debug)]
pub struct Site {
    /// Folder of the shop's pages; may be given several times, the first that has a file wins.
    #[arg(long)]
    pub www: Vec<PathBuf>,
    /// Folder of the browser bundle that `cargo xtask wasm` makes.
    #[arg(long)]
    pub bundle: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// The target among 19 items that the visitor never met.
    #[default]
    Candidates20,
    /// The target among the whole catalogue.
    Full,
    /// One after the other.
    Both,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SplitName {
    #[default]
    Test,
    Valid,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Quant {
    /// One byte a weight.
    #[default]
    Q8,
    /// Half a byte a weight: smaller, and less exact.
    Q4,
    F16,
    F32,
}
