//! From the tree of steps to the flat list that the engine walks. Only documents without errors come here.

use std::collections::BTreeMap;

use crate::code::CodeInput;
use crate::document::{Body, Document, Step};
use crate::plan::{Block, Branch, Condition, Plan, PlanStep, StepIndex, StepKind};

/// The plan of a document.
pub(crate) fn lower(document: Document) -> Plan {
    let mut steps = Vec::new();
    let body = block(document.steps, None, &mut steps);
    Plan {
        hash: document.hash,
        name: document.name,
        inputs: document.inputs,
        outputs: document.outputs,
        steps,
        body,
        runner: document.runner,
        timeout_ms: document.timeout_ms,
        concurrency: document.concurrency,
    }
}

fn block(of: Vec<Step>, parent: Option<StepIndex>, steps: &mut Vec<PlanStep>) -> Block {
    of.into_iter().map(|step| flatten(step, parent, steps)).collect()
}

fn flatten(step: Step, parent: Option<StepIndex>, steps: &mut Vec<PlanStep>) -> StepIndex {
    let index = steps.len();
    let connections: BTreeMap<String, String> = step
        .connections
        .into_iter()
        .filter_map(|connection| Some((connection.connection_type, connection.name?)))
        .collect();
    let action = step.action.clone();
    steps.push(PlanStep {
        id: step.id,
        name: step.name,
        action: step.action,
        // A step stands before those under it; what it does with them is known once they stand.
        kind: StepKind::BranchMarker,
        connections,
        requirements: step.requirements,
        settings: step.settings,
        is_made: step.is_made,
        parent,
    });
    let inner = block(step.steps, Some(index), steps);
    let kind = match step.body {
        Body::SetVariables(assignments) => StepKind::SetVariables(assignments),
        Body::If(condition) => if_kind(condition, &inner, steps),
        Body::Branch => StepKind::BranchMarker,
        Body::Switch(subject) => StepKind::Switch { subject, labels: labels(inner, steps) },
        Body::Label(value) => StepKind::Label { value, body: inner },
        Body::For { list, variable_name, max_concurrency } => {
            StepKind::For { list, variable_name, max_concurrency, body: inner }
        }
        Body::Parallel { join } => StepKind::Parallel { join, branches: inner },
        Body::ParallelBranch => StepKind::ParallelBranch { body: inner },
        Body::Catch => StepKind::Catch { body: inner },
        Body::While(condition) => StepKind::While { condition, body: inner },
        Body::AppendList { variable, item } => StepKind::AppendList { variable, item },
        Body::Print(text) => StepKind::Print { text },
        Body::Sleep { amount, unit_ms } => StepKind::Sleep { amount, unit_ms },
        Body::SleepUntil(until) => StepKind::SleepUntil { until },
        Body::EndRun { status, message } => StepKind::EndRun { status, message },
        Body::Subflow(subflow) => StepKind::Subflow(*subflow),
        // What is not available yet comes here only if it is disabled or mocked, and so never runs.
        Body::Effect(inputs) | Body::NotYet(inputs) => {
            let code = CodeInput::of(&action).filter(|code| code.sees_run);
            StepKind::Effect { inputs, sees_run: code.map(|code| code.input) }
        }
    };
    if let Some(step) = steps.get_mut(index) {
        step.kind = kind;
    }
    index
}

/// The default stands after the other labels, wherever the document has it.
fn labels(mut inner: Block, steps: &[PlanStep]) -> Vec<StepIndex> {
    let is_default = |index: &StepIndex| {
        steps.get(*index).is_some_and(|step| matches!(step.kind, StepKind::Label { value: None, .. }))
    };
    inner.sort_by_key(is_default);
    inner
}

fn if_kind(condition: Condition, inner: &[StepIndex], steps: &[PlanStep]) -> StepKind {
    let branch = |action: &str| {
        let marker =
            inner.iter().copied().find(|child| steps.get(*child).is_some_and(|step| step.action == action));
        // Nothing but what stands under this if comes after its branches yet.
        let after = steps.iter().enumerate().skip(marker.unwrap_or(steps.len()));
        let block = after.filter(|(_, step)| marker.is_some() && step.parent == marker);
        Branch { marker, block: block.map(|(index, _)| index).collect() }
    };
    StepKind::If {
        condition,
        then_branch: branch("internal.ifTrueBranch"),
        else_branch: branch("internal.ifFalseBranch"),
    }
}
