//! Steps: their keys, and which may stand under which.

use std::collections::hash_map::Entry as Slot;

use expr::Value;
use types::limits::{PARALLEL_BRANCHES_MAX, WORKFLOW_STEPS_MAX};

use crate::codes;
use crate::document::{Body, Step, UsedConnection, is_idle};
use crate::plan::PlanValue;
use crate::read::Reader;
use crate::read::flow::{FLOW_ACTIONS, called_workflow, takes_steps};
use crate::read::legacy::is_heading;
use crate::read::outline::{Outlined, Place};
use crate::read::settings::{Draft, SETTINGS};
use crate::source::Extent;
use crate::yaml::{Entry, Node};

pub(super) const IF: &str = "internal.ifCondition";
pub(super) const TRUE_BRANCH: &str = "internal.ifTrueBranch";
pub(super) const FALSE_BRANCH: &str = "internal.ifFalseBranch";

const SWITCH: &str = "internal.switchCaseExpression";
const LABEL: &str = "internal.switchCaseLabel";
const DEFAULT_LABEL: &str = "internal.switchCaseDefaultLabel";

const PARALLEL: &str = "internal.parallel";
const PARALLEL_BRANCH: &str = "internal.parallelBranch";

pub(super) const CATCH: &str = "internal.catch";

const KEYS: [&str; 9] =
    ["id", "action", "name", "inputs", "connections", "requirements", "steps", "configuration", "settings"];

/// The keys of one step, each where the document has it.
#[derive(Default)]
struct Keys<'n> {
    id: Option<&'n Node>,
    action: Option<&'n Node>,
    name: Option<&'n Node>,
    inputs: Option<&'n Node>,
    connections: Option<&'n Node>,
    requirements: Option<&'n Entry>,
    steps: Option<&'n Node>,
    configuration: Option<&'n Node>,
    goto: Option<&'n Entry>,
}

/// Whether the action holds steps for another one: a branch or a label.
pub(super) fn is_branch(action: &str) -> bool {
    [TRUE_BRANCH, FALSE_BRANCH, LABEL, DEFAULT_LABEL, PARALLEL_BRANCH].contains(&action)
}

impl Reader<'_> {
    /// The steps of one list. `parent` is the step that holds them.
    pub(super) fn steps(&mut self, node: &Node, parent: Option<usize>) -> Vec<Step> {
        let mut steps = Vec::new();
        for (index, item) in self.list(node, "`steps`").iter().enumerate() {
            if self.outline.steps.len() == WORKFLOW_STEPS_MAX {
                if !self.too_many_steps {
                    let message = format!("a workflow has at most {WORKFLOW_STEPS_MAX} steps");
                    self.problems.error(codes::TOO_MANY_STEPS, item.at, message);
                    self.too_many_steps = true;
                }
                break;
            }
            match item.entries() {
                Some(entries) if self.is_legacy && is_heading(entries) => {}
                Some(entries) => {
                    let step = self.step(item, entries, parent);
                    if index == 0 && step.action == CATCH {
                        self.first_catch(&step);
                    }
                    steps.push(step);
                }
                None => self.wrong_type(item, "a step", "a map with `id` and `action`"),
            }
        }
        self.without_gotos(steps)
    }

    fn first_catch(&mut self, step: &Step) {
        self.problems
            .warning(
                codes::IDLE_CATCH,
                step.at,
                format!("no step stands before `{}`, so it catches nothing", step.id),
            )
            .hint("put it after the steps whose failure it is for, in the same list");
    }

    fn step(&mut self, node: &Node, entries: &[Entry], parent: Option<usize>) -> Step {
        let number = self.outline.steps.len();
        self.place = Place::Step(number);
        self.outline.steps.push(Outlined { parent, action: String::new() });
        let mut draft = Draft::default();
        let keys = self.step_keys(entries, &mut draft);
        let (retry_at, runner_group_at) = (draft.retry_at, draft.runner_group_at);
        let settings = draft.finish();
        self.idle = is_idle(&settings);

        let head = entries.first().map_or(node.at, |entry| entry.key.at);
        let (id, at) = self.step_id(keys.id, head, number);
        let (action, action_at) = self.step_action(keys.action, &id, at);
        self.outline.steps[number].action.clone_from(&action);
        if let Some(at) = retry_at.filter(|_| FLOW_ACTIONS.contains(&action.as_str())) {
            let message = format!("`{action}` is not tried again: it needs no runner");
            let noted = self.problems.error(codes::INVALID_SETTING, at, message);
            noted.hint("give `retry` to the steps whose actions a runner carries out");
        }
        let name = keys.name.and_then(|name| self.text(name, "`name`"));
        let connections = keys.connections.map(|node| self.connections(node)).unwrap_or_default();
        let requirements = self.step_requirements(&action, action_at, keys.requirements);
        let inputs = keys.inputs.map(|node| self.map(node, "`inputs`")).unwrap_or_default();
        let inputs_at = keys.inputs.map_or(action_at, |node| node.at);
        let body = match called_workflow(&action) {
            Some(workflow) => self.subflow(workflow, action_at, inputs, keys.configuration),
            None => self.body(&action, inputs, inputs_at),
        };
        let steps = self.children(&action, action_at, keys.steps, number);
        self.branches(&action, action_at, parent, &steps);
        let goto = keys.goto.and_then(|entry| self.goto(entry, &id, number));
        let inputs = inputs.to_vec();
        Step {
            at,
            id,
            name,
            action,
            action_at,
            body,
            inputs,
            connections,
            requirements,
            settings,
            runner_group_at,
            steps,
            goto,
            is_made: false,
        }
    }

    fn step_keys<'n>(&mut self, entries: &'n [Entry], draft: &mut Draft) -> Keys<'n> {
        let mut keys = Keys::default();
        for entry in entries {
            let value = (!entry.value.is_null()).then_some(&entry.value);
            match &*entry.key.text {
                "id" => keys.id = value,
                "action" => keys.action = value,
                "name" => keys.name = value,
                "inputs" => keys.inputs = value,
                "connections" => keys.connections = value,
                "requirements" => keys.requirements = value.map(|_| entry),
                "steps" => keys.steps = value,
                "configuration" | "settings" => {
                    keys.configuration = value.or(keys.configuration);
                    self.configuration(&entry.value, draft);
                }
                "connection" => self
                    .problems
                    .error(
                        codes::SINGULAR_CONNECTION,
                        entry.key.at,
                        "`connection` is ignored, so the step would run without one",
                    )
                    .hint("write `connections: {<type>: <name>}`"),
                "goto" => keys.goto = Some(entry),
                _ if self.setting(entry, draft) => {}
                _ => {
                    let known: Vec<_> = KEYS.into_iter().chain(SETTINGS).collect();
                    self.near_miss(entry, "a step", &known);
                }
            }
        }
        keys
    }

    /// The step's id and where it stands; without an id, where the step begins.
    fn step_id(&mut self, node: Option<&Node>, head: Extent, number: usize) -> (String, Extent) {
        let Some(node) = node.filter(|node| !node.is_empty()) else {
            self.problems
                .error(codes::MISSING_ID, head, "a step has no `id`")
                .hint(format!("ids are unique in the workflow, `S{}` for example", number + 1));
            return (String::new(), head);
        };
        let at = node.at;
        let Some(id) = self.text(node, "`id`") else { return (String::new(), at) };
        if id.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '.' | '[' | ']' | '/')) {
            self.problems
                .error(
                    codes::INVALID_ID,
                    at,
                    format!("`{}` cannot be a step's id", crate::yaml::shorten(&id)),
                )
                .hint("use letters, digits, `_` and `-`");
        }
        match self.outline.ids.entry(id.clone()) {
            Slot::Vacant(slot) => {
                slot.insert((number, at));
            }
            Slot::Occupied(slot) => {
                let first = self.problems.source().span(slot.get().1);
                self.problems
                    .error(codes::DUPLICATE_ID, at, format!("two steps have the id `{id}`"))
                    .hint(format!("the first is at line {}, column {}", first.line, first.column));
            }
        }
        (id, at)
    }

    /// The step's action and where it stands; without an action, where the step does.
    fn step_action(&mut self, node: Option<&Node>, id: &str, at: Extent) -> (String, Extent) {
        let Some(node) = node.filter(|node| !node.is_empty()) else {
            let step = if id.is_empty() { "a step".to_owned() } else { format!("step `{id}`") };
            self.problems.error(codes::MISSING_ACTION, at, format!("{step} has no `action`"));
            return (String::new(), at);
        };
        let action = self.text(node, "`action`").unwrap_or_default();
        (action.trim().to_owned(), node.at)
    }

    fn connections(&mut self, node: &Node) -> Vec<UsedConnection> {
        let mut connections = Vec::new();
        for entry in self.map(node, "`connections`") {
            let name = self.text(crate::yaml::chosen(&entry.value), "a connection's name");
            if name.as_ref().is_some_and(|name| name.contains("{{")) {
                self.not_yet(entry.value.at, "an expression as the name of a connection");
            }
            connections.push(UsedConnection {
                connection_type: entry.key.text.to_string(),
                type_at: entry.key.at,
                name: name.filter(|name| name != "no_connection"),
            });
        }
        connections
    }

    fn children(&mut self, action: &str, at: Extent, node: Option<&Node>, number: usize) -> Vec<Step> {
        let Some(node) = node else { return Vec::new() };
        let steps = self.steps(node, Some(number));
        if !steps.is_empty() && !action.is_empty() && !takes_steps(action) {
            self.problems
                .error(codes::UNEXPECTED_CHILDREN, at, format!("`{action}` takes no steps under it"))
                .hint("move them after this step");
        }
        steps
    }

    /// Branches stand under an if or a parallel, labels under a switch, and nothing else does.
    fn branches(&mut self, action: &str, at: Extent, parent: Option<usize>, steps: &[Step]) {
        let holder = match action {
            TRUE_BRANCH | FALSE_BRANCH => Some(IF),
            LABEL | DEFAULT_LABEL => Some(SWITCH),
            PARALLEL_BRANCH => Some(PARALLEL),
            _ => None,
        };
        let under = parent.and_then(|parent| self.outline.steps.get(parent)).map(|step| step.action.as_str());
        if let Some(holder) = holder
            && under != Some(holder)
        {
            let message = format!("`{action}` stands outside an `{holder}`");
            self.problems.error(codes::STRAY_BRANCH, at, message);
        }
        match action {
            IF => self.if_children(at, steps),
            SWITCH => self.switch_children(at, steps),
            PARALLEL => self.parallel_children(at, steps),
            _ => {}
        }
    }

    fn if_children(&mut self, at: Extent, steps: &[Step]) {
        for branch in [TRUE_BRANCH, FALSE_BRANCH] {
            let mut of_kind = steps.iter().filter(|step| step.action == branch);
            if of_kind.next().is_none() {
                self.problems.warning(
                    codes::MISSING_BRANCH,
                    at,
                    format!("`{IF}` has no `{branch}`: it counts as empty"),
                );
            } else if let Some(second) = of_kind.next() {
                self.problems.error(codes::IF_CHILDREN, second.at, format!("`{IF}` has two `{branch}`"));
            }
        }
        self.other_children(codes::IF_CHILDREN, IF, &[TRUE_BRANCH, FALSE_BRANCH], steps);
    }

    fn switch_children(&mut self, at: Extent, steps: &[Step]) {
        if !steps.iter().any(|step| step.action == LABEL) {
            let message = format!("`{SWITCH}` has no `{LABEL}`: there is nothing to choose from");
            self.problems.warning(codes::MISSING_BRANCH, at, message);
        }
        if let Some(second) = steps.iter().filter(|step| step.action == DEFAULT_LABEL).nth(1) {
            let message = format!("`{SWITCH}` has two `{DEFAULT_LABEL}`");
            self.problems.error(codes::SWITCH_CHILDREN, second.at, message);
        }
        let mut seen: Vec<&Value> = Vec::new();
        for step in steps {
            let Body::Label(Some(PlanValue::Literal(value))) = &step.body else { continue };
            if !value.is_nil() && seen.contains(&value) {
                let message = format!("another label before step `{}` has the same value", step.id);
                self.problems
                    .warning(codes::DUPLICATE_LABEL, step.at, message)
                    .hint("the first label that equals is taken, so this one never is");
            }
            seen.push(value);
        }
        self.other_children(codes::SWITCH_CHILDREN, SWITCH, &[LABEL, DEFAULT_LABEL], steps);
    }

    fn parallel_children(&mut self, at: Extent, steps: &[Step]) {
        let mut branches = steps.iter().filter(|step| step.action == PARALLEL_BRANCH);
        if branches.clone().next().is_none() {
            let message = format!("`{PARALLEL}` has no `{PARALLEL_BRANCH}`: there is nothing to run");
            self.problems.warning(codes::MISSING_BRANCH, at, message);
        }
        if let Some(branch) = branches.nth(PARALLEL_BRANCHES_MAX) {
            let message = format!("`{PARALLEL}` has more than {PARALLEL_BRANCHES_MAX} branches");
            self.problems
                .error(codes::PARALLEL_CHILDREN, branch.at, message)
                .hint("go through a list with `internal.for` and `max_concurrency`");
        }
        self.other_children(codes::PARALLEL_CHILDREN, PARALLEL, &[PARALLEL_BRANCH], steps);
    }

    fn other_children(&mut self, code: &'static str, holder: &str, allowed: &[&str], steps: &[Step]) {
        let listed: Vec<String> = allowed.iter().map(|action| format!("`{action}`")).collect();
        let others = steps.iter().filter(|step| !step.action.is_empty() && !allowed.contains(&&*step.action));
        for other in others {
            self.problems
                .error(code, other.at, format!("step `{}` stands directly under `{holder}`", other.id))
                .hint(format!("put it under {}", listed.join(" or ")));
        }
    }
}
