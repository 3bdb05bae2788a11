//! How do behaviour reports of several methods read side by side?

use std::collections::BTreeMap;

use super::{
    BehaviourReport,
    number::{Better, Outcome},
};

/// Every number of every method, a block for each test; what the numbers mean and what did not apply below.
#[must_use]
pub fn table(reports: &[(String, BehaviourReport)]) -> String {
    let Some((_, first)) = reports.first() else { return String::new() };
    let mut text = format!(
        "behaviour at {} moments, 95 % bootstrap intervals over visitors; + more is better, - less is better\n",
        first.questions
    );
    let columns: String = reports.iter().map(|(name, _)| format!("{name:<26}")).collect();
    let mut test = "";
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (row, number) in first.numbers.iter().enumerate() {
        let label = &number.label;
        if label.test != test {
            test = label.test;
            text += format!("\n{test:<54}{:<10}{columns}", "visitors").trim_end();
            text.push('\n');
        }
        let sign = match label.better {
            Better::Higher => "+",
            Better::Lower => "-",
            Better::Neither => " ",
        };
        let outcomes =
            reports.iter().map(|(_, report)| report.numbers.get(row).map(|number| &number.outcome));
        let mut visitors = 0;
        let mut cells = String::new();
        for outcome in outcomes {
            let cell = match outcome {
                Some(Outcome::Measured(measured)) => {
                    visitors = visitors.max(measured.visitors);
                    let estimate = measured.estimate;
                    format!("{:.3} [{:.3}, {:.3}]", estimate.mean, estimate.low, estimate.high)
                }
                Some(Outcome::NotApplicable { why }) => {
                    let names = reasons.entry(why).or_default();
                    let name = format!("{} {}", &test[..2], label.name);
                    if !names.contains(&name) {
                        names.push(name);
                    }
                    "n/a".to_owned()
                }
                None => String::new(),
            };
            cells += &format!("{cell:<26}");
        }
        text += format!("  {sign} {:<50}{visitors:<10}{cells}", label.name).trim_end();
        text.push('\n');
    }
    if !reasons.is_empty() {
        text.push_str("\nnot applicable (n/a)\n");
    }
    for (why, names) in reasons {
        text += &format!("  {why}: {}\n", names.join("; "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Shop;
    use super::*;

    #[test]
    fn methods_stand_side_by_side() {
        let shop = Shop::new(&[0.5, 1.0, 0.0, 0.0, 1.0], 6);
        let reports = [
            ("oracle".to_owned(), shop.run(&shop.by_utility())),
            ("raw".to_owned(), shop.run(&shop.by_stars())),
        ];
        let text = table(&reports);
        assert!(text.starts_with("behaviour at 6 moments"));
        let row = text.lines().find(|line| line.contains("resistance (TRR)")).unwrap();
        let words: Vec<&str> = row.split_whitespace().collect();
        let expected =
            ["+", "resistance", "(TRR)", "6", "1.000", "[1.000,", "1.000]", "0.000", "[0.000,", "0.000]"];
        assert_eq!(words, expected);
        let heads: Vec<&str> = text.lines().filter(|line| line.ends_with("raw")).collect();
        assert_eq!(heads.len(), 7);
        assert!(text.contains("no visitor likes the next item and dislikes one within ten steps: B3 picks"));
        assert!(text.lines().all(|line| line.len() == line.trim_end().len()));
        assert_eq!(table(&[]), "");
    }
}
