//! The `goto` of the format of 2021, turned into `internal.ifCondition` and `internal.EndRun` where that says exactly
//! the same; what cannot be turned is refused.
//!
//! A step goes on with a target of its own list, ahead of it, if a condition holds, else with the next step. What it jumps
//! over becomes the false branch of an if. If the last of those steps always goes on behind steps that follow the
//! target, these become the true branch: `if … else …`. Two targets of which just one can be meant are a jump and, right
//! behind it, one that is always taken.

use std::collections::HashMap;

use std::sync::Arc;

use expr::Value;
use types::limits::{GOTO_NESTING_MAX, WORKFLOW_STEPS_MAX};

use crate::codes;
use crate::document::{Body, Step};
use crate::plan::{Condition, Operator, PlanValue, Sentence, StepSettings};
use crate::read::Reader;
use crate::read::outline::Place;
use crate::read::steps::{CATCH, FALSE_BRANCH, IF, TRUE_BRANCH, is_branch};
use crate::source::Extent;
use crate::yaml::{Entry, Node, shorten};

const END: &str = "end";
const END_RUN: &str = "internal.EndRun";
const SEVERAL: &str = "it has several targets, and all whose conditions hold would be gone on with";

/// The target of a step's `goto`.
#[derive(Clone, Debug)]
pub(crate) struct Goto {
    at: Extent,
    target: String,
    when: When,
    /// Where the run goes on if the condition does not hold; none: with the next step.
    otherwise: Option<Box<Self>>,
}

#[derive(Clone, Debug)]
enum When {
    Always,
    Never,
    If(PlanValue),
}

/// Where a step goes on: at a place of its list, behind all of them at its length, or nowhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    End,
    Step(usize),
}

/// One list while it is put in order.
struct List {
    /// Each is taken out once.
    steps: Vec<Option<Step>>,
    jumps: Vec<Option<Jump>>,
}

#[derive(Clone)]
struct Jump {
    to: Target,
    goto: Goto,
}

impl Reader<'_> {
    /// Reads where the step of that id and number goes on; none if that is the next step.
    pub(super) fn goto(&mut self, entry: &Entry, id: &str, number: usize) -> Option<Goto> {
        if entry.value.is_empty() {
            return None;
        }
        let Some(targets) = entry.value.entries() else {
            let message = format!(
                "the `goto` of step `{id}` must be a map of steps to conditions, not {}",
                entry.value.describe()
            );
            self.problems.error(codes::LEGACY_GOTO, entry.key.at, message);
            return None;
        };
        let mut gotos: Vec<Goto> =
            targets.iter().filter_map(|target| self.goto_target(target, id, number)).collect();
        // What never holds changes nothing.
        gotos.retain(|goto| !matches!(goto.when, When::Never));
        if let [first, second] = targets
            && let Some(is_first) = opposites(&first.value, &second.value)
            && let (Some(last), Some(first)) = (gotos.pop(), gotos.pop())
        {
            let (goto, other) = if is_first { (last, first) } else { (first, last) };
            let other = Goto { when: When::Always, ..other };
            return Some(Goto { otherwise: Some(Box::new(other)), ..goto });
        }
        if gotos.len() > 1 {
            let targets: Vec<_> = gotos.iter().map(|goto| format!("`{}`", shorten(&goto.target))).collect();
            let message =
                format!("the `goto` of step `{id}` to {} is not converted: {SEVERAL}", targets.join(", "));
            self.problems.error(codes::LEGACY_GOTO, entry.key.at, message).hint(
                "use `internal.switchCaseExpression` for one of several, `internal.parallel` for all of them",
            );
            return None;
        }
        gotos.pop()
    }

    fn goto_target(&mut self, entry: &Entry, id: &str, number: usize) -> Option<Goto> {
        let target = entry.key.text.to_string();
        let node = &entry.value;
        if node.is_empty() || node.scalar().is_none() {
            let message = format!(
                "the `goto` of step `{id}` to `{}` must have an expression as its condition, not {}",
                shorten(&target),
                node.describe()
            );
            self.problems.error(codes::LEGACY_GOTO, entry.key.at, message);
            return None;
        }
        let when = self.goto_condition(node, number);
        Some(Goto { at: entry.key.at, target, when, otherwise: None })
    }

    fn goto_condition(&mut self, node: &Node, number: usize) -> When {
        match condition_text(node).to_ascii_lowercase().as_str() {
            "true" => When::Always,
            "false" => When::Never,
            _ => {
                // It is looked at when the step is done, and may speak of it.
                let before = std::mem::replace(&mut self.place, Place::AfterStep(number));
                let condition = self.operand(node);
                self.place = before;
                When::If(condition)
            }
        }
    }

    /// The steps of one list with every `goto` turned into branches; one that is refused is left out.
    pub(super) fn without_gotos(&mut self, steps: Vec<Step>) -> Vec<Step> {
        if steps.iter().all(|step| step.goto.is_none()) {
            return steps;
        }
        let at = steps.first().map_or(Extent::default(), |step| step.at);
        let steps: Vec<Step> = steps.into_iter().flat_map(|step| self.with_otherwise(step)).collect();
        let jumps = self.jumps(&steps);
        let length = steps.len();
        let steps =
            List { steps: steps.into_iter().map(Some).collect(), jumps }.block(self, (0, length), length, 0);
        if self.outline.steps.len() + self.made_steps > WORKFLOW_STEPS_MAX && !self.too_many_steps {
            let message = format!(
                "a workflow has at most {WORKFLOW_STEPS_MAX} steps, those counted that stand for `goto`"
            );
            self.problems.error(codes::TOO_MANY_STEPS, at, message);
            self.too_many_steps = true;
        }
        steps
    }

    /// The step, and behind it a place that always goes on elsewhere, if that is what the step says.
    fn with_otherwise(&mut self, mut step: Step) -> Vec<Step> {
        let otherwise = step.goto.as_mut().and_then(|goto| goto.otherwise.take());
        let place = otherwise.map(|goto| {
            let place = self.made_step(&step, "goto", "", Body::Branch, Vec::new());
            // It is gone when the list is in order.
            self.made_steps -= 1;
            Step { goto: Some(*goto), ..place }
        });
        std::iter::once(step).chain(place).collect()
    }

    fn refuse_goto(&mut self, from: &str, goto: &Goto, why: &str) {
        let from = from.split('/').next().unwrap_or(from);
        let message =
            format!("the `goto` of step `{from}` to `{}` is not converted: {why}", shorten(&goto.target));
        let instead = match goto.target.as_str() {
            END => "`internal.EndRun` in an `internal.ifCondition`",
            _ => "`internal.ifCondition`, `internal.switchCaseExpression` or `internal.while`",
        };
        self.problems.error(codes::LEGACY_GOTO, goto.at, message).hint(format!("use {instead}"));
    }

    /// Where each step goes on, if not with the next one.
    fn jumps(&mut self, steps: &[Step]) -> Vec<Option<Jump>> {
        let places: HashMap<&str, usize> =
            steps.iter().enumerate().map(|(place, step)| (step.id.as_str(), place)).collect();
        let mut jumps = Vec::with_capacity(steps.len());
        for (place, step) in steps.iter().enumerate() {
            let Some(goto) = &step.goto else {
                jumps.push(None);
                continue;
            };
            let to = match (goto.target.as_str(), places.get(goto.target.as_str())) {
                // It is the end also if a step has that id.
                (END, _) => Some(Target::End),
                (_, Some(target)) => Some(Target::Step(*target)),
                (_, None) => None,
            };
            let jump = match (to, to.and_then(|to| why_not(steps, place, to))) {
                (Some(to), None) => Ok(Jump { to, goto: goto.clone() }),
                (None, _) => Err("there is no such step in its list"),
                (_, Some(why)) => Err(why),
            };
            if let Err(why) = &jump {
                self.refuse_goto(&step.id, goto, why);
            }
            jumps.push(jump.ok());
        }
        jumps
    }

    fn made_step(&mut self, like: &Step, id: &str, action: &str, body: Body, steps: Vec<Step>) -> Step {
        self.made_steps += 1;
        Step {
            at: like.at,
            // No id in a document has a slash.
            id: format!("{}/{id}", like.id),
            name: None,
            action: action.to_owned(),
            action_at: like.action_at,
            body,
            inputs: Vec::new(),
            connections: Vec::new(),
            requirements: Arc::default(),
            settings: StepSettings::default(),
            steps,
            goto: None,
            is_made: true,
            runner_group_at: None,
        }
    }

    fn made_end(&mut self, like: &Step) -> Step {
        let body = Body::EndRun { status: None, message: None };
        self.made_step(like, "goto/end", END_RUN, body, Vec::new())
    }

    fn made_if(&mut self, like: &Step, when: When, then: Vec<Step>, other: Vec<Step>) -> Step {
        let left = match when {
            When::Always => PlanValue::Literal(Value::Bool(true)),
            When::Never => PlanValue::Literal(Value::Bool(false)),
            When::If(condition) => condition,
        };
        let sentence = Sentence { left, operator: Operator::IsTrue, right: PlanValue::Literal(Value::Nil) };
        let condition = Condition { all: true, sentences: vec![sentence] };
        let then = self.made_step(like, "goto/true", TRUE_BRANCH, Body::Branch, then);
        let other = self.made_step(like, "goto/false", FALSE_BRANCH, Body::Branch, other);
        self.made_step(like, "goto", IF, Body::If(condition), vec![then, other])
    }
}

/// The condition of a target without its braces.
fn condition_text(node: &Node) -> String {
    let text = node.scalar().map(|scalar| scalar.text.trim().to_owned()).unwrap_or_default();
    let inner = text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
    inner.unwrap_or(&text).trim().to_owned()
}

/// Whether just one of two conditions can hold, as one is the other with a `!` or `not` before it: whether that is the
/// first.
fn opposites(first: &Node, second: &Node) -> Option<bool> {
    let (first, second) = (condition_text(first), condition_text(second));
    let denies = |one: &str, other: &str| {
        let rest = one
            .strip_prefix('!')
            .or_else(|| one.strip_prefix("not").filter(|rest| !rest.starts_with(is_word)));
        let Some(rest) = rest.map(str::trim) else { return false };
        let within = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let is_path = other.chars().all(|c| is_word(c) || c == '.');
        within.is_some_and(|within| within.trim() == other) || (is_path && rest == other)
    };
    match (denies(&first, &second), denies(&second, &first)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What speaks against turning the jump of the step at `place` into branches, whatever other jumps there are.
fn why_not(steps: &[Step], place: usize, to: Target) -> Option<&'static str> {
    let step = &steps[place];
    let catch_between = |target: usize| steps[place + 1..target].iter().any(|step| step.action == CATCH);
    match to {
        Target::Step(target) if target <= place => Some("it goes back"),
        _ if is_branch(&step.action) => Some("a branch or a label goes on where its steps end"),
        _ if step.action == CATCH => Some("a catch goes on only if something has failed"),
        _ if step.settings.when.is_some() => {
            Some("whether it counts when `when` skips the step is not known")
        }
        Target::Step(target) if catch_between(target) => {
            Some("it jumps over a catch, which would no longer catch what it does")
        }
        _ => None,
    }
}

impl List {
    /// The steps from `start` to before `end`, after which a run goes on at `exit`. As every jump leads ahead, and
    /// whatever it jumps over is put into a branch, a jump that stays in its block stays in its list.
    fn block(
        &mut self,
        reader: &mut Reader<'_>,
        (start, end): (usize, usize),
        exit: usize,
        depth: usize,
    ) -> Vec<Step> {
        let mut block = Vec::new();
        let mut place = start;
        while place < end {
            let Some(step) = self.steps[place].take() else { break };
            let jump = self.jumps[place].clone();
            place += 1;
            // A place between two steps is none itself.
            let keep = |block: &mut Vec<Step>, step: Step| {
                block.extend((!step.action.is_empty() || !step.is_made).then_some(step))
            };
            let Some(Jump { to, goto }) = jump else {
                keep(&mut block, step);
                continue;
            };
            let (then, other) = match to {
                Target::End => (vec![reader.made_end(&step)], Vec::new()),
                // There it goes on anyway.
                Target::Step(to) if to == place || (place == end && to == exit) => {
                    keep(&mut block, step);
                    continue;
                }
                Target::Step(to) if (to < end || to == exit) && depth < GOTO_NESTING_MAX => {
                    let over = to.min(end);
                    let (then_end, behind) = self.alternative(over, end, exit).unwrap_or((over, to));
                    let other = self.block(reader, (place, over), behind, depth + 1);
                    let then = self.block(reader, (over, then_end), behind, depth + 1);
                    place = then_end;
                    (then, other)
                }
                Target::Step(to) => {
                    let why = match to < end || to == exit {
                        true => "it stands within as many others as may be",
                        false => "it leads into or out of what another one jumps over",
                    };
                    reader.refuse_goto(&step.id, &goto, why);
                    keep(&mut block, step);
                    continue;
                }
            };
            let made = reader.made_if(&step, goto.when, then, other);
            keep(&mut block, step);
            block.push(made);
        }
        block
    }

    /// If the step before `target` always goes on behind steps that follow `target`: the place after the last of them
    /// within the block, and where it goes on.
    fn alternative(&self, target: usize, end: usize, exit: usize) -> Option<(usize, usize)> {
        let Jump { to: Target::Step(behind), goto } = self.jumps.get(target.checked_sub(1)?)?.as_ref()?
        else {
            return None;
        };
        let fits = target < end && *behind > target && (*behind <= end || *behind == exit);
        (fits && matches!(goto.when, When::Always)).then(|| ((*behind).min(end), *behind))
    }
}
