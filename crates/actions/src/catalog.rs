//! The list of all actions. An action is one file and one line here; form, validation and dispatch follow.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use crate::code::opens_network;
use crate::core::code;
use crate::core::http::RequestV2;
use crate::core::jq::Jq;
use crate::internal::{
    append_list, catch, end_run, for_each, if_condition, parallel, print, set_variables, sleep, switch_case,
    while_loop,
};
use crate::{ActionKind, ActionSpec, Effect, Idempotency, array, json, tables, utility};

/// The built-in actions.
const FLOW: [fn() -> ActionSpec; 11] = [
    set_variables::spec,
    if_condition::spec,
    catch::spec,
    switch_case::spec,
    for_each::spec,
    while_loop::spec,
    parallel::spec,
    append_list::spec,
    print::spec,
    sleep::spec,
    end_run::spec,
];
const EFFECTS: [&dyn Effect; 8] = [
    &RequestV2,
    &code::PYTHON,
    &code::PYTHON_V2,
    &code::BASH,
    &code::JAVASCRIPT,
    &array::SORT,
    &array::FILTER,
    &array::GET_ITEM,
];
/// Those that only compute.
const PURE: [&dyn Effect; 25] = [
    &Jq,
    &array::Chunk,
    &array::Deduplicate,
    &array::Flatten,
    &array::GetLength,
    &array::Slice,
    &json::CompareJsonStructure,
    &json::MergeJsonObjects,
    &utility::ConvertCsvToJson,
    &utility::ConvertDateFormat,
    &utility::ConvertEpochToDate,
    &utility::ConvertHtmlToText,
    &utility::ConvertJsonToCsv,
    &utility::ConvertJsonToXml,
    &utility::ConvertJsonToYaml,
    &utility::ConvertListToText,
    &utility::ConvertMarkdownToHtml,
    &utility::ConvertTextToList,
    &utility::ConvertTimezone,
    &utility::ConvertXmlToJson,
    &utility::ConvertYamlToJson,
    &utility::DecodeBase64,
    &utility::EncodeBase64,
    &utility::ExtractIndicators,
    &utility::GetEpochTime,
];

/// Those of the server, in its own database.
const SERVER: [fn() -> ActionSpec; 15] = [
    tables::get_records::spec,
    tables::add_record::spec,
    tables::create_or_update_record::spec,
    tables::update_records::spec,
    tables::delete_records::spec,
    tables::get_file_content::spec,
    tables::update_file_column::spec,
    tables::get_table_schema::spec,
    tables::create_table_from_data::spec,
    tables::table_create::spec,
    tables::table_exists::spec,
    tables::table_remove::spec,
    tables::table_clear::spec,
    tables::table_insert::spec,
    tables::table_update::spec,
];

/// All actions, found by their full names.
pub struct Catalog {
    /// In the order of the full names.
    specs: Vec<ActionSpec>,
    effects: HashMap<String, &'static dyn Effect>,
}

impl Catalog {
    /// The built-in actions.
    pub fn builtin() -> Self {
        let effects = || EFFECTS.into_iter().chain(PURE);
        let own = FLOW.into_iter().chain(SERVER).map(|spec| spec());
        let specs = own.chain(effects().map(Effect::spec));
        let effects = effects().map(|effect| (effect.spec().full_name, effect)).collect();
        let mut specs: Vec<ActionSpec> = specs.collect();
        specs.sort_by(|a, b| a.full_name.cmp(&b.full_name));
        Self { specs, effects }
    }

    /// The same list with `effect` in it, in place of one of the same name. For tests and benchmarks, and
    /// for programs that bring actions of their own.
    pub fn with_effect(mut self, effect: &'static dyn Effect) -> Self {
        let spec = effect.spec();
        self.effects.insert(spec.full_name.clone(), effect);
        match self.specs.binary_search_by(|other| other.full_name.cmp(&spec.full_name)) {
            Ok(index) => self.specs[index] = spec,
            Err(index) => self.specs.insert(index, spec),
        }
        self
    }

    /// All of them, sorted by full name.
    pub fn all(&self) -> &[ActionSpec] {
        &self.specs
    }

    /// The action of that full name.
    pub fn get(&self, full_name: &str) -> Option<&ActionSpec> {
        let found = self.specs.binary_search_by(|spec| spec.full_name.as_str().cmp(full_name));
        found.ok().and_then(|index| self.specs.get(index))
    }

    /// What carries the action out; none for those that the engine runs.
    pub fn effect(&self, full_name: &str) -> Option<&'static dyn Effect> {
        self.effects.get(full_name).copied()
    }

    /// Whether doing the action with these inputs twice is the same as doing it once. False for an action
    /// that is not known: then nobody may repeat it unasked.
    pub fn is_idempotent(&self, full_name: &str, inputs: &Map<String, Json>) -> bool {
        self.get(full_name).is_some_and(|spec| match spec.idempotency {
            Idempotency::Pure | Idempotency::Idempotent => true,
            Idempotency::ByMethod => RequestV2::is_idempotent(inputs),
            Idempotency::UnlessNetwork => opens_network(inputs).is_ok_and(|opens| !opens),
            Idempotency::NotIdempotent => false,
        })
    }

    /// The action of that name, if the server carries it out itself.
    pub fn server_action(&self, full_name: &str) -> Option<&ActionSpec> {
        self.get(full_name).filter(|spec| spec.kind == ActionKind::Server)
    }
}

impl Default for Catalog {
    fn default() -> Self {
        Self::builtin()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn every_action_is_described_and_found_by_its_name() {
        let catalog = Catalog::builtin();
        let names: BTreeSet<&str> = catalog.all().iter().map(|spec| spec.full_name.as_str()).collect();
        assert_eq!(
            names.len(),
            FLOW.len() + EFFECTS.len() + PURE.len() + SERVER.len(),
            "a name stands for one action"
        );
        for spec in catalog.all() {
            assert_eq!(catalog.get(&spec.full_name), Some(spec));
            assert!(!spec.service().is_empty(), "{}", spec.full_name);
            assert!(spec.description.ends_with('.'), "{}", spec.full_name);
            assert_eq!(catalog.effect(&spec.full_name).is_some(), spec.kind == ActionKind::Effect);
            for parameter in &spec.parameters {
                let full = format!("{} {}", spec.full_name, parameter.name);
                assert!(parameter.description.ends_with('.'), "{full}");
                assert!(
                    parameter.options.is_empty() || parameter.required || !parameter.default_value.is_null(),
                    "{full}"
                );
            }
        }
        assert!(catalog.get("http.request").is_none());
    }

    #[test]
    fn an_action_may_be_repeated_if_its_method_or_a_key_says_so() {
        let catalog = Catalog::builtin();
        let check = |name: &str, inputs: Json, expected: bool| {
            assert_eq!(catalog.is_idempotent(name, inputs.as_object().unwrap()), expected, "{name} {inputs}");
        };
        check("http.requestV2", json!({"url": "x"}), true);
        check("http.requestV2", json!({"method": "get"}), true);
        check("http.requestV2", json!({"Method": "DELETE"}), true);
        check("http.requestV2", json!({"method": "POST"}), false);
        check("http.requestV2", json!({"method": "PATCH"}), false);
        check("http.requestV2", json!({"method": 7}), false);
        check("http.requestV2", json!({"method": "POST", "idempotency_key_header": "Idempotency-Key"}), true);
        check("core.pythonV2", json!({"code": ""}), true);
        check("core.bash", json!({"network": false}), true);
        check("core.bash", json!({"network": "true"}), false);
        check("core.bash", json!({"network": 3}), false);
        check("internal.print", json!({}), true);
        check("nothing.known", json!({}), false);
    }
}
