//! The key `requirements`, at the top and in a step: Python packages, as a list of texts or one text with lines.

use std::ops::Range;
use std::sync::Arc;

use expr::Rendering;
use types::Requirement;
use types::limits::{REQUIREMENT_LISTS_MAX, REQUIREMENTS_MAX};

use crate::code::CodeInput;
use crate::codes;
use crate::read::Reader;
use crate::source::Extent;
use crate::yaml::{Entry, Node, shorten};

const SHAPE: &str = "write names with versions, such as `requirements: ['requests>=2.31,<3']`";

/// Whether the action runs Python code, and so can use packages.
fn runs_python(action: &str) -> bool {
    CodeInput::of(action).is_some_and(|code| code.rendering == Rendering::Python)
}

impl Reader<'_> {
    /// The packages of the whole workflow.
    pub(super) fn workflow_requirements(&mut self, node: &Node) -> Arc<[Requirement]> {
        self.requirements(node).into()
    }

    /// Says so if the workflow names packages and none of its steps can use them.
    pub(super) fn used_requirements(&mut self, at: Option<Extent>) {
        let is_used = self.outline.steps.iter().any(|step| runs_python(&step.action));
        if let Some(at) = at.filter(|_| !self.workflow_requirements.is_empty() && !is_used) {
            let message = "no step runs Python code, so the packages are of no use";
            self.problems.warning(codes::IDLE_REQUIREMENTS, at, message);
        }
    }

    /// The packages of a step: the workflow's and its own, of which each replaces those of the same name.
    pub(super) fn step_requirements(
        &mut self,
        action: &str,
        action_at: Extent,
        own: Option<&Entry>,
    ) -> Arc<[Requirement]> {
        let is_python = runs_python(action);
        let Some(entry) = own else {
            let of_workflow = Arc::clone(&self.workflow_requirements);
            return if is_python { self.listed(of_workflow, action_at) } else { Arc::default() };
        };
        if !is_python {
            // A step without an action has been noted.
            if !action.is_empty() {
                let message = format!("`{}` runs no Python code, so it takes no packages", shorten(action));
                let noted = self.problems.error(codes::STRAY_REQUIREMENTS, entry.key.at, message);
                noted.hint("name them at the steps that run Python code, or at the top for all of those");
            }
            return Arc::default();
        }
        let own = self.requirements(&entry.value);
        let mut all: Vec<Requirement> = self.workflow_requirements.to_vec();
        all.retain(|one| own.iter().all(|other| other.name() != one.name()));
        all.extend(own);
        if all.len() > REQUIREMENTS_MAX {
            let count = all.len();
            self.too_many(entry.value.at, &format!("the step and its workflow require `{count}` packages"));
        }
        self.listed(all.into(), entry.value.at)
    }

    /// The list as another step has it already, or as one more to be resolved.
    fn listed(&mut self, list: Arc<[Requirement]>, at: Extent) -> Arc<[Requirement]> {
        if list.is_empty() {
            return list;
        }
        if let Some(known) = self.requirement_lists.iter().find(|known| **known == list) {
            return Arc::clone(known);
        }
        if self.requirement_lists.len() == REQUIREMENT_LISTS_MAX {
            let message =
                format!("the steps require more than `{REQUIREMENT_LISTS_MAX}` different lists of packages");
            let noted = self.problems.error(codes::INVALID_REQUIREMENT, at, message);
            noted.hint("name packages at the top of the workflow, for all of its steps");
        } else {
            self.requirement_lists.push(Arc::clone(&list));
        }
        list
    }

    fn requirements(&mut self, node: &Node) -> Vec<Requirement> {
        let mut found = Vec::new();
        match node.as_str() {
            Some(text) => {
                for range in lines(text) {
                    self.requirement(node, text, range, &mut found);
                }
            }
            None => {
                for item in self.list(node, "`requirements`") {
                    match item.as_str() {
                        Some(text) => self.requirement(item, text, 0..text.len(), &mut found),
                        None => self.wrong_type(item, "a requirement", "text"),
                    }
                }
            }
        }
        if found.len() > REQUIREMENTS_MAX {
            let count = found.len();
            self.too_many(node.at, &format!("`requirements` names `{count}` packages"));
            found.truncate(REQUIREMENTS_MAX);
        }
        found
    }

    fn requirement(&mut self, node: &Node, text: &str, range: Range<usize>, to: &mut Vec<Requirement>) {
        let written = text.get(range.clone()).unwrap_or_default();
        match written.parse::<Requirement>() {
            Ok(requirement) if to.contains(&requirement) => {}
            Ok(requirement) => to.push(requirement),
            // No need to look for the place of what is only counted.
            Err(_) if self.problems.is_full() => {
                self.problems.error(codes::INVALID_REQUIREMENT, node.at, "a requirement cannot be read");
            }
            Err(error) => {
                let wrong = range.start + error.range.start..range.start + error.range.end;
                let at = node.place_in_text(self.problems.source(), wrong);
                let message = format!("the requirement `{}` {}", shorten(written.trim()), error.message);
                self.problems.error(codes::INVALID_REQUIREMENT, at, message).hint(SHAPE);
            }
        }
    }

    fn too_many(&mut self, at: Extent, what: &str) {
        let message = format!("{what}, more than `{REQUIREMENTS_MAX}`");
        self.problems.error(codes::INVALID_REQUIREMENT, at, message);
    }
}

/// Where the lines of a text stand that say something, without comments and blanks around them.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        let code = match line.trim_start().starts_with('#') {
            true => "",
            false => line.split(" #").next().unwrap_or_default(),
        };
        let code = code.trim_end();
        let begin = code.len() - code.trim_start().len();
        if begin < code.len() {
            lines.push(start + begin..start + code.len());
        }
        start += line.len() + 1;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_a_requirement_in_each_line_that_is_no_comment() {
        let text = "\n# all of them\n  a>=1  # why\n\r\nb\r\n#c\n";
        let said: Vec<&str> = lines(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(said, ["a>=1", "b"]);
        assert!(lines("").is_empty());
    }
}
