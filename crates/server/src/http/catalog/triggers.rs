//! What can start a workflow by itself: a small table, for the document format knows few words.

use serde_json::{Value, json};
use workflow::TriggerCategory;

use super::model::{CatalogParameter, CatalogTrigger};

struct Entry {
    category: TriggerCategory,
    full_name: &'static str,
    display_name: &'static str,
    description: &'static str,
    /// Name and meaning of what must be given.
    parameters: &'static [(&'static str, &'static str)],
    /// Not written as a `trigger_type`.
    hidden: bool,
    sample_event: fn() -> Value,
}

/// One for each category but `polling`: what is asked again and again is a tool's own.
const TRIGGERS: [Entry; 3] = [
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
        parameters: &[("cron", "Minute, hour, day of month, month and day of week, in UTC.")],
        hidden: true,
        sample_event: || json!({}),
    },
];

/// All of them, sorted by name.
pub(super) fn all() -> Vec<CatalogTrigger> {
    TRIGGERS.iter().map(shown).collect()
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
        parameters: parameters.map(|(name, text)| CatalogParameter::of_trigger(name, text)).collect(),
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
