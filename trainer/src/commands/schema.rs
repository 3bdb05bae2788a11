//! `trainer schema`: what may stand in the files that people write, as JSON schema, made from the types that read them.

use anyhow::Result;
use schemars::{Schema, schema_for};
use serde_json::Value;
use shared::{catalog::Item, rules::Rules, signals::SignalsConfig};

use crate::{
    cli::{self, SchemaOf},
    config::RunConfig,
    datasets::event_log::VisitorEvent,
};

pub fn run(arguments: &cli::Schema) -> Result<()> {
    let text = serde_json::to_string_pretty(&schema(arguments.of))?;
    crate::output::print(&format!("{text}\n"))
}

fn schema(of: SchemaOf) -> Schema {
    match of {
        SchemaOf::Signals => schema_for!(SignalsConfig),
        SchemaOf::Run => run_schema(),
        SchemaOf::Event => schema_for!(VisitorEvent),
        SchemaOf::Item => schema_for!(Item),
        SchemaOf::Rules => schema_for!(Rules),
    }
}

/// Sizes that are refused when they are 0, which their types allow.
const AT_LEAST_ONE: [&str; 12] = [
    "accumulate",
    "batch_rows",
    "batch_targets",
    "context",
    "heads",
    "hidden_size",
    "layers",
    "log_every",
    "rejected",
    "target_window",
    "tokens",
    "valid_questions",
];

/// As the types say it, and then as [`RunConfig::validate`] does.
fn run_schema() -> Schema {
    let mut schema = schema_for!(RunConfig);
    if let Some(root) = schema.as_object_mut() {
        root.values_mut().for_each(raise);
    }
    schema
}

/// Raises the least value of those sizes, wherever they stand.
fn raise(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            for (name, inner) in object {
                if AT_LEAST_ONE.contains(&name.as_str()) && inner["minimum"] == 0 {
                    inner["minimum"] = 1.into();
                }
                raise(inner);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(raise),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_schema_names_the_keys_of_its_file() {
        let rows = [
            (SchemaOf::Signals, "session_gap_minutes", &[][..]),
            (SchemaOf::Run, "preference", &[][..]),
            (SchemaOf::Event, "dwell_ms", &["visitor", "item", "type", "ts"][..]),
            (SchemaOf::Item, "category", &["id", "title"][..]),
            (SchemaOf::Rules, "placements", &["version"][..]),
        ];
        for (of, property, required) in rows {
            let schema = serde_json::to_value(schema(of)).unwrap();
            assert!(
                schema["properties"][property]["description"].is_string() || of == SchemaOf::Run,
                "{of:?}"
            );
            assert!(schema["properties"].get(property).is_some(), "{of:?}");
            let names: Vec<&str> = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str())
                .collect();
            assert_eq!(names, required, "{of:?}");
        }
    }
    #[test]
    fn sizes_that_are_refused_at_0_begin_at_1() {
        let schema = serde_json::to_value(schema(SchemaOf::Run)).unwrap();
        for name in ["context", "heads", "hidden_size", "layers", "tokens", "valid_questions"] {
            assert_eq!(schema["properties"][name]["minimum"], 1, "{name}");
        }
        let preference = &schema["$defs"]["PreferenceConfig"]["properties"];
        assert_eq!(
            (&preference["rejected"]["minimum"], &preference["batch_rows"]["minimum"]),
            (&1.into(), &1.into())
        );
        assert_eq!(schema["$defs"]["StageConfig"]["properties"]["epochs"]["minimum"], 0);
    }
}
