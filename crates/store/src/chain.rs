//! Which workflows have led to something by their runs, so that none of them is started by it once more.

use std::fmt;

use types::WorkflowId;

/// Workflows, the first one first, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain(Vec<WorkflowId>);

impl Chain {
    /// Whether the workflow is among them.
    pub fn contains(&self, workflow: WorkflowId) -> bool {
        self.0.contains(&workflow)
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody's run has led to it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The chain of what a run of the workflow leads to.
    #[must_use]
    pub fn with(&self, workflow: WorkflowId) -> Self {
        let mut longer = self.clone();
        if !longer.contains(workflow) {
            longer.0.push(workflow);
        }
        longer
    }

    /// As [`fmt::Display`] writes it.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        text.split_ascii_whitespace().map(|id| id.parse().ok()).collect::<Option<_>>().map(Self)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, id) in self.0.iter().enumerate() {
            write!(f, "{}{id}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_read_as_it_was_written_and_holds_each_workflow_once() {
        let (a, b) = (WorkflowId::of_name("a"), WorkflowId::of_name("b"));
        let chain = Chain::default().with(a).with(b).with(a);
        assert_eq!((chain.len(), chain.contains(b)), (2, true));
        for chain in [Chain::default(), chain] {
            assert_eq!(Chain::from_text(&chain.to_string()), Some(chain));
        }
        assert_eq!(Chain::from_text("a b"), None);
    }
}
