//! `trainer eval`: the held-out questions, for the model and its baselines, in one table per protocol.

use std::{path::Path, time::Instant};

use anyhow::{Context, Result, ensure};
use futures_lite::future::block_on;
use serde_json::json;
use shared::{interaction::Interaction, rules::Always, tokenizer::Tokenizer};

use crate::{
    baselines::{self, Exam, popular},
    cli::{self, SplitName},
    datasets::{self, Dataset},
    evaluation::{
        Protocol, Report, Ruled, Task, answers, candidates, full, html,
        report::{sentence, text},
        slices,
    },
    export, negatives,
    output::{self, Reporter},
    pipeline,
    ranker::{ModelRanker, Ranker},
    rules_file,
    run::Run,
    split::{self, Question},
    trial,
};

/// Catalogues up to this size are scored title by title.
const EXACT_ITEMS: usize = 2000;
/// Width of the beam over larger ones: finds whatever has a probability above 1/256.
const BEAM: usize = 256;
/// Most tokens that the generative form writes, as in the authors' code.
const WRITTEN_TOKENS: usize = 128;
/// Questions over which the beam is compared with exact scores.
const BEAM_CHECKS: usize = 20;

pub fn run(arguments: &cli::Eval, is_json: bool, is_quiet: bool) -> Result<()> {
    if arguments.behaviour {
        return super::behaviour::run(arguments, is_json);
    }
    let run = Run::load(&arguments.run)?;
    let mut notes = Vec::new();
    let dataset = datasets::load(arguments.data.as_ref().unwrap_or(&run.summary.data))?;
    let dataset = on_catalogue_of(&run, dataset, &mut notes)?;
    let mut reporter = Reporter::new(None, is_quiet)?;
    let device = arguments.device.open()?;
    let split = split::of(&dataset);
    let (items, seed) = (dataset.catalog.len(), pipeline::CANDIDATE_SEED);
    let lists = |questions: &[Question]| negatives::candidates(questions, &dataset.histories, items, seed);
    let (split_name, questions) = match arguments.split {
        SplitName::Test => ("test", &split.test),
        SplitName::Valid => ("valid", &split.valid),
    };
    let sampled = split::sample(questions, arguments.questions.unwrap_or(usize::MAX));
    let sampled_lists = lists(&sampled);
    let sampled_count = sampled.len();
    let (questions, lists_of_questions) = negatives::with_a_choice(sampled, sampled_lists);
    let nothing_to_ask = sampled_count - questions.len();
    ensure!(
        !questions.is_empty(),
        "there is no question to ask\nhint: `trainer validate` shows how many visitors can be asked about"
    );
    let short = lists_of_questions.iter().filter(|list| list.len() <= negatives::UNSEEN_CANDIDATES).count();
    let task = Task {
        is_met_kept: arguments.keep_met,
        ..Task::new(&dataset.catalog, &split.train, &questions, &lists_of_questions, seed)
    };

    let scorer = match arguments.quant {
        None => run.scorer(&device)?,
        Some(quant) => export::scorer(&run, quant, &device)?,
    };
    let name = run.config.recipe.name();
    let name = arguments.quant.map_or(name.to_owned(), |quant| format!("{name} ({quant:?})").to_lowercase());
    let mut model = ModelRanker::new(name, scorer);
    ensure!(
        arguments.beam.is_none() || model.scorer().is_by_tokens(),
        "--beam searches titles, and this model scores the whole catalogue at once\nhint: leave it out"
    );
    let width =
        arguments.beam.or((items > EXACT_ITEMS).then_some(BEAM)).filter(|_| model.scorer().is_by_tokens());
    let ruled = arguments.rules.as_ref().map(|path| read_rules(path, arguments)).transpose()?;
    if let Some(rules) = &ruled {
        notes.extend(idle_rules(rules, &questions));
    }
    if protocols(&arguments.protocol).contains(&Protocol::Candidates20) {
        notes.extend(unmet_note(&lists_of_questions, &split.train, items));
    }
    if nothing_to_ask > 0 {
        notes.push(format!(
            "{nothing_to_ask} questions were left out: their visitors met the whole catalogue"
        ));
    }
    if dataset.signals != run.summary.signals {
        notes.push(
            "events mean something else than they did in training: signals.toml, or the log that dwell times are \
             measured in, was changed since; train again, or take the change back"
                .to_owned(),
        );
    }
    if short > 0 {
        notes.push(format!(
            "{short} questions of candidates20 have fewer unseen items: their visitors met most of the catalogue"
        ));
    }
    let protocols = protocols(&arguments.protocol);
    if let Some(width) = width.filter(|_| protocols.contains(&Protocol::Full)) {
        model = model.searching(width, arguments.keep_met);
    }
    if protocols.contains(&Protocol::Full) && model.scorer().is_by_tokens() {
        announce(&model, &task, &reporter)?;
        if let Some(width) = width {
            notes.push(beam_note(&model, &task, width)?);
        }
    }
    let valid = split::sample(&split.valid, run.config.valid_questions);
    let chosen = if arguments.no_baselines { &[][..] } else { &arguments.baselines };
    let valid_lists = lists(&valid);
    let exam = Exam { questions: &valid, candidates: &valid_lists, protocol: Protocol::Candidates20 };
    let mut networks = Vec::new();
    for &name in chosen {
        let network =
            baselines::trained(name, &split.train, items, &exam, &run.config, &device, &mut reporter)?;
        networks.extend(network.map(|network| (name, network)));
    }

    let (mut reports, mut answered) = (Vec::new(), String::new());
    for &protocol in &protocols {
        let ask = |ranker: &dyn Ranker| match protocol {
            Protocol::Candidates20 => candidates::report(&task, ranker),
            Protocol::Full => full::report(&task, ranker),
        };
        let everything;
        let exam = match protocol {
            Protocol::Candidates20 => exam,
            Protocol::Full => {
                everything = full::candidates(&valid, items, arguments.keep_met);
                Exam { questions: &everything.0, candidates: &everything.1, protocol }
            }
        };
        for &name in chosen {
            let tuned = baselines::tuned(name, &split.train, &dataset.catalog, &exam)?;
            let network = networks.iter().find(|(network, _)| *network == name).map(|(_, network)| network);
            let Some(ranker) = tuned.as_ref().or(network) else { continue };
            reporter.say(&format!("asking {}", ranker.name()));
            reports.push(ask(ranker.as_ref())?);
            if let Some(settings) = ranker.settings() {
                notes.push(format!("{}, tuned for {}: {settings}", ranker.name(), protocol.name()));
            }
        }
        if !arguments.baselines_only {
            reporter.say(&format!("asking {}", model.name()));
            let mut report = ask(&model)?;
            if protocol == Protocol::Candidates20 && model.scorer().is_by_tokens() {
                write_answers(&mut report, &task, &model, &Tokenizer::from_json(&run.tokenizer_json)?)?;
            }
            reports.push(report);
            if arguments.answers.is_some() {
                answered += &answers::lines(&task, &model, protocol, &dataset.visitors)?;
            }
        }
        if arguments.slices {
            let of_protocol = reports.iter_mut().filter(|report| report.protocol == protocol);
            of_protocol.for_each(|report| slices::add(report, &task));
            // Once is enough: it takes five times as long as the question itself.
            let is_asked = protocol == protocols[0] && !arguments.baselines_only;
            if let Some(report) = reports.last_mut().filter(|_| is_asked) {
                slices::add_asked(report, |stars| ask(&model.asking(stars)))?;
            }
        }
        if let Some(ruled) = ruled.as_ref().filter(|_| protocol == Protocol::Full) {
            reporter.say(&format!("asking {} by the rules of {}", model.name(), ruled.placement));
            let mut report = full::report(&Task { ruled: Some(ruled), ..task.clone() }, &model)?;
            report.method = format!("{} by rules", model.name());
            // Before the model's own, which comes last and is compared with all.
            reports.insert(reports.len() - 1, report);
        }
    }

    if let Some(path) = &arguments.answers {
        output::write_file(path, answered.as_bytes())?;
        reporter.say(&format!("answers written to {}", path.display()));
    }
    if let Some(path) = &arguments.html {
        let facts = html::Facts {
            title: format!("{} on {}", model.name(), dataset.format),
            about: vec![
                ("run".to_owned(), format!("{}, {}", arguments.run.display(), run.arm())),
                ("trainer".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
                ("data".to_owned(), format!("{}, {items} items", dataset.format)),
                ("questions".to_owned(), format!("{}, one per visitor, {split_name} split", questions.len())),
                ("training seed".to_owned(), run.config.seed.to_string()),
                ("seed of candidates and bootstrap".to_owned(), seed.to_string()),
                ("command".to_owned(), command(arguments)),
            ],
            notes: notes.clone(),
            is_met_kept: arguments.keep_met,
        };
        output::write_file(path, html::page(&facts, &reports).as_bytes())?;
        reporter.say(&format!("report written to {}", path.display()));
    }
    if is_json {
        return output::print_json(&json!({
            "run": arguments.run, "stage": run.arm(), "trainer": env!("CARGO_PKG_VERSION"),
            "data": dataset.format, "split": split_name, "seed": seed, "short_questions": short,
            "is_met_kept": arguments.keep_met, "notes": notes,
            "visitors": questions.iter().map(|question| dataset.visitors[question.visitor].as_str()).collect::<Vec<_>>(),
            "reports": reports,
        }));
    }
    let mut words = String::new();
    for protocol in protocols {
        let of_protocol: Vec<&Report> = reports.iter().filter(|r| r.protocol == protocol).collect();
        words += &text(&sentence(protocol, arguments.keep_met), protocol, &of_protocol);
        words.push('\n');
    }
    for note in notes {
        words += &format!("{note}\n");
    }
    output::print(&words)
}

/// The data as a run can be asked about them: with its own catalogue, where the shop has other items by now.
pub fn on_catalogue_of(run: &Run, dataset: Dataset, notes: &mut Vec<String>) -> Result<Dataset> {
    if dataset.is_of(&run.catalog) {
        return Ok(dataset);
    }
    let (dataset, left_out) = dataset.on(&run.catalog);
    ensure!(
        !dataset.histories.is_empty(),
        "no item of these data is one of the run's catalogue\nhint: pass data of the shop that it was trained for with --data"
    );
    notes.push(format!(
        "the data have another catalogue than the run, whose own holds: {} interactions with {} items that it lacks were \
         left out",
        left_out.interactions, left_out.items
    ));
    Ok(dataset)
}

/// The rules of a placement that the file knows.
fn read_rules(path: &Path, arguments: &cli::Eval) -> Result<Ruled> {
    ensure!(
        protocols(&arguments.protocol).contains(&Protocol::Full),
        "rules make lists of the whole catalogue\nhint: add --protocol full"
    );
    let rules = rules_file::read(path)?;
    let placement = arguments.placement.clone();
    let known: Vec<&str> = rules.placements.keys().map(String::as_str).collect();
    ensure!(
        rules.placement(&placement, 0).0.is_some(),
        "{} has no placement {placement:?}\nhint: --placement takes one of {}",
        path.display(),
        known.join(", ")
    );
    Ok(Ruled { rules, placement })
}

/// What the rules of a placement say that these questions cannot tell.
fn idle_rules(ruled: &Ruled, questions: &[Question]) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(placement) = ruled.rules.placement(&ruled.placement, full::NO_EXPERIMENT).0 else {
        return notes;
    };
    let is_of_purchases = |always: &Always| matches!(always, Always::NotRecentlyBought { .. });
    if ruled.rules.always.iter().any(is_of_purchases) || placement.rotation.is_some() {
        notes.push(
            "rules about purchases and impressions had nothing to look at: these histories hold no events"
                .to_owned(),
        );
    }
    // Each question is asked at the time of its visitor's last interaction.
    let times = || questions.iter().filter_map(|question| question.history.last()).map(|met| met.time_ms);
    let idle = placement.pin.iter().filter(|pin| times().all(|now_ms| !pin.holds(now_ms)));
    notes.extend(idle.map(|pin| {
        format!(
            "the pin of {} held for no question: each is asked at the time of its visitor's last interaction; to see what it \
             does, evaluate it without from and to",
            pin.item
        )
    }));
    notes
}

/// Who knows what is met at all rules out what never is, without knowing anything of the visitor.
fn unmet_note(lists: &[Vec<usize>], train: &[Vec<Interaction>], items: usize) -> Option<String> {
    let counts = popular::counts(train, items);
    let unmet = |list: &Vec<usize>| list[1..].iter().filter(|&&item| counts[item] == 0.0).count();
    let mean = lists.iter().map(unmet).sum::<usize>() as f64 / lists.len().max(1) as f64;
    (mean >= 0.5).then(|| {
        format!(
            "{mean:.1} of the unseen items of a question were met by nobody in training, so that popularity alone rules them out"
        )
    })
}

/// Each protocol once.
fn protocols(named: &[cli::Protocol]) -> Vec<Protocol> {
    let is_asked = |protocol| named.contains(&protocol) || named.contains(&cli::Protocol::Both);
    let all = [(cli::Protocol::Candidates20, Protocol::Candidates20), (cli::Protocol::Full, Protocol::Full)];
    all.into_iter().filter(|(name, _)| is_asked(*name)).map(|(_, protocol)| protocol).collect()
}

/// The generative form of candidates20; titles are compared as the model can write them.
fn write_answers(report: &mut Report, task: &Task, model: &ModelRanker, tokenizer: &Tokenizer) -> Result<()> {
    let decode = |tokens: &[u32]| tokenizer.decode(tokens).context("cannot read what the model wrote");
    let titles = model.scorer().texts().iter().map(|t| decode(t)).collect::<Result<Vec<_>>>()?;
    let write = |question: &Question| {
        let written = block_on(model.scorer().write(&question.history, WRITTEN_TOKENS))?;
        decode(&written.unwrap_or_default())
    };
    let texts = task.questions.iter().map(write).collect::<Result<Vec<_>>>()?;
    candidates::add_generative(report, task, &texts, &titles);
    Ok(())
}

/// Says how long the titles of a whole catalogue will take, where that is long.
fn announce(model: &ModelRanker, task: &Task, reporter: &Reporter) -> Result<()> {
    /// Worth a word.
    const LONG_S: f64 = 60.0;
    let Some(question) = task.questions.first() else { return Ok(()) };
    let began = Instant::now();
    model.score_catalog(&[&question.history])?;
    let seconds = began.elapsed().as_secs_f64() * task.questions.len() as f64;
    if seconds > LONG_S {
        reporter.say(&format!(
            "searching the titles for {} questions takes about {}; --questions asks fewer, a narrower --beam is faster",
            task.questions.len(),
            trial::words(seconds)
        ));
    }
    Ok(())
}

/// How much of the exact first ten a beam of this width finds, over a few questions.
fn beam_note(model: &ModelRanker, task: &Task, width: usize) -> Result<String> {
    let questions = split::sample(task.questions, BEAM_CHECKS);
    let recall = full::beam_recall(model, &questions, task.is_met_kept)?;
    Ok(format!(
        "the catalogue was searched by a beam of {width} titles; over {} questions it found {:.1} % of the exact \
         first ten",
        questions.len(),
        100.0 * recall
    ))
}

/// The command line that gives this report again.
fn command(arguments: &cli::Eval) -> String {
    let mut words = vec![format!("trainer eval {}", arguments.run.display())];
    for protocol in protocols(&arguments.protocol) {
        words.push(format!("--protocol {}", protocol.name()));
    }
    let names = arguments
        .baselines
        .iter()
        .filter_map(|name| clap::ValueEnum::to_possible_value(name).map(|value| value.get_name().to_owned()));
    words.push(format!("--baselines {}", names.collect::<Vec<_>>().join(",")));
    let flags = [
        (arguments.split == SplitName::Valid).then(|| "--split valid".to_owned()),
        arguments.quant.map(|quant| format!("--quant {quant:?}").to_lowercase()),
        arguments.slices.then(|| "--slices".to_owned()),
        arguments.keep_met.then(|| "--keep-met".to_owned()),
        arguments.rules.as_ref().map(|_| format!("--rules rules.json --placement {}", arguments.placement)),
        arguments.beam.map(|width| format!("--beam {width}")),
        arguments.questions.map(|count| format!("--questions {count}")),
    ];
    words.extend(flags.into_iter().flatten());
    words.join(" ")
}
