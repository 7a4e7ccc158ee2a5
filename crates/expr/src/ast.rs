//! The tree of an expression. Every node knows the bytes it stands on and how deep the tree below it is,
//! since whoever walks it by recursion must know that the stack is deep enough.

use std::ops::Range;
use std::sync::Arc;

use crate::value::Value;

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) span: Range<usize>,
    /// Levels of the tree from here down, this one counted.
    pub(crate) depth: usize,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NodeKind {
    /// A literal.
    Literal(Value),
    /// A root, a `let` variable or `$env`.
    Name(Arc<str>),
    /// `#`, `#acc`, `#index` or the nothing before `.field`: something of the innermost loop.
    Pointer(Pointer),
    /// `[a, b]`.
    List(Vec<Node>),
    /// `{key: value}`; the keys are nodes because `(expression)` may be one.
    Map(Vec<(Node, Node)>),
    /// `-a`.
    Unary(Unary, Box<Node>),
    /// `a + b`.
    Binary(Binary, Box<Node>, Box<Node>),
    /// `a < b <= c`: every neighbouring pair holds. Each operand is evaluated once.
    Comparison(Box<Node>, Vec<(Binary, Node)>),
    /// `condition ? then : otherwise`; without `then` the condition's value stands for it (`a ?: b`).
    Conditional { condition: Box<Node>, then: Option<Box<Node>>, otherwise: Box<Node> },
    /// `of.property`, `of[property]`, with `?.` if `optional`.
    Member { of: Box<Node>, property: Box<Node>, optional: bool },
    /// `of.name(arguments)`.
    Method { of: Box<Node>, name: Arc<str>, arguments: Vec<Node>, optional: bool },
    /// Where a `?.` that met nil inside leads: the whole of it is nil then.
    Chain(Box<Node>),
    /// `of[from:to]`.
    Slice { of: Box<Node>, from: Option<Box<Node>>, to: Option<Box<Node>> },
    /// `name(arguments)`.
    Call { name: Arc<str>, name_span: Range<usize>, arguments: Vec<Node> },
    /// `filter(list, body)`: a function whose second argument is evaluated for each element.
    Loop { kind: Loop, list: Box<Node>, body: Option<Box<Node>>, extra: Option<Box<Node>> },
    /// `let name = value; body`.
    Let { name: Arc<str>, name_span: Range<usize>, value: Box<Node>, body: Box<Node> },
    /// `a; b`: the last one's value.
    Sequence(Vec<Node>),
}

/// What of the innermost loop is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pointer {
    /// The element.
    Item,
    /// The element's index.
    Index,
    /// What `reduce` has so far.
    Accumulator,
}

/// An operator before its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Not,
    Negate,
    Plus,
}

/// An operator between its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Or,
    And,
    Coalesce,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    In,
    Matches,
    Contains,
    StartsWith,
    EndsWith,
    Range,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

impl Binary {
    /// Whether it is one of those that make chains: `a < b <= c`.
    pub(crate) fn is_ordering(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual | Self::More | Self::MoreOrEqual)
    }

    /// The operator as it is written, in its symbol's form.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Coalesce => "??",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::More => ">",
            Self::MoreOrEqual => ">=",
            Self::In => "in",
            Self::Matches => "matches",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Range => "..",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Power => "**",
        }
    }
}

/// A function that evaluates its second argument for each element of its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loop {
    All,
    None,
    Any,
    One,
    Filter,
    Map,
    Count,
    Sum,
    Find,
    FindIndex,
    FindLast,
    FindLastIndex,
    GroupBy,
    /// `keys(groupBy(…))`: the keys of a map are text, those of groups are of any type.
    GroupKeys,
    /// `toPairs(groupBy(…))`, for the same reason.
    GroupPairs,
    SortBy,
    Reduce,
}

impl Loop {
    /// Every one that can be written, with its name.
    pub(crate) const ALL: [(&'static str, Self); 15] = [
        ("all", Self::All),
        ("none", Self::None),
        ("any", Self::Any),
        ("one", Self::One),
        ("filter", Self::Filter),
        ("map", Self::Map),
        ("count", Self::Count),
        ("sum", Self::Sum),
        ("find", Self::Find),
        ("findIndex", Self::FindIndex),
        ("findLast", Self::FindLast),
        ("findLastIndex", Self::FindLastIndex),
        ("groupBy", Self::GroupBy),
        ("sortBy", Self::SortBy),
        ("reduce", Self::Reduce),
    ];

    /// The one of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(other, _)| *other == name).map(|(_, kind)| kind)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        if matches!(self, Self::GroupKeys | Self::GroupPairs) {
            return "groupBy";
        }
        Self::ALL.into_iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Whether the body may be left out: `count(list)`.
    pub(crate) fn body_is_optional(self) -> bool {
        matches!(self, Self::Count | Self::Sum)
    }

    /// Whether a third argument may follow: an order, a first accumulator.
    pub(crate) fn takes_extra(self) -> bool {
        matches!(self, Self::SortBy | Self::Reduce)
    }
}

impl Node {
    /// A node on the bytes `span`; its depth follows from its children.
    pub(crate) fn new(kind: NodeKind, span: Range<usize>) -> Self {
        let mut below = 0;
        kind.for_each_child(&mut |child| below = below.max(child.depth));
        Self { kind, span, depth: below + 1 }
    }
}

impl NodeKind {
    /// Calls `visit` with every child, in the order of the text.
    pub(crate) fn for_each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Node)) {
        match self {
            Self::Literal(_) | Self::Name(_) | Self::Pointer(_) => {}
            Self::List(nodes) | Self::Sequence(nodes) | Self::Call { arguments: nodes, .. } => {
                nodes.iter().for_each(visit);
            }
            Self::Map(pairs) => {
                for (key, value) in pairs {
                    visit(key);
                    visit(value);
                }
            }
            Self::Unary(_, node) | Self::Chain(node) => visit(node),
            Self::Binary(_, left, right) => {
                visit(left);
                visit(right);
            }
            Self::Comparison(first, rest) => {
                visit(first);
                rest.iter().for_each(|(_, node)| visit(node));
            }
            Self::Conditional { condition, then, otherwise } => {
                visit(condition);
                then.iter().for_each(|node| visit(node));
                visit(otherwise);
            }
            Self::Member { of, property, .. } => {
                visit(of);
                visit(property);
            }
            Self::Method { of, arguments, .. } => {
                visit(of);
                arguments.iter().for_each(visit);
            }
            Self::Slice { of, from, to } => {
                visit(of);
                from.iter().chain(to).for_each(|node| visit(node));
            }
            Self::Loop { list, body, extra, .. } => {
                visit(list);
                body.iter().chain(extra).for_each(|node| visit(node));
            }
            Self::Let { value, body, .. } => {
                visit(value);
                visit(body);
            }
        }
    }
}
