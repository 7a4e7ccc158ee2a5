//! The keys at the top of a document, and its sections.

use types::limits::WORKFLOW_TIMEOUT_MS_MAX;

use crate::codes;
use crate::document::{AutomationType, Document, Step};
use crate::near::closest;
use crate::read::Reader;
use crate::read::flow::parse_duration;
use crate::read::outline::Place;
use crate::source::{Extent, Source};
use crate::yaml::{Entry, Node};

const KEYS: [&str; 15] = [
    "workflow",
    "name",
    "desc",
    "description",
    "automation_type",
    "type",
    "inputs",
    "outputs",
    "triggers",
    "concurrency",
    "runner",
    "requirements",
    "tags",
    "timeout",
    "version",
];

impl Reader<'_> {
    pub(super) fn document(&mut self, root: &Node) -> Option<Document> {
        let Some(entries) = root.entries() else {
            let message = format!("a workflow is a map of keys, not {}", root.describe());
            self.problems
                .error(codes::NOT_A_WORKFLOW, root.at, message)
                .hint("begin with `name:` and `workflow:`");
            return None;
        };
        self.is_legacy = Self::is_legacy(root);
        if self.is_legacy {
            self.legacy_extras(root);
        }
        let get = |key: &str| root.get(key).filter(|node| !node.is_null());
        // Inputs come first, so that the names are known wherever they stand in the document.
        let inputs = get("inputs").map(|node| self.inputs(node)).unwrap_or_default();
        // So do packages: steps add to them.
        let requirements = get("requirements");
        self.workflow_requirements =
            requirements.map(|node| self.workflow_requirements(node)).unwrap_or_default();
        let automation_type = self.automation_type(get("automation_type"));
        self.triggers_fit(automation_type, root, &inputs);
        let description = get("desc").or_else(|| get("description"));
        let document = Document {
            source: Source::new(""),
            hash: String::new(),
            lacking: Vec::new(),
            name: get("name").and_then(|node| self.text(node, "`name`")),
            description: description.and_then(|node| self.text(node, "`desc`")),
            automation_type,
            kind: get("type").and_then(|node| self.text(node, "`type`")),
            version: get("version").and_then(|node| self.text(node, "`version`")),
            tags: get("tags").map(|node| self.tags(node)).unwrap_or_default(),
            runner: get("runner").and_then(|node| self.text(node, "`runner`")).unwrap_or_default(),
            runner_at: get("runner").map(|node| node.at),
            timeout_ms: get("timeout").and_then(|node| self.run_timeout(node)),
            triggers: get("triggers").map(|node| self.triggers(node, automation_type)).unwrap_or_default(),
            concurrency: get("concurrency").and_then(|node| self.concurrency(node)),
            steps: self.sections(root),
            outputs: {
                self.place = Place::Outputs;
                get("outputs").map(|node| self.outputs(node)).unwrap_or_default()
            },
            inputs,
        };
        self.used_requirements(requirements.map(|node| node.at));
        for entry in entries {
            let of_legacy = self.is_legacy && &*entry.key.text == "steps";
            if !of_legacy && !KEYS.contains(&&*entry.key.text) {
                self.near_miss(entry, "a workflow", &KEYS);
            }
        }
        Some(document)
    }

    fn automation_type(&mut self, node: Option<&Node>) -> AutomationType {
        let Some(node) = node else { return AutomationType::default() };
        let Some(text) = self.text(node, "`automation_type`") else { return AutomationType::default() };
        if let Some(known) = AutomationType::ALL.into_iter().find(|known| known.as_str() == text) {
            return known;
        }
        let names = AutomationType::ALL.map(AutomationType::as_str);
        let meant = closest(&text, names);
        let message = format!("`automation_type` must be `on_demand`, `scheduled` or `event`, not `{text}`");
        self.problems.error(codes::UNKNOWN_AUTOMATION_TYPE, node.at, message).did_you_mean(meant);
        AutomationType::ALL.into_iter().find(|known| Some(known.as_str()) == meant).unwrap_or_default()
    }

    /// Seconds, or a text such as `15m`, to milliseconds.
    fn run_timeout(&mut self, node: &Node) -> Option<u64> {
        let text = node.scalar().map(|scalar| scalar.text.trim().to_owned()).unwrap_or_default();
        let seconds = || text.parse().ok().map(|seconds: f64| seconds * 1000.0);
        #[allow(clippy::cast_precision_loss)] // 30 days in milliseconds are exact
        let millis = parse_duration(&text).map(|millis| millis as f64).or_else(seconds);
        #[allow(clippy::cast_precision_loss)]
        let millis = millis.filter(|millis| (1.0..=WORKFLOW_TIMEOUT_MS_MAX as f64).contains(millis));
        if millis.is_none() {
            let days = WORKFLOW_TIMEOUT_MS_MAX / (24 * 60 * 60 * 1000);
            let message = format!(
                "`timeout` must be more than 0 seconds and at most {days} days, not {}",
                node.describe()
            );
            self.problems
                .error(codes::INVALID_SETTING, node.at, message)
                .hint("write seconds, `timeout: 900`, or `timeout: 15m`");
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 1 and the maximum
        millis.map(|millis| millis.round() as u64)
    }

    fn tags(&mut self, node: &Node) -> Vec<String> {
        let items = self.list(node, "`tags`");
        items.iter().filter_map(|item| self.text(item, "a tag")).collect()
    }

    fn sections(&mut self, root: &Node) -> Vec<Step> {
        const SHAPE: &str = "write `workflow: [{section: Steps, steps: […]}]`";
        if let Some(steps) = root.get("steps").filter(|_| self.is_legacy) {
            return self.steps(steps, None);
        }
        let Some(node) = root.get("workflow").filter(|node| !node.is_empty()) else {
            let at = root
                .entries()
                .and_then(|entries| entries.iter().find(|entry| &*entry.key.text == "workflow"));
            let at = at.map_or(Extent::new(root.at.start, root.at.start), |entry| entry.key.at);
            self.problems.error(codes::MISSING_WORKFLOW, at, "the document has no `workflow`").hint(SHAPE);
            return Vec::new();
        };
        let Some(sections) = node.items() else {
            let message = format!("`workflow` must be a list with one section, not {}", node.describe());
            self.problems.error(codes::SECTION_SHAPE, node.at, message).hint(SHAPE);
            // The section itself without its dash: its steps are still worth reading.
            return self.section(node).unwrap_or_default();
        };
        if let Some(second) = sections.get(1)
            && sections.iter().all(|section| section.get("action").is_none())
        {
            let message = format!("a workflow has one section, this one has {}", sections.len());
            self.problems
                .error(codes::SEVERAL_SECTIONS, second.at, message)
                .hint("move the steps of all sections into the first one");
        }
        let mut steps = Vec::new();
        for section in sections {
            match self.section(section) {
                Some(of_section) => steps.extend(of_section),
                None => {
                    let message = match section.entries() {
                        Some(_) if section.get("action").is_some() => {
                            "steps stand outside a section".to_owned()
                        }
                        Some(_) => "a section has no `steps`".to_owned(),
                        None => format!("a section must be a map with `steps`, not {}", section.describe()),
                    };
                    self.problems.error(codes::SECTION_SHAPE, section.at, message).hint(SHAPE);
                    if section.get("action").is_some() {
                        // Steps without a section: the first complaint stands for all of them.
                        return self.steps(node, None);
                    }
                }
            }
        }
        steps
    }

    fn section(&mut self, section: &Node) -> Option<Vec<Step>> {
        let entries: &[Entry] = section.entries()?;
        let steps = match section.get("steps") {
            Some(steps) => self.steps(steps, None),
            None if section.get("action").is_some() => return None,
            None if section.get("section").is_some() => Vec::new(),
            None => return None,
        };
        for entry in entries {
            if !matches!(&*entry.key.text, "section" | "steps") {
                self.near_miss(entry, "a section", &["section", "steps"]);
            }
        }
        Some(steps)
    }
}
