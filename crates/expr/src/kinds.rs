//! What can be known of an expression's value without evaluating it: enough to fold constants and to refuse
//! what can never work, such as `1 and true`. Unknown is always a possible answer.

use std::sync::Arc;

use crate::ast::{Binary, Loop, Node, NodeKind, Pointer, Unary};
use crate::value::Value;

/// The type of a value, as far as it is known beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Number,
    Text,
    List,
    Map,
}

impl Kind {
    /// As an error names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "a truth value",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Map => "a map",
        }
    }
}

/// The type of what `node` gives, if that is certain.
pub(crate) fn kind_of(node: &Node) -> Option<Kind> {
    match &node.kind {
        NodeKind::Literal(value) => match value {
            Value::Bool(_) => Some(Kind::Bool),
            Value::Int(_) | Value::Float(_) => Some(Kind::Number),
            Value::String(_) => Some(Kind::Text),
            _ => None,
        },
        NodeKind::List(_) => Some(Kind::List),
        NodeKind::Map(_) => Some(Kind::Map),
        NodeKind::Unary(Unary::Not, _) | NodeKind::Comparison(..) => Some(Kind::Bool),
        NodeKind::Binary(Binary::Range, ..) => Some(Kind::List),
        NodeKind::Binary(Binary::Divide | Binary::Power, ..) => Some(Kind::Number),
        NodeKind::Binary(Binary::Add, left, _) if kind_of(left) == Some(Kind::Text) => Some(Kind::Text),
        NodeKind::Binary(binary, ..) if is_test(*binary) => Some(Kind::Bool),
        NodeKind::Loop { kind, .. } => match kind {
            Loop::All | Loop::None | Loop::Any | Loop::One => Some(Kind::Bool),
            Loop::Filter | Loop::Map | Loop::SortBy => Some(Kind::List),
            Loop::Count => Some(Kind::Number),
            Loop::GroupBy => Some(Kind::Map),
            _ => None,
        },
        _ => None,
    }
}

fn is_test(binary: Binary) -> bool {
    matches!(
        binary,
        Binary::Equal
            | Binary::NotEqual
            | Binary::Less
            | Binary::LessOrEqual
            | Binary::More
            | Binary::MoreOrEqual
            | Binary::In
            | Binary::Matches
            | Binary::Contains
            | Binary::StartsWith
            | Binary::EndsWith
    )
}

/// What `&&` and `||` come to if an operand is written out as `true` or `false`.
pub(crate) enum Folded<'n> {
    /// The whole is this truth value.
    Bool(bool),
    /// The whole is what this operand is, of whatever type, as in the reference.
    Operand(&'n Node),
}

/// `left op right` without what is known beforehand; `None` if nothing is.
pub(crate) fn fold<'n>(op: Binary, left: &'n Node, right: &'n Node) -> Option<Folded<'n>> {
    // `true` decides an `or`, `false` an `and`; the other one leaves it to the other operand.
    let decisive = match op {
        Binary::And => false,
        Binary::Or => true,
        _ => return None,
    };
    match (constant(left), constant(right)) {
        (Some(bool), _) | (_, Some(bool)) if bool == decisive => Some(Folded::Bool(decisive)),
        (Some(_), _) => Some(Folded::Operand(right)),
        (_, Some(_)) => Some(Folded::Operand(left)),
        (None, None) => None,
    }
}

/// The truth value that `node` always is.
pub(crate) fn constant(node: &Node) -> Option<bool> {
    match &node.kind {
        NodeKind::Literal(Value::Bool(bool)) => Some(*bool),
        NodeKind::Unary(Unary::Not, operand) => constant(operand).map(|bool| !bool),
        NodeKind::Binary(op @ (Binary::And | Binary::Or), left, right) => {
            let decisive = *op == Binary::Or;
            match (constant(left), constant(right)) {
                (Some(bool), _) | (_, Some(bool)) if bool == decisive => Some(decisive),
                (Some(_), Some(_)) => Some(!decisive),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether nil in the place of this list is an empty one. In the reference `sort` of no list, and a group that
/// `groupBy` did not make, are lists that are nil.
pub(crate) fn nil_is_empty(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Call { name, .. } => name.as_ref() == "sort",
        NodeKind::Chain(inner) => nil_is_empty(inner),
        NodeKind::Member { of, .. } => matches!(&of.kind, NodeKind::Loop { kind: Loop::GroupBy, .. }),
        _ => false,
    }
}

/// A `let` variable.
pub(crate) struct Local {
    pub(crate) name: Arc<str>,
    /// Whether its value is a map that [`has_any_keys`].
    pub(crate) any_keys: bool,
}

/// Whether keys of any type may be asked for in this map: `groupBy` and `fromPairs` make such maps, all others
/// have text keys, and asking for another is a mistake.
pub(crate) fn has_any_keys(node: &Node, locals: &[Local]) -> bool {
    match &node.kind {
        NodeKind::Loop { kind, .. } => *kind == Loop::GroupBy,
        NodeKind::Call { name, .. } => name.as_ref() == "fromPairs",
        NodeKind::Name(name) => {
            locals.iter().rev().find(|local| local.name == *name).is_some_and(|local| local.any_keys)
        }
        NodeKind::Chain(inner) => has_any_keys(inner, locals),
        NodeKind::Let { body, .. } => has_any_keys(body, locals),
        NodeKind::Sequence(nodes) => nodes.last().is_some_and(|last| has_any_keys(last, locals)),
        NodeKind::Binary(Binary::Coalesce, left, right) => {
            has_any_keys(left, locals) || has_any_keys(right, locals)
        }
        NodeKind::Conditional { then, otherwise, .. } => {
            then.as_ref().is_some_and(|then| has_any_keys(then, locals)) || has_any_keys(otherwise, locals)
        }
        _ => false,
    }
}

/// Whether `#index` of the loop that `body` belongs to is read in it.
pub(crate) fn reads_index(body: &Node) -> bool {
    match &body.kind {
        NodeKind::Pointer(pointer) => *pointer == Pointer::Index,
        // The body of a loop within has an index of its own.
        NodeKind::Loop { list, extra, .. } => {
            reads_index(list) || extra.as_ref().is_some_and(|extra| reads_index(extra))
        }
        kind => {
            let mut reads = false;
            kind.for_each_child(&mut |child| reads = reads || reads_index(child));
            reads
        }
    }
}
