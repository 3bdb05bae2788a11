//! `trainer schema`: what may stand in the files that people write, as JSON schema, made from the types that read them.

use anyhow::Result;
use schemars::{Schema, schema_for};
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
        SchemaOf::Run => schema_for!(RunConfig),
        SchemaOf::Event => schema_for!(VisitorEvent),
        SchemaOf::Item => schema_for!(Item),
        SchemaOf::Rules => schema_for!(Rules),
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
        assert_eq!(preference["max_examples"]["minimum"], 1);
        let stage = &schema["$defs"]["StageConfig"]["properties"];
        assert_eq!((&stage["epochs"]["minimum"], &stage["patience"]["minimum"]), (&0.into(), &1.into()));
    }
}
