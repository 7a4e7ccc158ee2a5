//! Which step stands where, and whether the references of expressions lead anywhere.

use std::collections::HashMap;
use std::ops::Range;

use crate::codes;
use crate::near::closest;
use crate::read::Reader;
use crate::source::{Extent, Source};
use crate::yaml::{Node, shorten};

/// What an expression may begin with.
const SCOPES: [&str; 5] = ["inputs", "steps", "variables", "event", "metadata"];

/// The steps seen so far, in the order of the document.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) steps: Vec<Outlined>,
    /// The number of the step of each id, and where the id stands.
    pub(super) ids: HashMap<String, (usize, Extent)>,
}

pub(super) struct Outlined {
    pub(super) parent: Option<usize>,
    pub(super) action: String,
}

/// Whose expression it is.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// The step of that number in the outline.
    Step(usize),
    /// The same, when that step has failed.
    AfterStep(usize),
    /// After all steps.
    Outputs,
    /// Before all steps.
    Outside,
}

/// One reference of one expression.
pub(super) struct Use {
    path: Vec<String>,
    place: Place,
    /// The scalar it stands in, and the bytes of its text.
    node: Node,
    range: Range<usize>,
}

impl Use {
    pub(super) fn new(path: Vec<String>, place: Place, node: &Node, range: Range<usize>) -> Self {
        Self { path, place, node: node.clone(), range }
    }

    /// Where it stands. Walks the scalar: ask only when there is something to say.
    fn at(&self, source: &Source) -> Extent {
        self.node.place_in_text(source, self.range.clone())
    }
}

impl Outline {
    /// The step and those that hold it, from the inside out.
    fn holders(&self, step: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(step), |step| self.steps.get(*step).and_then(|step| step.parent))
    }

    fn is_action(&self, step: usize, names: &[&str]) -> bool {
        self.steps.get(step).is_some_and(|step| names.contains(&step.action.as_str()))
    }

    /// Whether both stand in one loop, where an earlier turn may have run the later step.
    fn share_a_loop(&self, a: usize, b: usize) -> bool {
        self.holders(a).any(|holder| {
            self.is_action(holder, &["internal.for", "internal.while"])
                && self.holders(b).any(|other| other == holder)
        })
    }

    /// Whether they stand in two branches of one if or parallel, or under two labels of one switch.
    fn in_other_branch(&self, a: usize, b: usize) -> bool {
        const BRANCHES: [&str; 5] = [
            "internal.ifTrueBranch",
            "internal.ifFalseBranch",
            "internal.switchCaseLabel",
            "internal.switchCaseDefaultLabel",
            "internal.parallelBranch",
        ];
        let parent = |step: usize| self.steps.get(step).and_then(|step| step.parent);
        self.holders(a).filter(|holder| self.is_action(*holder, &BRANCHES)).any(|branch| {
            self.holders(b).any(|other| {
                other != branch
                    && self.is_action(other, &BRANCHES)
                    && parent(other).is_some()
                    && parent(other) == parent(branch)
            })
        })
    }
}

impl Reader<'_> {
    /// Resolves every reference that was read.
    pub(super) fn check_references(&mut self) {
        for used in std::mem::take(&mut self.uses) {
            if self.problems.is_full() {
                return;
            }
            let Some(root) = used.path.first() else { continue };
            match (root.as_str(), used.path.get(1)) {
                ("steps", Some(id)) => self.check_step(&used, id),
                ("inputs", Some(name)) => self.check_input(&used, name),
                ("variables", Some(name)) => self.check_variable(&used, name),
                (root, _) if SCOPES.contains(&root) => {}
                (root, _) => self.unknown_scope(&used, root),
            }
        }
    }

    fn check_step(&mut self, used: &Use, id: &str) {
        // `last` is the step before this one, whichever it is.
        if id == "last" {
            return;
        }
        let source = self.problems.source();
        let Some((target, _)) = self.outline.ids.get(id).copied() else {
            let meant = closest(id, self.outline.ids.keys().map(String::as_str)).map(str::to_owned);
            let message = format!("there is no step `{}`", shorten(id));
            self.problems.error(codes::UNKNOWN_STEP, used.at(source), message).did_you_mean(meant.as_deref());
            return;
        };
        let place = match used.place {
            Place::AfterStep(from) if target == from => return,
            Place::AfterStep(from) => Place::Step(from),
            place => place,
        };
        let message = match place {
            Place::Outputs => return,
            Place::Outside => format!("step `{id}` has not run yet when this is looked at"),
            // The number of the turn to come, the failure to be caught.
            Place::Step(from)
                if target == from && self.outline.is_action(from, &["internal.while", "internal.catch"]) =>
            {
                return;
            }
            Place::Step(from) if target == from => format!("step `{id}` refers to itself, before it has run"),
            // A loop's item, an if's outcome.
            Place::Step(from) if self.outline.holders(from).any(|holder| holder == target) => return,
            Place::Step(from) if self.outline.in_other_branch(from, target) => {
                let message =
                    format!("step `{id}` stands in another branch, of which this step sees nothing");
                self.problems.warning(codes::OTHER_BRANCH_STEP, used.at(source), message);
                return;
            }
            Place::Step(from) if target > from && !self.outline.share_a_loop(from, target) => {
                format!("step `{id}` comes later: it has not run yet here")
            }
            Place::Step(_) | Place::AfterStep(_) => return,
        };
        self.problems.warning(codes::LATER_STEP, used.at(source), message);
    }

    fn check_input(&mut self, used: &Use, name: &str) {
        if self.inputs.contains(name) {
            return;
        }
        let at = used.at(self.problems.source());
        let meant = closest(name, self.inputs.iter().map(String::as_str)).map(str::to_owned);
        let message = format!("the workflow has no input `{}`", shorten(name));
        self.problems.error(codes::UNKNOWN_INPUT, at, message).did_you_mean(meant.as_deref());
    }

    fn check_variable(&mut self, used: &Use, name: &str) {
        if self.variables_unknown || self.variables.contains(name) {
            return;
        }
        let at = used.at(self.problems.source());
        let meant = closest(name, self.variables.iter().map(String::as_str)).map(str::to_owned);
        let message = format!("no step sets the variable `{}`", shorten(name));
        self.problems.warning(codes::UNKNOWN_VARIABLE, at, message).did_you_mean(meant.as_deref());
    }

    fn unknown_scope(&mut self, used: &Use, root: &str) {
        let at = used.at(self.problems.source());
        let noted = self.problems.warning(
            codes::UNKNOWN_SCOPE,
            at,
            format!("`{}` is not known here, so it is nil", shorten(root)),
        );
        match closest(root, SCOPES) {
            Some(scope) => noted.did_you_mean(Some(scope)),
            None => noted.hint(format!(
                "values come from {}; a text is written in quotes inside the expression, \"{}\"",
                SCOPES.map(|scope| format!("`{scope}`")).join(", "),
                shorten(root)
            )),
        }
    }
}
