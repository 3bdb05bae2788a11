//! What does a shop know of its items that no visitor may see? `private.csv` beside the event log: one item a line,
//! used in training and never exported.

use std::{collections::HashSet, path::Path};

use anyhow::Result;
use shared::catalog::Catalog;

use super::{
    report::{Fault, ImportReport, Unused},
    table::{Rows, Separator, Table},
};

pub const FILE: &str = "private.csv";

/// How urgently each item is to be sold off, larger for what is to go first; NaN where the file does not say.
///
/// `None` without the file. What is wrong with a line goes into `report`.
///
/// # Errors
/// When a column is missing or the file cannot be read.
pub fn clearance(folder: &Path, catalog: &Catalog, report: &mut ImportReport) -> Result<Option<Vec<f32>>> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let mut values = vec![f32::NAN; catalog.len()];
    let mut told = HashSet::new();
    let mut unknown = 0;
    Table::open(&path, Separator::Comma)?.each(
        ["id", "clearance"],
        Rows::Others,
        report,
        |[id, clearance]| {
            let broken =
                |kind, reason: String, hint| Unused::Broken(Fault::new(kind, reason, hint).at(id.column));
            let name = id.text.trim();
            // Shops drop items from the catalogue before they drop them elsewhere.
            let Some(item) = catalog.index(name) else {
                unknown += 1;
                return Ok(());
            };
            if !told.insert(item) {
                let reason = format!("item {name:?} was told of before");
                return Err(broken("duplicate item id", reason, "keep one of the lines"));
            }
            if !clearance.text.trim().is_empty() {
                values[item] = clearance.number()?;
            }
            Ok(())
        },
    )?;
    report.remark_count(unknown, "lines of private.csv are about items that the catalogue lacks");
    Ok(Some(values))
}

#[cfg(test)]
mod tests {
    use shared::catalog::Item;

    use super::*;
    use crate::output::write_file;

    fn read(name: &str, text: &str) -> (Result<Option<Vec<f32>>>, Vec<String>) {
        let folder = std::env::temp_dir().join(format!("vitrine-private-{name}-{}", std::process::id()));
        write_file(&folder.join(FILE), text.as_bytes()).unwrap();
        let item = |id: &str| Item { id: id.to_owned(), title: id.to_owned(), ..Item::default() };
        let catalog = Catalog::new(vec![item("a"), item("b"), item("c")]).unwrap();
        let mut report = ImportReport::default();
        let values = clearance(&folder, &catalog, &mut report);
        std::fs::remove_dir_all(&folder).unwrap();
        let faults = report.errors().map(ToString::to_string).collect();
        (values, faults)
    }

    #[test]
    fn values_by_item_and_nothing_where_nothing_is_told() {
        let (values, faults) = read("good", "id,cost,clearance\nc,3.10,2.5\na,4,\n");
        let values = values.unwrap().unwrap();
        assert!(faults.is_empty() && values[0].is_nan() && values[1].is_nan() && values[2] == 2.5);
    }

    #[test]
    fn every_bad_line_is_named() {
        let (_, faults) = read("bad", "id,clearance\na,1\nd,1\na,2\nb,soon\n");
        for (fault, words) in faults.iter().zip(["private.csv:4:id: item \"a\"", "private.csv:5:clearance: "])
        {
            assert!(fault.contains(words), "{fault}");
        }
        assert_eq!(faults.len(), 2);
        let (values, _) = read("column", "id,urgency\na,1\n");
        assert!(crate::message(&values.unwrap_err()).contains("the column clearance is missing"));
    }
}
