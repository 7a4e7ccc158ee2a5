//! `tables.OnRecordChange`: changes of which records start the workflow. Whether there is such a table, and whether the filter
//! fits it, is known to its workspace alone.

use expr::Value;
use types::EventKind;

use crate::codes;
use crate::document::{RECORD_CHANGE_TRIGGER, RecordTrigger, TriggerCategory};
use crate::near::closest;
use crate::read::Reader;
use crate::yaml::{Node, chosen, shorten};

/// What the trigger can be given.
const INPUTS: [&str; 3] = ["table", "events", "filter"];

impl Reader<'_> {
    /// What the trigger is about, if its type says that changes of records are meant; none if that cannot be read, which is
    /// noted then.
    pub(super) fn record_trigger(
        &mut self,
        category: TriggerCategory,
        trigger_type: Option<&str>,
        node: &Node,
    ) -> Option<RecordTrigger> {
        if trigger_type != Some(RECORD_CHANGE_TRIGGER) {
            return None;
        }
        if category != TriggerCategory::Webhooks {
            let message =
                format!("`{RECORD_CHANGE_TRIGGER}` does not stand under `triggers.{}`", category.as_str());
            self.problems
                .error(codes::TRIGGER_CATEGORY, node.at, message)
                .hint("write it under `triggers.webhooks`");
            return None;
        }
        for entry in node.get("inputs").and_then(Node::entries).unwrap_or_default() {
            if !INPUTS.contains(&&*entry.key.text) {
                let message = format!("`{RECORD_CHANGE_TRIGGER}` has no input `{}`", entry.key.text);
                let noted = self.problems.error(codes::TRIGGER_INPUT, entry.key.at, message);
                noted.did_you_mean(closest(&entry.key.text, INPUTS));
            }
        }
        let input = |name: &str| {
            let given = node.get("inputs").and_then(|inputs| inputs.get(name));
            given.map(chosen).filter(|given| !given.is_empty())
        };
        let table = input("table").and_then(|table| self.text(table, "input `table`"));
        if table.is_none() {
            let message = format!("`{RECORD_CHANGE_TRIGGER}` needs the name of a table in its input `table`");
            let noted = self.lacking.error(codes::TRIGGER_INPUT, node.at, message);
            noted.hint("write `inputs: {table: findings}`");
        }
        let events = input("events").map_or(EventKind::ALL.to_vec(), |events| self.record_events(events));
        let filter = input("filter").and_then(|filter| self.record_filter(filter));
        Some(RecordTrigger { table: table?.trim().to_owned(), events, filter })
    }

    /// A list of events, or a text in which commas are between them.
    fn record_events(&mut self, node: &Node) -> Vec<EventKind> {
        let named: Vec<(&Node, String)> = match node.items() {
            Some(items) => {
                let items = items.iter().map(chosen);
                items.filter_map(|item| Some((item, self.text(item, "an entry of `events`")?))).collect()
            }
            None => {
                let text = self.text(node, "input `events`");
                let words = text.as_deref().into_iter().flat_map(|text| text.split(','));
                words.map(|word| (node, word.to_owned())).collect()
            }
        };
        let mut events = Vec::new();
        for (node, word) in named {
            let word = word.trim();
            let known = EventKind::from_name(word);
            match known {
                Some(event) if events.contains(&event) => {}
                Some(event) => events.push(event),
                None => {
                    let message = format!("`{}` is no event of a record", shorten(word));
                    let noted = self.problems.error(codes::TRIGGER_INPUT, node.at, message);
                    noted.hint("`events` are `created`, `updated` and `deleted`");
                }
            }
        }
        events
    }

    /// A filter as in `q`: a map, or its JSON.
    fn record_filter(&mut self, node: &Node) -> Option<String> {
        let value = match node.to_value() {
            Value::String(text) => serde_json::from_str(&text).ok(),
            other => Some(other.to_json()),
        };
        if let Some(filter @ serde_json::Value::Object(_)) = value {
            return Some(filter.to_string());
        }
        let message = format!("input `filter` must be a filter, not {}", node.describe());
        let noted = self.problems.error(codes::TRIGGER_INPUT, node.at, message);
        noted.hint("write a map, `filter: {level: high}`, or its JSON, `'{\"level\": \"high\"}'`");
        None
    }
}
