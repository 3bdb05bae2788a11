//! How did a training go? The lines of its metrics file, and a picture of what they measured.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    datasets::check_event_log::without_place,
    evaluation::plots::{escaped, steps, tick, ticks, words},
    run,
};

/// What a run measured while it was trained.
#[derive(Debug)]
pub struct Curves {
    /// In the order in which they ran.
    pub stages: Vec<Stage>,
    /// When the metrics file was last written, in seconds since 1970.
    pub written_seconds: f64,
}

#[derive(Debug)]
pub struct Stage {
    pub name: String,
    /// Steps of the stages before.
    pub begin: u64,
    /// In the order of the file.
    pub lines: Vec<Line>,
}

/// A line of the metrics file: on a few steps, or on an epoch.
#[derive(Debug, Deserialize)]
pub struct Line {
    stage: String,
    pub epoch: u32,
    /// The step that it was written at, counted within the stage; an epoch's line has none.
    pub step: Option<u32>,
    /// Whether the epoch was the best so far.
    #[serde(rename = "best", default)]
    pub is_best: bool,
    /// How long the stage had run since it began or was resumed; a step's line has none.
    pub seconds: Option<f64>,
    /// Steps that the stage had taken.
    #[serde(skip)]
    pub taken: u64,
    #[serde(flatten)]
    values: Map<String, Value>,
}

impl Line {
    /// What was measured, by name. What was not finite is `null` in the file, and left out.
    pub fn numbers(&self) -> impl Iterator<Item = (&str, f64)> {
        self.values.iter().filter_map(|(name, value)| Some((name.as_str(), number(value)?)))
    }
}

/// A number as the trainer measures them, in the range of f32.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|value| value.abs() <= f64::from(f32::MAX))
}

impl Stage {
    fn new(name: String, begin: u64, mut lines: Vec<Line>) -> Self {
        // The file does not say how many steps an epoch has: the fewest that agree with every line.
        let of_line = |line: &Line| Some((u64::from(line.step?) + 1).div_ceil(u64::from(line.epoch.max(1))));
        let steps_per_epoch = lines.iter().filter_map(of_line).max().unwrap_or(1);
        for line in &mut lines {
            line.taken = line.step.map_or(steps_per_epoch * u64::from(line.epoch), u64::from);
        }
        Self { name, begin, lines }
    }

    /// Steps of all stages up to a line of this one.
    fn at(&self, line: &Line) -> u64 {
        self.begin.saturating_add(line.taken)
    }

    /// Steps of all stages up to the end of this one.
    fn end(&self) -> u64 {
        let ends = self.lines.iter().map(|line| self.at(line).saturating_add(u64::from(line.step.is_some())));
        ends.max().unwrap_or(self.begin)
    }

    /// The line of the best epoch.
    fn best(&self) -> Option<&Line> {
        self.lines.iter().rfind(|line| line.is_best)
    }

    /// Steps of all stages and what was measured then: by the steps, or by the epochs where there are more of these.
    fn points(&self, name: &str) -> Vec<(u64, f64)> {
        let of = |is_epoch: bool| -> Vec<(u64, f64)> {
            let lines = self.lines.iter().filter(|line| line.step.is_none() == is_epoch);
            lines.filter_map(|line| Some((self.at(line), number(line.values.get(name)?)?))).collect()
        };
        let (of_steps, of_epochs) = (of(false), of(true));
        if of_steps.len() < of_epochs.len() { of_epochs } else { of_steps }
    }

    /// The stage in words.
    fn sentence(&self) -> String {
        let name = &self.name;
        let epochs = self.lines.iter().filter(|line| line.step.is_none()).count();
        let Some(best) = self.best() else {
            return match epochs {
                0 => format!("{name}: in its first epoch"),
                _ => format!("{name}: no epoch of {epochs} is better than the start"),
            };
        };
        let mut parts = vec![format!("{name}: best epoch {} of {epochs}", best.epoch)];
        let validation = best.numbers().filter(|(measure, _)| measure.starts_with(VALIDATION));
        parts.extend(validation.map(|(measure, value)| format!("{} {value:.3}", caption(measure))));
        parts.join(", ")
    }
}

impl Curves {
    /// Reads the metrics of a run, finished or not.
    ///
    /// # Errors
    /// When the folder is none or has no metrics file, or the file is damaged or measures nothing.
    pub fn read(run: &Path) -> Result<Self> {
        run::check_folder(run)?;
        let path = run.join("metrics.jsonl");
        ensure!(
            path.exists(),
            "{} has no metrics.jsonl\nhint: `trainer train` writes it from the first step on; pass the folder given \
             to its --out",
            run.display()
        );
        let cannot = || format!("cannot read {}\nhint: check the rights of the file", path.display());
        let bytes = fs::read(&path).with_context(cannot)?;
        let written = fs::metadata(&path).and_then(|data| data.modified()).with_context(cannot)?;
        let stages = stages(&path, &bytes)?;
        ensure!(
            stages.iter().flat_map(|stage| &stage.lines).any(|line| line.numbers().next().is_some()),
            "{} measures nothing yet\nhint: wait until the training has taken its first step",
            path.display()
        );
        Ok(Self { stages, written_seconds: seconds(written) })
    }

    /// The curves as one SVG file that needs nothing else: a panel for each quantity, a colour for each stage.
    #[must_use]
    pub fn picture(&self, title: &str) -> String {
        let mut marks = words(MARGIN, 32.0, "start", "title", title);
        let mut y = 58.0;
        for (number, stage) in self.stages.iter().enumerate() {
            let colour = colour(number);
            marks += &format!(
                "<rect class=\"{colour}\" x=\"{MARGIN}\" y=\"{:.1}\" width=\"10\" height=\"10\" rx=\"2\"/>",
                y - 9.0
            );
            marks += &words(MARGIN + 16.0, y, "start", "", &stage.sentence());
            y += 19.0;
        }
        marks += &words(MARGIN, y, "start", "tick", KEY);
        y += 14.0;
        let names = self.names();
        for (place, name) in names.iter().enumerate() {
            let (column, row) = (place % COLUMNS, place / COLUMNS);
            marks += &format!(
                "\n<g transform=\"translate({:.0} {:.0})\">{}</g>",
                column as f64 * PANEL_WIDTH,
                y + row as f64 * PANEL_HEIGHT,
                self.panel(name)
            );
        }
        let width = COLUMNS as f64 * PANEL_WIDTH;
        let height = y + names.len().div_ceil(COLUMNS) as f64 * PANEL_HEIGHT;
        let about: Vec<String> = self.stages.iter().map(Stage::sentence).collect();
        let captions: Vec<&str> = names.iter().map(|name| caption(name)).collect();
        let about = format!("{}. Curves of {}.", about.join(". "), captions.join(", "));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"curves\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" role=\"img\" aria-labelledby=\"curves-title\" aria-describedby=\"curves-about\">\n\
             <title id=\"curves-title\">{}</title>\n<desc id=\"curves-about\">{}</desc>\n<style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{marks}\n</svg>\n",
            escaped(title),
            escaped(&about)
        )
    }

    /// Names of what was measured at least once: those of [`CAPTIONS`] first, then the others.
    fn names(&self) -> Vec<&str> {
        let lines = || self.stages.iter().flat_map(|stage| &stage.lines);
        let names: BTreeSet<&str> = lines().flat_map(Line::numbers).map(|(name, _)| name).collect();
        let mut names: Vec<&str> = names.into_iter().collect();
        let place = |name: &str| CAPTIONS.iter().position(|(known, _)| *known == name);
        names.sort_by_key(|name| place(name).unwrap_or(CAPTIONS.len()));
        names
    }

    fn panel(&self, name: &str) -> String {
        let (left, right, top, bottom) = (58.0, PANEL_WIDTH - 24.0, 40.0, PANEL_HEIGHT - 34.0);
        let series: Vec<Vec<(u64, f64)>> =
            self.stages.iter().map(|stage| thinned(stage.points(name))).collect();
        let values = || series.iter().flatten().map(|(_, value)| *value);
        let lowest = values().fold(f64::INFINITY, f64::min);
        let (low, high, step) = axis(lowest, values().fold(f64::NEG_INFINITY, f64::max));
        // Only the stages that measured it: a short one after a long one would be a dash at the edge.
        let drawn =
            || self.stages.iter().zip(&series).enumerate().filter(|(_, (_, points))| !points.is_empty());
        let from = drawn().map(|(_, (stage, _))| stage.begin).min().unwrap_or(0) as f64;
        let to = drawn().map(|(_, (stage, _))| stage.end()).max().unwrap_or(0) as f64;
        let x = |taken: f64| left + (right - left) * (taken - from) / (to - from).max(1.0);
        let y = |value: f64| bottom - (bottom - top) * (value - low) / (high - low);

        let mut marks = words(MARGIN, 22.0, "start", "name", caption(name));
        for above in steps(step, high - low) {
            let at = low + above;
            marks += &format!("<path class=\"grid\" d=\"M{left:.1} {:.1}H{right:.1}\"/>", y(at));
            let digits = digits(at, step, low.abs().max(high.abs()));
            marks += &words(left - 6.0, y(at) + 4.0, "end", "tick", &digits);
        }
        let step = ticks(to - from).0.max(1.0);
        let first = (from / step).ceil() * step;
        for at in steps(step, (to - first).max(0.0)).map(|after| first + after).filter(|at| *at <= to) {
            marks += &words(x(at), bottom + 16.0, "middle", "tick", &tick(at, step));
        }
        for (number, (stage, points)) in drawn() {
            let colour = colour(number);
            marks +=
                &format!("<path class=\"grid\" d=\"M{:.1} {top:.1}V{bottom:.1}\"/>", x(stage.begin as f64));
            let best = stage.best().map(|line| stage.at(line));
            if let Some(best) = best {
                let at = x(best as f64);
                marks += &format!("<path class=\"{colour} best\" d=\"M{at:.1} {top:.1}V{bottom:.1}\"/>");
            }
            let path: Vec<String> = points
                .iter()
                .map(|(taken, value)| format!("{:.1} {:.1}", x(*taken as f64), y(*value)))
                .collect();
            marks += &format!("<path class=\"{colour} line\" d=\"M{}\"/>", path.join("L"));
            // Dots while there is room for them; a larger one for the best epoch on what it was chosen by.
            let is_chosen = |taken: u64| name.starts_with(VALIDATION) && best == Some(taken);
            for (taken, value) in points {
                let radius = if is_chosen(*taken) { 4.5 } else { 1.75 };
                if points.len() <= DOTS || is_chosen(*taken) {
                    marks += &format!(
                        "<circle class=\"{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\"/>",
                        x(*taken as f64),
                        y(*value)
                    );
                }
            }
        }
        marks
    }
}

/// Lines of the file by stage. The last may be half written: its training goes on, or was killed.
fn stages(path: &Path, bytes: &[u8]) -> Result<Vec<Stage>> {
    let mut by_stage: Vec<(String, Vec<Line>)> = Vec::new();
    for (index, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let line: Line = match serde_json::from_slice(text.trim_ascii_end()) {
            Ok(line) => line,
            Err(_) if !text.ends_with(b"\n") => break,
            Err(error) => {
                bail!(
                    "{}:{}:{}: {}\nhint: copy the file into a folder of its own, take the line out there, \
                     and plot that folder",
                    path.display(),
                    index + 1,
                    error.column(),
                    without_place(&error)
                );
            }
        };
        match by_stage.iter_mut().find(|(name, _)| *name == line.stage) {
            Some((_, lines)) => lines.push(line),
            None => by_stage.push((line.stage.clone(), vec![line])),
        }
    }
    let mut begin = 0;
    let stage = |(name, lines)| {
        let stage = Stage::new(name, begin, lines);
        begin = stage.end();
        stage
    };
    Ok(by_stage.into_iter().map(stage).collect())
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// What names of validation measures begin with.
const VALIDATION: &str = "valid/";

/// What is called otherwise in a picture than in the file; the panels have this order.
const CAPTIONS: [(&str, &str); 17] = [
    ("loss", "loss"),
    ("learning_rate", "learning rate"),
    ("grad_norm", "gradient norm"),
    ("valid/hit_rate_at_1", "validation HR@1"),
    ("valid/ndcg_at_10", "validation NDCG@10"),
    ("loss/preference", "preference loss"),
    ("loss/at_reference", "preference loss of the reference"),
    ("rewards/chosen", "reward of chosen items"),
    ("rewards/rejected", "reward of rejected items"),
    ("rewards/margins", "reward margin"),
    ("rewards/accuracies", "accuracy: chosen above rejected"),
    ("margin/target_mean", "margin asked for"),
    ("margin/met", "share of pairs that meet the margin"),
    ("logps/chosen", "log-probability of chosen items"),
    ("logps/rejected", "log-probability of rejected items"),
    ("logps/chosen_change", "log-probability of chosen items, change"),
    ("positions_per_second", "positions a second"),
];

fn caption(name: &str) -> &str {
    CAPTIONS.iter().find(|(known, _)| *known == name).map_or(name, |(_, caption)| caption)
}

/// Class of a stage's colour.
fn colour(stage: usize) -> String {
    format!("stage{}", stage % 4)
}

/// The round numbers that enclose `low` to `high`, and the distance between ticks.
fn axis(low: f64, high: f64) -> (f64, f64, f64) {
    let largest = low.abs().max(high.abs());
    // Values that differ by rounding alone are one.
    let spread = if high - low > 1e-9 * largest { high - low } else { largest };
    let step = ticks(if spread > f64::from(f32::MIN_POSITIVE) { spread } else { 0.0 }).0;
    let first = (low / step + 1e-9).floor();
    let last = (high / step - 1e-9).ceil();
    (first * step, last.max(first + 1.0) * step, step)
}

/// A tick on an axis whose `largest` number says whether powers of ten are needed.
fn digits(value: f64, step: f64, largest: f64) -> String {
    if value.abs() < step / 2.0 {
        return "0".to_owned();
    }
    if (1e-3..1e6).contains(&largest) {
        return tick(value, step);
    }
    let power = |number: f64| (number.abs() * 1.000_001).log10().floor();
    let digits = (power(value) - power(step)).max(0.0) as usize;
    format!("{value:.digits$e}")
}

/// The lowest and the highest point of every stretch, so that a long training is a small picture with all its
/// peaks.
fn thinned(points: Vec<(u64, f64)>) -> Vec<(u64, f64)> {
    let stretch = points.len().div_ceil(STRETCHES);
    if stretch <= 2 {
        return points;
    }
    let ends = |stretch: &[(u64, f64)]| {
        let lowest = stretch.iter().min_by(|a, b| a.1.total_cmp(&b.1));
        let highest = stretch.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let mut ends: Vec<(u64, f64)> = lowest.into_iter().chain(highest).copied().collect();
        ends.sort_by_key(|(taken, _)| *taken);
        ends
    };
    points.chunks(stretch).flat_map(ends).collect()
}

/// Panels beside each other.
const COLUMNS: usize = 3;
const PANEL_WIDTH: f64 = 320.0;
const PANEL_HEIGHT: f64 = 200.0;
const MARGIN: f64 = 16.0;
/// Points of a curve that are drawn as dots, too.
const DOTS: usize = 40;
/// Stretches that a curve is thinned to, about one for each unit of a panel's width.
const STRETCHES: usize = 250;
const KEY: &str = "Across: optimiser steps, counted through all stages. Dashed: the best epoch of a stage.";

const STYLE: &str = "
.curves { max-width: 100%; height: auto; }
.curves .paper { fill: #fbfaf7; }
.curves text { font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; fill: #1f1d1a; }
.curves text.title { font-size: 20px; font-weight: 600; }
.curves text.name { font-size: 13px; font-weight: 600; }
.curves text.tick { font-size: 11px; fill: #68635a; }
.curves .stage0 { fill: #3b7f94; stroke: #3b7f94; } .curves .stage1 { fill: #b5432f; stroke: #b5432f; }
.curves .stage2 { fill: #6f6cb0; stroke: #6f6cb0; } .curves .stage3 { fill: #4a8c60; stroke: #4a8c60; }
.curves .grid { stroke: #dfdad0; fill: none; }
.curves .line { stroke-width: 1.75; stroke-linejoin: round; fill: none; }
.curves .best { stroke-dasharray: 3 3; fill: none; }
@media (prefers-color-scheme: dark) {
.curves .paper { fill: #191817; }
.curves text { fill: #ece8e1; }
.curves text.tick { fill: #a39d92; }
.curves .stage0 { fill: #5fa9bf; stroke: #5fa9bf; } .curves .stage1 { fill: #ec7a62; stroke: #ec7a62; }
.curves .stage2 { fill: #9996dd; stroke: #9996dd; } .curves .stage3 { fill: #6fb587; stroke: #6fb587; }
.curves .grid { stroke: #393632; }
.curves .line, .curves .best { fill: none; }
}
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::tests::folder;

    /// Two epochs of seven steps, of which every fifth is written; then a stage that is under way.
    const METRICS: &str = r#"{"epoch":1,"learning_rate":0.001,"loss":5.0,"stage":"sft","step":0}
{"epoch":1,"learning_rate":0.002,"loss":null,"stage":"sft","step":5}
{"best":true,"epoch":1,"loss":4.5,"seconds":2.5,"stage":"sft","valid/hit_rate_at_1":0.25,"valid/ndcg_at_10":0.5}
{"epoch":2,"learning_rate":0.002,"loss":4.0,"stage":"sft","step":10}
{"best":false,"epoch":2,"loss":4.0,"seconds":4.0,"stage":"sft","valid/hit_rate_at_1":0.125,"valid/ndcg_at_10":0.5}
{"epoch":1,"learning_rate":0.00002,"loss":3.0,"own":1,"rewards/chosen":-0.43,"stage":"recpo","step":0}
{"epoch":1,"learning_rate":0.00001,"loss":3.0,"own":2,"rewards/chosen":0.22,"stage":"recpo","step":5}
"#;

    fn read(name: &str, metrics: &str) -> Result<Curves> {
        Curves::read(folder(&format!("curves-{name}"), &[("metrics.jsonl", metrics)]).path())
    }

    #[test]
    fn lines_are_counted_through_the_stages() {
        let curves = read("count", METRICS).unwrap();
        let taken: Vec<(&str, u64, Vec<u64>)> = curves
            .stages
            .iter()
            .map(|s| (s.name.as_str(), s.begin, s.lines.iter().map(|line| line.taken).collect()))
            .collect();
        // Step 5 is in the first epoch: it has six steps or more, and two have twelve.
        assert_eq!(taken, [("sft", 0, vec![0, 5, 6, 10, 12]), ("recpo", 12, vec![0, 5])]);
        let [sft, recpo] = &curves.stages[..] else { panic!("two stages") };
        // What is null is left out; the validation is of epochs, the loss of steps.
        assert_eq!(sft.points("loss"), [(0, 5.0), (10, 4.0)]);
        assert_eq!(sft.points("valid/hit_rate_at_1"), [(6, 0.25), (12, 0.125)]);
        assert_eq!(recpo.points("rewards/chosen"), [(12, -0.43), (17, 0.22)]);
        assert_eq!(sft.sentence(), "sft: best epoch 1 of 2, validation HR@1 0.250, validation NDCG@10 0.500");
        assert_eq!(recpo.sentence(), "recpo: in its first epoch");
        assert_eq!(
            curves.names(),
            ["loss", "learning_rate", "valid/hit_rate_at_1", "valid/ndcg_at_10", "rewards/chosen", "own"]
        );
    }

    #[test]
    fn a_picture_needs_nothing_else() {
        let curves = read("picture", METRICS).unwrap();
        let svg = curves.picture("a & b");
        for part in [
            "<title id=\"curves-title\">a &amp; b</title>",
            "<desc id=\"curves-about\">sft: best epoch 1 of 2, ",
            ">validation NDCG@10</text>",
            ">own</text>",
            "@media (prefers-color-scheme: dark)",
        ] {
            assert!(svg.contains(part), "{part} is missing");
        }
        assert!(!["src=", "href=", "url(", "@import"].iter().any(|word| svg.contains(word)));
        assert_eq!(svg.matches("<g ").count(), 6);
        // One stage has a best epoch: a line in each of its panels, and a dot where validation was measured.
        assert_eq!(svg.matches("class=\"stage0 best\"").count(), 4);
        assert_eq!((svg.matches("class=\"stage1 best\"").count(), svg.matches("r=\"4.5\"").count()), (0, 2));
    }

    #[test]
    fn negative_numbers_are_below_zero() {
        let curves = read("negative", METRICS).unwrap();
        // From -0.6 to 0.4 over 126 units from 166 up; steps 12 to 18 over 238 units from 58.
        let panel = curves.panel("rewards/chosen");
        assert!(panel.contains("d=\"M58.0 144.6L256.3 62.7\""), "{panel}");
        for label in ["-0.6", "-0.4", "-0.2", "0", "0.2", "0.4"] {
            assert!(panel.contains(&format!(">{label}</text>")), "{label} is missing in {panel}");
        }
    }

    #[test]
    fn axes_enclose_what_they_show() {
        let close = |(low, high, step): (f64, f64, f64), expected: [f64; 3]| {
            let is_close = [low, high, step].iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9 * step);
            assert!(is_close, "{low} {high} {step}, expected {expected:?}");
        };
        close(axis(-0.43, 0.22), [-0.6, 0.4, 0.2]);
        close(axis(4.49, 5.57), [4.0, 6.0, 0.5]);
        close(axis(-9.0, -2.0), [-10.0, -2.0, 2.0]);
        // One value alone, and none but zero.
        close(axis(-3.0, -3.0), [-3.0, -2.0, 1.0]);
        close(axis(0.0, 0.0), [0.0, 0.5, 0.5]);
        close(axis(0.0, 3e38), [0.0, 3e38, 1e38]);
        assert_eq!([digits(-0.1, 0.05, 0.2), digits(1e-17, 0.05, 0.2)], ["-0.10", "0"]);
        assert_eq!([digits(1.5e-5, 5e-6, 2e-5), digits(-4e30, 2e30, 4e30)], ["1.5e-5", "-4e30"]);
    }

    #[test]
    fn a_long_curve_keeps_its_peaks() {
        let points: Vec<(u64, f64)> =
            (0..10_000).map(|at| (at, if at == 4321 { 9.0 } else { 1.0 })).collect();
        let thin = thinned(points);
        assert_eq!(thin.len(), 2 * STRETCHES);
        assert!(thin.is_sorted() && thin.contains(&(4321, 9.0)));
    }

    #[test]
    fn a_line_that_is_being_written_is_no_damage() {
        let half = format!("{METRICS}{{\"epoch\":1,\"lo");
        assert_eq!(read("half", &half).unwrap().stages[1].lines.len(), 2);
        let whole = METRICS.trim_end();
        assert_eq!(read("whole", whole).unwrap().stages[1].lines.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_remedy() {
        let message = |name: &str, metrics: &str| crate::message(&read(name, metrics).unwrap_err());
        let damaged = message("damaged", &METRICS.replacen("\"epoch\":2", "\"epoch\":-2", 1));
        assert!(damaged.contains("metrics.jsonl:4:") && damaged.contains("\nhint: "), "{damaged}");
        let nameless = message("nameless", "{\"epoch\":1,\"step\":0}\n");
        assert!(nameless.contains("missing field `stage`\nhint: "), "{nameless}");
        for (name, metrics) in [("empty", ""), ("null", r#"{"epoch":1,"loss":null,"stage":"sft","step":0}"#)]
        {
            let text = message(name, metrics);
            assert!(text.contains("measures nothing yet\nhint: "), "{text}");
        }
        let run = folder("curves-none", &[]);
        let text = crate::message(&Curves::read(run.path()).unwrap_err());
        assert!(text.contains("has no metrics.jsonl\nhint: "), "{text}");
        let text = crate::message(&Curves::read(&run.path().join("no")).unwrap_err());
        assert!(text.contains("is not a folder\nhint: "), "{text}");
    }
}
