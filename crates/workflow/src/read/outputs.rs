//! `outputs`: what a run answers with, `{value, index}` each, or the value alone as older files have it.

use crate::codes;
use crate::plan::PlanValue;
use crate::read::Reader;
use crate::read::inputs::index;
use crate::yaml::Node;

impl Reader<'_> {
    /// The outputs in the order of their `index`, then of the document.
    pub(super) fn outputs(&mut self, node: &Node) -> Vec<(String, PlanValue)> {
        let mut outputs = Vec::new();
        for entry in self.map(node, "`outputs`") {
            let (name, node) = (entry.key.text.to_string(), &entry.value);
            let value = match (node.entries(), node.get("value")) {
                (Some(_), Some(value)) => self.value(value),
                (None, _) if node.scalar().is_some() => self.value(node),
                _ => {
                    let message = format!("output `{name}` has no `value`");
                    self.problems
                        .error(codes::OUTPUT_SHAPE, entry.key.at, message)
                        .hint(format!("write `{name}: {{value: '{{{{ … }}}}', index: 1}}`"));
                    continue;
                }
            };
            outputs.push((index(node), (name, value)));
        }
        outputs.sort_by_key(|(index, _)| *index);
        outputs.into_iter().map(|(_, output)| output).collect()
    }
}
