//! The key `concurrency` at the top: `{key, limit, on_full}`, or the limit alone.

use types::limits::CONCURRENCY_LIMIT_MAX;

use crate::codes;
use crate::near::closest;
use crate::plan::{Concurrency, OnFull, PlanValue};
use crate::read::Reader;
use crate::source::Extent;
use crate::yaml::{Entry, Node};

const KEYS: [&str; 3] = ["key", "limit", "on_full"];
const SHAPE: &str = "write `concurrency: {key: '{{ inputs.host }}', limit: 1, on_full: queue}`";
/// What a key may read: all there is before a run begins.
const SCOPES: [&str; 2] = ["inputs", "event"];

impl Reader<'_> {
    /// How many runs with one key there may be; none if the document does not say, or not so that it can be used.
    pub(super) fn concurrency(&mut self, node: &Node) -> Option<Concurrency> {
        let mut concurrency = Concurrency::default();
        match node.entries() {
            Some(entries) => self.concurrency_keys(entries, &mut concurrency, node)?,
            None => concurrency.limit = self.concurrency_limit(node)?,
        }
        Some(concurrency)
    }

    fn concurrency_keys(&mut self, entries: &[Entry], to: &mut Concurrency, node: &Node) -> Option<()> {
        let mut limit = None;
        for entry in entries {
            match &*entry.key.text {
                "key" => to.key = self.concurrency_key(&entry.value),
                "limit" => limit = Some(self.concurrency_limit(&entry.value)),
                "on_full" => to.on_full = self.on_full(&entry.value),
                _ => self.near_miss(entry, "`concurrency`", &KEYS),
            }
        }
        if limit.is_none() {
            self.refuse_concurrency(node.at, "`concurrency` has no `limit`".to_owned());
        }
        to.limit = limit??;
        Some(())
    }

    fn concurrency_key(&mut self, node: &Node) -> PlanValue {
        if node.scalar().is_none() {
            let message = format!("the `key` of `concurrency` must be a text, not {}", node.describe());
            self.refuse_concurrency(node.at, message);
            return PlanValue::default();
        }
        let key = self.value(node);
        if let PlanValue::Template(template) = &key {
            for reference in template.references() {
                let root = reference.path.first().map_or("", String::as_str);
                if !SCOPES.contains(&root) {
                    let message = format!(
                        "the `key` of `concurrency` reads `{root}`; before a run there are `inputs` and `event` only"
                    );
                    let at = node.place_in_text(self.problems.source(), reference.span);
                    self.refuse_concurrency(at, message);
                }
            }
        }
        key
    }

    fn concurrency_limit(&mut self, node: &Node) -> Option<u32> {
        let given = node.scalar().and_then(|scalar| scalar.text.trim().parse::<u32>().ok());
        let limit = given.filter(|limit| (1..=CONCURRENCY_LIMIT_MAX).contains(limit));
        if limit.is_none() {
            let most = CONCURRENCY_LIMIT_MAX;
            let message =
                format!("the `limit` of `concurrency` must be 1 to {most}, not {}", node.describe());
            self.refuse_concurrency(node.at, message);
        }
        limit
    }

    fn on_full(&mut self, node: &Node) -> OnFull {
        let text = node.scalar().map(|scalar| scalar.text.to_string()).unwrap_or_default();
        if let Some(known) = OnFull::ALL.into_iter().find(|known| known.as_str() == text) {
            return known;
        }
        let message =
            format!("`on_full` must be `queue`, `cancel_oldest` or `cancel_newest`, not {}", node.describe());
        let meant = closest(&text, OnFull::ALL.map(OnFull::as_str));
        self.problems.error(codes::CONCURRENCY_SHAPE, node.at, message).did_you_mean(meant);
        OnFull::default()
    }

    fn refuse_concurrency(&mut self, at: Extent, message: String) {
        self.problems.error(codes::CONCURRENCY_SHAPE, at, message).hint(SHAPE);
    }
}
