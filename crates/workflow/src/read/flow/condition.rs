//! `internal.ifCondition` and `internal.while`: `condition: {match: And|Or, sentence: [{lvalue, op, rvalue}]}`, or one expression.

use expr::Value;
use types::limits::LOOP_TURNS_MAX;

use super::params::Params;
use crate::codes;
use crate::near::{closest, normal};
use crate::plan::{Condition, Operator, PlanValue, Sentence};
use crate::read::Reader;
use crate::yaml::{Entry, Node};

const SHAPE: &str = "write `condition: {match: And, sentence: [{lvalue: …, op: Equals, rvalue: …}]}`";

/// Other spellings of the comparisons, blanks and letter case left out.
const SPELLINGS: [(&str, Operator); 38] = [
    ("==", Operator::Equals),
    ("=", Operator::Equals),
    ("equal", Operator::Equals),
    ("equalto", Operator::Equals),
    ("equalsto", Operator::Equals),
    ("is", Operator::Equals),
    ("!=", Operator::NotEquals),
    ("<>", Operator::NotEquals),
    ("notequal", Operator::NotEquals),
    ("notequalto", Operator::NotEquals),
    ("isnot", Operator::NotEquals),
    (">", Operator::GreaterThan),
    (">=", Operator::GreaterThanOrEquals),
    ("greaterthanorequal", Operator::GreaterThanOrEquals),
    ("greaterthanorequals", Operator::GreaterThanOrEquals),
    ("greaterthanorequalto", Operator::GreaterThanOrEquals),
    ("<", Operator::LessThan),
    ("<=", Operator::LessThanOrEquals),
    ("lessthanorequal", Operator::LessThanOrEquals),
    ("lessthanorequals", Operator::LessThanOrEquals),
    ("lessthanorequalto", Operator::LessThanOrEquals),
    ("contain", Operator::Contains),
    ("doesnotcontain", Operator::NotContains),
    ("notcontain", Operator::NotContains),
    ("startwith", Operator::StartsWith),
    ("beginswith", Operator::StartsWith),
    ("endwith", Operator::EndsWith),
    ("match", Operator::Matches),
    ("matchesregex", Operator::Matches),
    ("=~", Operator::Matches),
    ("isin", Operator::In),
    ("isnotin", Operator::NotIn),
    ("empty", Operator::IsEmpty),
    ("notempty", Operator::IsNotEmpty),
    ("isbefore", Operator::Before),
    ("isafter", Operator::After),
    ("true", Operator::IsTrue),
    ("false", Operator::IsFalse),
];

impl Reader<'_> {
    /// As an if's; one that always holds makes a loop that only fails.
    pub(super) fn while_condition(&mut self, params: &mut Params<'_>) -> Condition {
        let at = params.at;
        let condition = self.if_condition(params);
        let always = |sentence: &Sentence| {
            sentence.operator == Operator::IsTrue
                && matches!(&sentence.left, PlanValue::Literal(Value::Bool(true)))
        };
        let sentences = &condition.sentences;
        if !self.idle && !sentences.is_empty() && sentences.iter().all(always) {
            let message = format!("the condition always holds: the loop fails after {LOOP_TURNS_MAX} turns");
            self.problems
                .warning(codes::ENDLESS_LOOP, at, message)
                .hint("write a condition that a step of the loop changes, `variables.page < 10` for example");
        }
        condition
    }

    pub(super) fn if_condition(&mut self, params: &mut Params<'_>) -> Condition {
        let empty = Condition { all: true, sentences: Vec::new() };
        let Some(entry) = params.require(self, "condition", &["conditions"]) else { return empty };
        match entry.value.entries() {
            Some(entries) => self.condition(&entry.value, entries),
            // One expression, or true or false.
            None if entry.value.scalar().is_some() && !entry.value.is_empty() => {
                let left = self.operand(&entry.value);
                let right = PlanValue::Literal(Value::Nil);
                Condition { all: true, sentences: vec![Sentence { left, operator: Operator::IsTrue, right }] }
            }
            None => {
                let message =
                    format!("`condition` must be a map or an expression, not {}", entry.value.describe());
                self.problems.error(codes::CONDITION_SHAPE, entry.value.at, message).hint(SHAPE);
                empty
            }
        }
    }

    fn condition(&mut self, node: &Node, entries: &[Entry]) -> Condition {
        let mut condition = Condition { all: true, sentences: Vec::new() };
        let mut found = false;
        for entry in entries {
            match normal(&entry.key.text).as_str() {
                "match" => condition.all = self.match_all(&entry.value),
                "sentence" | "sentences" => {
                    found = true;
                    condition.sentences = self.sentences(&entry.value);
                }
                _ => self.near_miss(entry, "a condition", &["match", "sentence"]),
            }
        }
        if !found && !self.idle {
            self.problems.error(codes::CONDITION_SHAPE, node.at, "a condition has no `sentence`").hint(SHAPE);
        }
        condition
    }

    fn match_all(&mut self, node: &Node) -> bool {
        match self.text(node, "`match`").unwrap_or_default().to_ascii_lowercase().as_str() {
            "and" | "all" | "" => true,
            "or" | "any" => false,
            other => {
                let message = format!("`match` must be `And` or `Or`, not `{other}`");
                self.problems.error(codes::CONDITION_SHAPE, node.at, message);
                true
            }
        }
    }

    fn sentences(&mut self, node: &Node) -> Vec<Sentence> {
        // One sentence without its dash is meant as a list of one.
        let items =
            if node.entries().is_some() { std::slice::from_ref(node) } else { self.list(node, "`sentence`") };
        items.iter().filter_map(|item| self.sentence(item)).collect()
    }

    fn sentence(&mut self, item: &Node) -> Option<Sentence> {
        let Some(entries) = item.entries() else {
            let message = format!("a sentence must be a map, not {}", item.describe());
            self.problems.error(codes::CONDITION_SHAPE, item.at, message).hint(SHAPE);
            return None;
        };
        let (mut left, mut right, mut operator) = (None, None, None);
        for entry in entries {
            match normal(&entry.key.text).as_str() {
                "lvalue" | "left" => left = Some(self.operand(&entry.value)),
                "rvalue" | "right" => right = Some(self.operand(&entry.value)),
                "op" | "operator" => operator = Some(self.operator(&entry.value)),
                _ => self.near_miss(entry, "a sentence", &["lvalue", "op", "rvalue"]),
            }
        }
        let unary = matches!(operator, Some(Some(operator)) if operator.is_unary());
        let missing = match (&left, &operator, &right) {
            (None, ..) => Some("lvalue"),
            (_, None, _) => Some("op"),
            (.., None) if !unary => Some("rvalue"),
            _ => None,
        };
        if let Some(missing) = missing
            && !self.idle
        {
            let message = format!("a sentence has no `{missing}`");
            self.problems.error(codes::CONDITION_SHAPE, item.at, message).hint(SHAPE);
        }
        let nothing = PlanValue::Literal(Value::Nil);
        Some(Sentence { left: left?, operator: operator??, right: right.unwrap_or(nothing) })
    }

    fn operator(&mut self, node: &Node) -> Option<Operator> {
        let text = self.text(node, "`op`").unwrap_or_default();
        let key = comparison_key(&text);
        let published = Operator::ALL.into_iter().find(|(_, name)| comparison_key(name) == key);
        let spelled = SPELLINGS.into_iter().find(|(spelling, _)| *spelling == key);
        let found = published.map(|(operator, _)| operator).or(spelled.map(|(_, operator)| operator));
        if found.is_none() {
            if key.starts_with("iswithinthelast") {
                self.not_yet(node.at, "the comparison `is within the last`");
                return None;
            }
            let names = Operator::ALL.map(|(_, name)| name);
            let noted = self.problems.error(
                codes::UNKNOWN_OPERATOR,
                node.at,
                format!("there is no comparison `{text}`"),
            );
            match closest(&text, names) {
                Some(meant) => noted.did_you_mean(Some(meant)),
                None => noted
                    .hint(format!("comparisons are {}", names.map(|name| format!("`{name}`")).join(", "))),
            }
        }
        found
    }
}

/// Symbols as they are, words in lower case without what stands between them.
fn comparison_key(text: &str) -> String {
    if text.chars().any(char::is_alphanumeric) { normal(text) } else { text.trim().to_owned() }
}
