//! `utility.ConvertYAMLToJSON` and `utility.ConvertJSONToYAML`.

use serde_json::{Value as Json, json};

use crate::inputs::{Inputs, invalid};
use crate::pure::{Draft, Pure, too_large};
use crate::{ActionError, ActionSpec};

/// Levels of lists and maps in a document.
const DEPTH_MAX: usize = 64;
/// Texts, lists and maps of a document, those that aliases stand for counted each time.
const NODES_MAX: usize = 250_000;

/// The action that reads YAML.
pub(crate) struct ConvertYamlToJson;

impl Pure for ConvertYamlToJson {
    fn describe() -> ActionSpec {
        let description = "Reads one YAML document. At most 64 levels and 250000 values; aliases count each time \
                           they are used.";
        ActionSpec {
            parameters: vec![super::source("yaml", "YAML")],
            example_output: json!({"host": "web-1", "ports": [80, 443]}),
            ..super::spec("ConvertYAMLToJSON", "YAML to JSON", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let options = serde_saphyr::options! {
            strict_booleans: true,
            with_snippet: false,
            budget: serde_saphyr::budget! { max_depth: DEPTH_MAX, max_nodes: NODES_MAX, },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: NODES_MAX, },
        };
        serde_saphyr::from_str_with_options(&inputs.text("yaml")?, options)
            .map_err(|error| invalid(&format!("input `yaml` is not one YAML document: {error}")))
    }
}

/// The action that writes YAML.
pub(crate) struct ConvertJsonToYaml;

impl Pure for ConvertJsonToYaml {
    fn describe() -> ActionSpec {
        ActionSpec {
            parameters: vec![super::json_source()],
            example_output: json!("host: web-1\nports:\n- 80\n- 443\n"),
            ..super::spec("ConvertJSONToYAML", "JSON to YAML", "Writes a value as a YAML document.")
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let mut text = Draft::default();
        let written = serde_saphyr::to_fmt_writer(&mut text, &*inputs.json_or_null("json")?);
        written.map_err(|_| too_large())?;
        Ok(text.finish())
    }
}
