//! What can start a workflow by itself: a small table, for the document format knows few words.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use workflow::TriggerCategory;

use super::icons;
use super::model::{CatalogParameter, CatalogTrigger};
use crate::ctx::Ctx;

/// A collection of triggers.
#[derive(Serialize, ToSchema)]
#[schema(as = models::ActionCollection)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct TriggerCollection {
    pub active: bool,
    pub created_at: i64,
    pub created_by: String,
    pub display_name: String,
    pub full_name: String,
    /// A picture as a `data:` address.
    pub icon_uri: String,
    pub id: String,
    /// The key under `triggers` in a document.
    pub name: String,
    pub tags: Vec<String>,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: String,
    pub workspace_id: String,
}

struct Entry {
    category: TriggerCategory,
    full_name: &'static str,
    display_name: &'static str,
    description: &'static str,
    /// Name and meaning of what can be given, and whether it must be.
    parameters: &'static [(&'static str, &'static str, bool)],
    /// Not written as a `trigger_type`.
    hidden: bool,
    sample_event: fn() -> Value,
}

/// One for each category but `polling`: what is asked again and again is a tool's own.
const TRIGGERS: [Entry; 4] = [
    Entry {
        category: TriggerCategory::Webforms,
        full_name: "blink_web_form",
        display_name: "Web form",
        description: "Someone fills in a form. `event.payload` holds what they entered, by the fields' names.",
        parameters: &[],
        hidden: false,
        sample_event: || json!({"report": "A mail that looks wrong"}),
    },
    Entry {
        category: TriggerCategory::Webhooks,
        full_name: "custom_webhook",
        display_name: "Webhook",
        description: "A tool calls the workflow's own address. `event.payload` is the JSON that it sends.",
        parameters: &[],
        hidden: false,
        sample_event: || json!({"alert": {"id": "A-1", "severity": "high"}}),
    },
    Entry {
        category: TriggerCategory::Scheduled,
        full_name: "scheduled",
        display_name: "Schedule",
        description: "The clock: an entry of `triggers.scheduled` holds `cron` and no `trigger_type`.",
        parameters: &[("cron", "Minute, hour, day of month, month and day of week, in UTC.", true)],
        hidden: true,
        sample_event: || json!({}),
    },
    Entry {
        category: TriggerCategory::Webhooks,
        full_name: workflow::RECORD_CHANGE_TRIGGER,
        display_name: "Record change",
        description: "Records of a table are made, changed or deleted. `event.payload` tells which, and how.",
        parameters: &[
            ("table", "The table's name.", true),
            (
                "events",
                "A list of `created`, `updated` and `deleted`; all of them if nothing is said.",
                false,
            ),
            ("filter", "A filter as in `q` that the record satisfies, such as `{level: high}`.", false),
        ],
        hidden: false,
        sample_event: record_change,
    },
];

fn record_change() -> Value {
    let record = |level: &str, updated_at: i64| {
        json!({
            "id": "01920000-0000-7000-8000-00000000beef", "created_at": 1_767_225_600_000_i64, "created_by": "ann",
            "updated_at": updated_at, "updated_by": "ann", "level": level, "host": "web-1",
        })
    };
    json!({
        "event": "updated", "table": "findings", "record": record("high", 1_767_225_660_000),
        "before": record("low", 1_767_225_600_000), "changed": ["level"], "changed_by": "ann",
    })
}

/// All of them, sorted by name.
pub(super) fn all() -> Vec<CatalogTrigger> {
    TRIGGERS.iter().map(shown).collect()
}

/// The categories of triggers that there are, by name. They ship with the program: nobody made them.
pub(super) fn collections(ctx: &Ctx) -> Vec<TriggerCollection> {
    // Of a service that has triggers besides it is not the category's name.
    let own = TRIGGERS.iter().filter(|entry| !entry.full_name.contains('.'));
    let mut found: Vec<TriggerCollection> = own.map(|entry| collection(entry, ctx)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn collection(entry: &Entry, ctx: &Ctx) -> TriggerCollection {
    let name = entry.category.as_str();
    TriggerCollection {
        active: true,
        created_at: 0,
        created_by: String::new(),
        display_name: entry.display_name.to_owned(),
        full_name: name.to_owned(),
        icon_uri: icons::of(entry.display_name),
        id: name.to_owned(),
        name: name.to_owned(),
        tags: Vec::new(),
        tenant_id: ctx.tenant().to_string(),
        updated_at: 0,
        updated_by: String::new(),
        workspace_id: ctx.workspace().to_string(),
    }
}

fn shown(entry: &Entry) -> CatalogTrigger {
    let category = entry.category.as_str();
    let parameters = entry.parameters.iter();
    CatalogTrigger {
        action: String::new(),
        description: format!("{} Category `{category}`.", entry.description),
        display_name: entry.display_name.to_owned(),
        full_name: entry.full_name.to_owned(),
        hidden: entry.hidden,
        parameters: parameters
            .map(|(name, text, must)| CatalogParameter::of_trigger(name, text, *must))
            .collect(),
        sample_event: (entry.sample_event)(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_but_polling_has_a_trigger_that_documents_accept() {
        for category in TriggerCategory::ALL {
            let entry = TRIGGERS.iter().find(|entry| entry.category == category);
            let Some(entry) = entry else {
                assert_eq!(category, TriggerCategory::Polling);
                continue;
            };
            let (kind, item) = match category {
                TriggerCategory::Scheduled => ("scheduled", "cron: '0 6 * * *'".to_owned()),
                _ => ("event", format!("trigger_type: {}", entry.full_name)),
            };
            let text = format!(
                "automation_type: {kind}\ntriggers: {{{}: [{{{item}}}]}}\nworkflow:\n  - section: Steps\n    steps:\n      - \
                 {{id: S1, action: internal.print, inputs: {{text: x}}}}\n",
                category.as_str()
            );
            let parsed = workflow::parse(&text);
            assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
            assert_eq!(parsed.document.unwrap().triggers().len(), 1);
        }
        assert!(TRIGGERS.is_sorted_by_key(|entry| entry.full_name));
    }
}
