//! `triggers`: lists of what starts the workflow by itself, and whether they fit `automation_type`.

use std::sync::Arc;

use expr::{Map, Value};

use crate::codes;
use crate::document::{AutomationType, Trigger, TriggerCategory};
use crate::near::closest;
use crate::plan::InputDefinition;
use crate::read::{Reader, cron};
use crate::yaml::{Entry, Node};

impl Reader<'_> {
    pub(super) fn triggers(&mut self, node: &Node, automation_type: AutomationType) -> Vec<Trigger> {
        let mut triggers = Vec::new();
        if node.items().is_some_and(|items| !items.is_empty()) {
            self.problems
                .error(codes::TRIGGER_SHAPE, node.at, "`triggers` must be a map of lists, not a list")
                .hint("write `triggers: {webhooks: [{trigger_type: custom_webhook}]}`");
            return triggers;
        }
        for entry in self.map(node, "`triggers`") {
            let names = TriggerCategory::ALL.map(TriggerCategory::as_str);
            let known =
                TriggerCategory::ALL.into_iter().find(|category| category.as_str() == &*entry.key.text);
            let Some(category) = known else {
                let message = format!("there is no trigger category `{}`", entry.key.text);
                let noted = self.problems.error(codes::TRIGGER_CATEGORY, entry.key.at, message);
                match closest(&entry.key.text, names) {
                    Some(meant) => noted.did_you_mean(Some(meant)),
                    None => noted
                        .hint(format!("categories are {}", names.map(|name| format!("`{name}`")).join(", "))),
                }
                continue;
            };
            let items = self.trigger_list(category, &entry.value);
            if !items.is_empty() {
                self.category_fits(entry, category, automation_type);
            }
            triggers.extend(items.iter().filter_map(|item| self.trigger(category, item)));
        }
        triggers
    }

    fn trigger_list<'n>(&mut self, category: TriggerCategory, node: &'n Node) -> &'n [Node] {
        match node.items() {
            Some(items) => items,
            None if node.is_empty() => &[],
            None => {
                let name = category.as_str();
                let message = format!("`triggers.{name}` must be a list, not {}", node.describe());
                self.problems
                    .error(codes::TRIGGER_SHAPE, node.at, message)
                    .hint("put `- ` before the trigger");
                &[]
            }
        }
    }

    fn trigger(&mut self, category: TriggerCategory, node: &Node) -> Option<Trigger> {
        let name = category.as_str();
        if node.entries().is_none() {
            let message = format!("an entry of `triggers.{name}` must be a map, not {}", node.describe());
            self.problems.error(codes::TRIGGER_SHAPE, node.at, message);
            return None;
        }
        let get = |key: &str| node.get(key).filter(|value| !value.is_null());
        let trigger_type = get("trigger_type").and_then(|value| self.text(value, "`trigger_type`"));
        let cron = if category == TriggerCategory::Scheduled {
            Some(self.cron(node, get("cron"))?)
        } else {
            if trigger_type.is_none() {
                let message = format!("an entry of `triggers.{name}` has no `trigger_type`");
                let noted = self.problems.error(codes::TRIGGER_SHAPE, node.at, message);
                match category {
                    TriggerCategory::Webhooks => noted.hint("write `trigger_type: custom_webhook`"),
                    TriggerCategory::Webforms => noted.hint("write `trigger_type: blink_web_form`"),
                    _ => noted.hint("write `trigger_type: <service>.<trigger>`"),
                }
            }
            None
        };
        let label = get("name").and_then(|value| self.text(value, "`name`"));
        let inputs = get("inputs").map(|value| self.map(value, "`inputs`")).unwrap_or_default();
        let records = self.record_trigger(category, trigger_type.as_deref(), node);
        Some(Trigger { category, trigger_type, name: label, cron, inputs: literal_inputs(inputs), records })
    }

    fn cron(&mut self, trigger: &Node, node: Option<&Node>) -> Option<String> {
        const SHAPE: &str =
            "write minute, hour, day of month, month, day of week in UTC: `cron: \"15 6 * * 1-5\"`";
        let text = node.and_then(|node| self.text(node, "`cron`"));
        let (Some(text), Some(node)) = (text, node) else {
            self.problems.error(codes::TRIGGER_SHAPE, trigger.at, "a schedule has no `cron`").hint(SHAPE);
            return None;
        };
        if let Err(reason) = cron::check(&text) {
            let message = format!("`{}` is no schedule: {reason}", crate::yaml::shorten(&text));
            self.problems.error(codes::BAD_CRON, node.at, message).hint(SHAPE);
            return None;
        }
        Some(text)
    }

    fn category_fits(&mut self, entry: &Entry, category: TriggerCategory, automation_type: AutomationType) {
        let wanted = match category {
            TriggerCategory::Scheduled => AutomationType::Scheduled,
            _ => AutomationType::Event,
        };
        if wanted != automation_type {
            let (category, wanted) = (category.as_str(), wanted.as_str());
            let message =
                format!("`triggers.{category}` does not fit `automation_type: {}`", automation_type.as_str());
            self.problems
                .error(codes::TRIGGER_CATEGORY, entry.key.at, message)
                .hint(format!("write `automation_type: {wanted}`, or remove `{category}`"));
        }
    }

    /// A workflow that starts by itself needs a trigger, and has nobody to give it inputs.
    pub(super) fn triggers_fit(
        &mut self,
        automation_type: AutomationType,
        root: &Node,
        inputs: &[InputDefinition],
    ) {
        if automation_type == AutomationType::OnDemand {
            return;
        }
        let name = automation_type.as_str();
        let at = |key: &str| {
            let entry = root.entries()?.iter().find(|entry| &*entry.key.text == key)?;
            Some(entry.key.at)
        };
        if !inputs.is_empty()
            && let Some(at) = at("inputs")
        {
            let message = format!("`automation_type: {name}` has no caller who could give inputs");
            self.problems
                .warning(codes::UNUSED_INPUTS, at, message)
                .hint("read `event.payload` instead, or give every input a default");
        }
        let lists = root.get("triggers").and_then(Node::entries).unwrap_or_default();
        if lists.iter().all(|entry| entry.value.is_empty()) {
            let at = at("triggers").or_else(|| at("automation_type")).unwrap_or_default();
            let message = format!("`automation_type: {name}` needs a trigger");
            let example = match automation_type {
                AutomationType::Scheduled => "write `triggers: {scheduled: [{cron: \"0 6 * * *\"}]}`",
                _ => "write `triggers: {webhooks: [{trigger_type: custom_webhook}]}`",
            };
            self.lacking.error(codes::MISSING_TRIGGER, at, message).hint(example);
        }
    }
}

fn literal_inputs(entries: &[Entry]) -> Value {
    let mut map = Map::with_capacity(entries.len());
    for entry in entries {
        map.insert(entry.key.text.clone(), crate::yaml::chosen(&entry.value).to_value());
    }
    Value::Map(Arc::new(map))
}
