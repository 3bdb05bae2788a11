//! How does a report reach a reader? One HTML file with tables and pictures that needs nothing else.

use super::{
    Protocol, Report,
    plots::{Bar, Group, Line, bars, escaped, lines},
    report::{CUTOFFS, columns, differences, label, sentence},
    slices,
};

/// What stands around the figures. No date: the same evaluation gives the same file.
pub struct Facts {
    pub title: String,
    /// Names and values, for example of data set, seed and command.
    pub about: Vec<(String, String)>,
    pub notes: Vec<String>,
    pub is_met_kept: bool,
}

/// The page; the last report of each protocol is the model's, the others are what it is compared with.
#[must_use]
pub fn page(facts: &Facts, reports: &[Report]) -> String {
    let mut body = format!("<h1>{}</h1>\n<dl>", escaped(&facts.title));
    for (name, value) in &facts.about {
        // Word by word, so that a line never breaks within a flag.
        let words: Vec<String> = value.split(' ').map(|w| format!("<span>{}</span>", escaped(w))).collect();
        body += &format!("<div><dt>{}</dt><dd>{}</dd></div>", escaped(name), words.join(" "));
    }
    body += "</dl>\n";
    for protocol in [Protocol::Candidates20, Protocol::Full] {
        let of_protocol: Vec<&Report> = reports.iter().filter(|r| r.protocol == protocol).collect();
        if !of_protocol.is_empty() {
            body += &section(protocol, &of_protocol, facts.is_met_kept);
        }
    }
    if !facts.notes.is_empty() {
        let notes: Vec<String> =
            facts.notes.iter().map(|note| format!("<li>{}</li>", escaped(note))).collect();
        body += &format!("<section><h2>Notes</h2><ul>{}</ul></section>\n", notes.concat());
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n<main>\n{body}</main>\n</html>\n",
        escaped(&facts.title)
    )
}

fn section(protocol: Protocol, reports: &[&Report], is_met_kept: bool) -> String {
    let about = sentence(protocol, is_met_kept);
    let about = about.split_once(": ").map_or(about.as_str(), |(_, about)| about);
    let mut html = format!(
        "<section>\n<h2>{}</h2>\n<p>{}{}. {} questions; 95 % bootstrap intervals over visitors.</p>\n",
        protocol.name(),
        about[..1].to_uppercase(),
        escaped(&about[1..]),
        reports[0].questions
    );
    html += &verdicts(protocol, reports);
    let mut figures = Vec::new();
    if protocol == Protocol::Full {
        figures.push(figure("Hit rate by length of the list", &by_length(reports)));
    }
    for &metric in pictured(protocol) {
        if reports.iter().any(|r| r.metrics.contains_key(metric)) {
            figures.push(figure(&label(metric), &by_method(metric, reports)));
        }
    }
    html += &format!("<div class=\"figures\">{}</div>\n", figures.concat());
    for group in columns(protocol, reports) {
        html += &table(&group, reports);
    }
    if protocol == Protocol::Full {
        html += ABOUT_LISTS;
    }
    let parts = slices::names(reports);
    if !parts.is_empty() {
        let metric = slices::headline(protocol);
        html += &format!("<h3>{} by part of the questions</h3>\n{}", label(metric), legend(reports));
        let pictures: Vec<String> =
            parts.iter().map(|by| figure(by, &by_slice(by, metric, reports))).collect();
        html += &format!("<div class=\"figures\">{}</div>\n", pictures.concat());
    }
    html + "</section>\n"
}

/// The measures that have a picture of their own.
fn pictured(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Candidates20 => &["hit_rate_at_1", "ndcg_at_10", "mrr"],
        Protocol::Full => &["hit_rate_at_10", "ndcg_at_10", "tail_share_at_10", "revenue_at_10"],
    }
}

fn figure(caption: &str, picture: &str) -> String {
    let mut letters = caption.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let caption = escaped(&(first + letters.as_str()));
    format!("<figure><figcaption>{caption}</figcaption>{picture}</figure>\n")
}

/// What the columns say that are about lists.
const ABOUT_LISTS: &str = "<p>Popularity: the share of items that were met less often than those listed, on average. Tail share: \
how much of a list is outside the most met items, which make up 80 % of what was met. Diversity: how little two items of a list \
have in common. Coverage: the share of the catalogue that is in any list. Gini: 0 when every item is listed as often as any other, \
near 1 when few are. Revenue: the price of the target where it is in the list, per question, in the prices' minor units (cents). \
Rule share: how much of a list would not be in it by its scores alone.</p>\n";

/// Class of a method's colour: the model, the last, stands out.
fn colour(method: usize, reports: &[&Report]) -> String {
    if method + 1 == reports.len() { "mine".to_owned() } else { format!("other{}", method % 6) }
}

fn by_method(metric: &str, reports: &[&Report]) -> String {
    let bars_of = reports.iter().enumerate().filter_map(|(method, report)| {
        let estimate = *report.metrics.get(metric)?;
        Some(Bar { label: report.method.clone(), colour: colour(method, reports), estimate })
    });
    bars(&label(metric), &[Group { title: String::new(), bars: bars_of.collect() }])
}

fn by_length(reports: &[&Report]) -> String {
    let series: Vec<Line> = reports
        .iter()
        .enumerate()
        .map(|(method, report)| Line {
            label: report.method.clone(),
            colour: colour(method, reports),
            points: CUTOFFS
                .iter()
                .filter_map(|k| Some((*k as f64, report.metrics.get(&format!("hit_rate_at_{k}"))?.mean)))
                .collect(),
        })
        .collect();
    lines("Hit rate by length of the list", "length of the list", &series)
}

fn by_slice(by: &str, metric: &str, reports: &[&Report]) -> String {
    let groups: Vec<Group> = slices::rows(reports, by)
        .into_iter()
        .map(|(name, questions)| {
            let bars_of = reports.iter().enumerate().filter_map(|(method, report)| {
                let estimate = slices::find(report, by, &name, metric)?;
                Some(Bar { label: String::new(), colour: colour(method, reports), estimate })
            });
            Group { title: format!("{name} · {questions} questions"), bars: bars_of.collect() }
        })
        .collect();
    bars(by, &groups)
}

fn legend(reports: &[&Report]) -> String {
    let entry = |(method, report): (usize, &&Report)| {
        let colour = colour(method, reports);
        format!(
            "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"{colour}\" width=\"10\" \
             height=\"10\" rx=\"2\"/></svg>{}</li>",
            escaped(&report.method)
        )
    };
    format!("<ul class=\"legend\">{}</ul>\n", reports.iter().enumerate().map(entry).collect::<String>())
}

/// Whether the model beats each of the others, question by question.
fn verdicts(protocol: Protocol, reports: &[&Report]) -> String {
    let rows: Vec<String> = differences(slices::headline(protocol), reports)
        .iter()
        .map(|difference| format!("<li>{}</li>", escaped(difference)))
        .collect();
    if rows.is_empty() { String::new() } else { format!("<ul class=\"verdicts\">{}</ul>\n", rows.concat()) }
}

fn table(group: &[String], reports: &[&Report]) -> String {
    let heads: String = group.iter().map(|m| format!("<th scope=\"col\">{}</th>", label(m))).collect();
    let row = |(method, report): (usize, &&Report)| {
        let cells: String = group
            .iter()
            .map(|metric| {
                let cell = report.cell(metric);
                let (mean, interval) = cell.split_once(' ').unwrap_or((&cell, ""));
                format!("<td>{mean}<small>{interval}</small></td>")
            })
            .collect();
        let class = colour(method, reports);
        format!("<tr class=\"row-{class}\"><th scope=\"row\">{}</th>{cells}</tr>\n", escaped(&report.method))
    };
    let rows: String = reports.iter().enumerate().map(row).collect();
    let about = group.iter().map(|metric| label(metric)).collect::<Vec<_>>().join(", ");
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{about}\"><table><thead><tr><th scope=\"col\">method</th>{heads}</tr></thead>\n\
         <tbody>{rows}</tbody></table></div>\n"
    )
}

const STYLE: &str = "
:root { color-scheme: light dark; --paper: #fbfaf7; --ink: #1f1d1a; --soft: #68635a; --rule: #dfdad0;
  --mine: #b5432f; --other0: #8d99a6; --other1: #3b7f94; --other2: #a08a3a; --other3: #6f6cb0;
  --other4: #4a8c60; --other5: #a7698c; }
@media (prefers-color-scheme: dark) { :root { --paper: #191817; --ink: #ece8e1; --soft: #a39d92;
  --rule: #393632; --mine: #ec7a62; --other0: #8793a0; --other1: #5fa9bf; --other2: #c3ab55;
  --other3: #9996dd; --other4: #6fb587; --other5: #cf90b4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; }
main { max-width: 72rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1.25rem; text-wrap: balance; }
h2 { font-size: 1.3rem; margin: 0 0 .25rem; }
h3 { font-size: 1.05rem; margin: 2rem 0 .25rem; }
p { margin: 0 0 1rem; max-width: 44rem; }
section { border-top: 1px solid var(--rule); margin-top: 2.5rem; padding-top: 1.75rem; }
dl { display: grid; gap: .35rem; margin: 0; }
dl div { display: grid; grid-template-columns: 16rem 1fr; gap: 1rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
dd span { display: inline-block; max-width: 100%; }
.verdicts { margin: 0 0 1.5rem; padding-left: 1.2rem; }
.figures { columns: 20rem; column-gap: 2.5rem; margin: 1.25rem 0 .5rem; }
figure { margin: 0 0 1.5rem; break-inside: avoid; }
figcaption { font-weight: 600; margin-bottom: .35rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
text { font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; fill: var(--ink); }
text.tick { fill: var(--soft); font-size: 11px; }
svg text[class] { fill: var(--ink); } svg text.tick { fill: var(--soft); }
.grid { stroke: var(--rule); fill: none; }
.whisker { stroke: var(--ink); stroke-width: 1.25; fill: none; }
.mine { fill: var(--mine); } .other0 { fill: var(--other0); } .other1 { fill: var(--other1); }
.other2 { fill: var(--other2); } .other3 { fill: var(--other3); } .other4 { fill: var(--other4); }
.other5 { fill: var(--other5); }
.line { fill: none; stroke-width: 1.75; }
.line.mine { stroke: var(--mine); stroke-width: 2.5; } .line.other0 { stroke: var(--other0); }
.line.other1 { stroke: var(--other1); } .line.other2 { stroke: var(--other2); }
.line.other3 { stroke: var(--other3); } .line.other4 { stroke: var(--other4); }
.line.other5 { stroke: var(--other5); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: .25rem 0 0; padding: 0; }
.legend li { display: flex; align-items: center; gap: .4rem; }
.legend svg { width: .8rem; height: .8rem; }
.scroll { overflow-x: auto; margin-bottom: 1.25rem; }
table { border-collapse: separate; border-spacing: 0; min-width: 34rem; width: 100%; font-size: .9375rem; }
th, td { text-align: right; padding: .45rem .75rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child { text-align: left; padding-left: 0; position: sticky; left: 0; background: var(--paper); }
thead th { color: var(--soft); font-weight: 500; }
tbody th { font-weight: 500; }
.row-mine th, .row-mine td { font-weight: 650; }
td small { display: block; color: var(--soft); font-size: .8rem; font-weight: 400; }
@media (max-width: 40rem) { main { padding-top: 1.5rem; } dl div { grid-template-columns: 1fr; gap: 0; }
  dl { gap: .6rem; } th, td { padding: .4rem .6rem; } }
@media print { .scroll { overflow: visible; } figure, tr { break-inside: avoid; } }
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Estimate;

    #[test]
    fn a_page_is_whole_and_holds_every_number() {
        let report = |method: &str, mean: f64| Report {
            method: method.to_owned(),
            protocol: Protocol::Candidates20,
            questions: 2,
            metrics: [("hit_rate_at_1".to_owned(), Estimate { mean, low: 0.125, high: 0.75 })].into(),
            totals: std::collections::BTreeMap::new(),
            slices: Vec::new(),
            visitors: vec![0, 1],
            per_question: [("hit_rate_at_1".to_owned(), vec![mean, mean])].into(),
        };
        let facts = Facts {
            title: "a & b".to_owned(),
            about: vec![("command".to_owned(), "x <y>".to_owned())],
            notes: vec!["a note".to_owned()],
            is_met_kept: false,
        };
        let page = page(&facts, &[report("popular", 0.25), report("compact", 0.5)]);
        for part in [
            "<h1>a &amp; b</h1>",
            "<span>&lt;y&gt;</span>",
            "a note",
            "0.250<small>[0.125, 0.750]",
            "0.500<small>",
        ] {
            assert!(page.contains(part), "{part} is missing");
        }
        // Nothing is loaded from anywhere.
        assert!(!["src=", "href=", "url(", "@import", "http"].iter().any(|word| page.contains(word)));
        assert!(page.contains("compact is better than popular: HR@1 by 0.250 [0.250, 0.250]"));
    }
}
