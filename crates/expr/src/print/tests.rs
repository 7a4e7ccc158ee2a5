//! What is printed reads as the tree that was printed.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use regex::Regex;

use super::print;
use crate::ast::{Binary, Loop, Node, NodeKind, Pointer, Unary};
use crate::lexer::{Stop, lex};
use crate::limits::SOURCE_DEPTH_MAX;
use crate::value::Value;
use crate::{Error, ErrorKind, Expression, parser};

fn read(source: &str) -> Result<Node, Error> {
    parser::parse(&lex(source, 0, Stop::End)?.0)
}

/// A tree without its spans, as text: unlike `==` this tells `1` from `1.0`.
fn shape(node: &Node) -> String {
    static SPANS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"span: [0-9]+\.\.[0-9]+").unwrap());
    SPANS.replace_all(&format!("{node:?}"), "").into_owned()
}

#[track_caller]
fn check(source: &str, canonical: &str) {
    assert_eq!(Expression::canonical(source).as_deref(), Ok(canonical), "{source}");
    assert_eq!(shape(&read(canonical).unwrap()), shape(&read(source).unwrap()), "{source}");
}

#[test]
fn only_the_parentheses_that_are_needed_are_kept() {
    check("((1)) + (2 * 3)", "1 + 2 * 3");
    check("(1+2)*3", "(1 + 2) * 3");
    check("1 - (2 - 3) - 4", "1 - (2 - 3) - 4");
    check("2 ** (3 ** 4)", "2 ** 3 ** 4");
    check("(2 ^ 3) ^ 4", "(2 ** 3) ** 4");
    check("(-a) ** 2 + -a ** 2", "(-a) ** 2 + -a ** 2");
    check("2 ** -1 * 3", "2 ** -1 * 3");
    check("2 ** (-1) ** 3", "2 ** (-1) ** 3");
    check("a * (not b) * c", "a * (not b) * c");
    check("!(a && b) || !c", "not (a and b) or not c");
    check("not (a in b)", "a not in b");
    check("(a < b) < c == (d < e < f)", "(a < b) < c == (d < e < f)");
    check("(a ?? b) + (c ?? d)", "(a ?? b) + c ?? d");
    check("(a ?: b) ? (c ? d : e) : (f ? g : h)", "(a ?: b) ? c ? d : e : f ? g : h");
    check("- - a + +b", "--a + +b");
}

#[test]
fn members_elements_and_chains_stay_what_they_are() {
    check("a['b'].c[\"d e\"]['1']", "a.b.c[\"d e\"][\"1\"]");
    check("(a?.b).c?.['d']['e']", "a?.b.c?.[\"d\"][\"e\"]");
    check("a?.[0]?.b(1, c)", "a?.[0]?.b(1, c)");
    check("(1)[0] + ('a')[0] + (-a).b", "(1)[0] + \"a\"[0] + (-a).b");
    check("a[(1):][:b][1:2]", "a[1:][:b][1:2]");
    check("a.not.in?.let", "a.not.in?.let");
}

#[test]
fn loops_have_braces_where_they_need_them() {
    check("map(xs, {#})", "map(xs, #)");
    check("map(xs, {{a: .b}})", "map(xs, {{a: .b}})");
    check("map(xs, {{a: 1}.a == #})", "map(xs, {{a: 1}.a == #})");
    check("map(xs, {let a = #; a})", "map(xs, {let a = #; a})");
    check("xs | filter(#.a > 1,) | map({.b}) | len()", "xs | filter(.a > 1) | map(.b) | len()");
    check("(xs | first()).a + (xs | count(# > 1))", "first(xs).a + count(xs, # > 1)");
    check("reduce(xs, #acc + # * #index, 0)", "reduce(xs, #acc + # * #index, 0)");
    check("sum(xs) + (xs | sum()) | string()", "sum(xs) + sum(xs) | string()");
}

#[test]
fn what_ends_in_a_variable_is_set_apart_from_what_follows() {
    check("let a = (let b = 1; b); a", "let a = (let b = 1; b); a");
    check("(let a = 1; a); 2", "(let a = 1; a); 2");
    check("c ? 1 : (let a = 2; a)", "c ? 1 : let a = 2; a");
    check("(c ? 1 : (let a = 2; a)); 3", "c ? 1 : (let a = 2; a); 3");
    check("let a = 1; (b; c)", "let a = 1; b; c");
    check("f((a; b), [let c = 1; c])", "f((a; b), [let c = 1; c])");
    check("a;", "a;");
}

#[test]
fn conditions_stay_as_they_were_written() {
    check("if(a){b}else if c{d; e}else{f}", "if a { b } else if c { d; e } else { f }");
    check("(if a {b} else {c}) + 1", "(if a { b } else { c }) + 1");
    check("(if a {b} else {c}) ? 1 : 2", "(if a { b } else { c }) ? 1 : 2");
}

#[test]
fn literals_have_one_form() {
    check("0x1F + 1_000 + .5 + 1e3 + 1e300", "31 + 1000 + 0.5 + 1000.0 + 1e300");
    check("'a\"b' + \"it's\" + `\\n` + '\\x41\\u0007'", "'a\"b' + \"it's\" + \"\\\\n\" + \"A\\u0007\"");
    check(
        "{'a': 1, b: 2, 3: 4, 'not': 5, (c): 6, 'd e': 7}",
        "{a: 1, b: 2, \"3\": 4, \"not\": 5, (c): 6, \"d e\": 7}",
    );
    check("(1 .. 3) == (1+1)..n", "1..3 == 1 + 1 .. n");
    check("null /* nothing */ ?? 1 // one", "nil ?? 1");
    check("::len(x) + (x | true())", "len(x) + ::true(x)");
}

#[test]
fn every_row_of_the_data_reads_as_it_was() {
    let mut count = 0;
    for name in ["generated.tsv", "scopes.tsv"] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        for row in std::fs::read_to_string(path).unwrap().lines() {
            let source = row.split('\t').next().unwrap();
            let Ok(tree) = read(source) else { continue };
            let printed = print(&tree);
            let again =
                read(&printed).unwrap_or_else(|error| panic!("{source}: {}", error.explain(&printed)));
            assert_eq!(shape(&again), shape(&tree), "{source} became {printed}");
            assert_eq!(print(&again), printed);
            assert!(
                printed.matches('(').count() <= source.matches(['(', '|']).count(),
                "{source}: {printed}"
            );
            count += 1;
        }
    }
    assert!(count > 15_000, "{count}");
}

const NAMES: [&str; 6] = ["a", "b1", "$env", "größe", "_x", "mapped"];
const TEXTS: [&str; 10] =
    ["", "a", "d e", "1", "not", "it's \"so\"", "\\n\n\t\0", "}}", "é\u{2028}", "\u{1F600}"];
const BINARY: [Binary; 21] = [
    Binary::Or,
    Binary::And,
    Binary::Coalesce,
    Binary::Equal,
    Binary::NotEqual,
    Binary::Less,
    Binary::LessOrEqual,
    Binary::More,
    Binary::MoreOrEqual,
    Binary::In,
    Binary::Matches,
    Binary::Contains,
    Binary::StartsWith,
    Binary::EndsWith,
    Binary::Range,
    Binary::Add,
    Binary::Subtract,
    Binary::Multiply,
    Binary::Divide,
    Binary::Modulo,
    Binary::Power,
];

fn node(kind: NodeKind) -> Node {
    Node::new(kind, 0..0)
}

fn name() -> impl Strategy<Value = Arc<str>> {
    prop::sample::select(&NAMES[..]).prop_map(Arc::from)
}

fn text() -> impl Strategy<Value = Arc<str>> {
    prop::sample::select(&TEXTS[..]).prop_map(Arc::from)
}

/// What has no children. Pointers stand in loops only; the trees are put into one.
fn leaf() -> impl Strategy<Value = Node> {
    prop_oneof![
        Just(NodeKind::Literal(Value::Nil)),
        any::<bool>().prop_map(|bool| NodeKind::Literal(bool.into())),
        (0..=i64::MAX).prop_map(|int| NodeKind::Literal(int.into())),
        (0.0..=f64::MAX).prop_map(|float| NodeKind::Literal(float.into())),
        prop::sample::select(vec![0.5, 1.0, 1e16, 1e-7]).prop_map(|float| NodeKind::Literal(float.into())),
        text().prop_map(|text| NodeKind::Literal(text.into())),
        name().prop_map(NodeKind::Name),
        prop::sample::select(vec![Pointer::Item, Pointer::Index, Pointer::Accumulator])
            .prop_map(NodeKind::Pointer),
    ]
    .prop_map(node)
}

/// `of` with a member, as the parser joins it to the chain before it.
fn member(of: Node, make: impl FnOnce(Box<Node>) -> NodeKind, optional: bool) -> Node {
    let (of, chained) = match of.kind {
        NodeKind::Chain(inner) => (inner, true),
        _ => (Box::new(of), false),
    };
    let member = node(make(of));
    if chained || optional { node(NodeKind::Chain(Box::new(member))) } else { member }
}

/// `of` with an element, which joins no chain. A text that is a name would be written as a member.
fn element(of: Node, property: Node, optional: bool) -> Node {
    let element = node(NodeKind::Member { of: Box::new(of), property: Box::new(property), optional });
    if optional { node(NodeKind::Chain(Box::new(element))) } else { element }
}

/// A comparison, as the parser makes one of a chain of orderings.
fn comparison(first: Node, mut rest: Vec<(Binary, Node)>) -> Node {
    match (rest.pop(), rest.is_empty()) {
        (Some((binary, right)), true) => node(NodeKind::Binary(binary, Box::new(first), Box::new(right))),
        (last, _) => {
            rest.extend(last);
            node(NodeKind::Comparison(Box::new(first), rest))
        }
    }
}

fn loops() -> impl Strategy<Value = Loop> {
    prop::sample::select(Loop::ALL.to_vec()).prop_map(|(_, kind)| kind)
}

/// A loop of that kind, with what it takes of the rest, written with `|` or not.
fn repeat(kind: Loop, list: Node, body: Option<Node>, extra: Option<Node>, piped: bool) -> Node {
    let body =
        if kind.body_is_optional() { body } else { body.or(Some(node(NodeKind::Pointer(Pointer::Item)))) };
    let extra = extra.filter(|_| kind.takes_extra()).map(Box::new);
    let kind = NodeKind::Loop { kind, list: Box::new(list), body: body.map(Box::new), extra };
    let span = if piped { 0..1 } else { 0..0 };
    Node::new(kind, span)
}

fn conditional(mut condition: Node, then: Option<Node>, otherwise: Node, with_if: bool) -> Node {
    // The spans tell how it was written.
    condition.span = if with_if { 1..1 } else { 0..0 };
    let kind = NodeKind::Conditional {
        condition: Box::new(condition),
        then: then.map(Box::new),
        otherwise: Box::new(otherwise),
    };
    Node::new(kind, 0..1)
}

fn tree(depth: u32, size: u32) -> impl Strategy<Value = Node> {
    leaf().prop_recursive(depth, size, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let orderings = prop::sample::select(vec![Binary::Less, Binary::LessOrEqual, Binary::More, Binary::MoreOrEqual]);
        let several = || prop::collection::vec(inner.clone(), 0..4);
        let maybe = || prop::option::of(inner.clone());
        let key = prop_oneof![text().prop_map(|text| node(NodeKind::Literal(text.into()))), inner.clone()];
        prop_oneof![
            3 => (prop::sample::select(&BINARY[..]), boxed(), boxed())
                .prop_map(|(binary, left, right)| node(NodeKind::Binary(binary, left, right))),
            2 => (prop::sample::select(vec![Unary::Not, Unary::Negate, Unary::Plus]), boxed())
                .prop_map(|(unary, operand)| node(NodeKind::Unary(unary, operand))),
            1 => (inner.clone(), prop::collection::vec((orderings, inner.clone()), 1..4))
                .prop_map(|(first, rest)| comparison(first, rest)),
            1 => several().prop_map(|nodes| node(NodeKind::List(nodes))),
            1 => prop::collection::vec((key, inner.clone()), 0..3).prop_map(|pairs| node(NodeKind::Map(pairs))),
            1 => (inner.clone(), maybe(), inner.clone(), any::<bool>())
                .prop_map(|(condition, then, otherwise, with_if)| conditional(condition, then, otherwise, with_if)),
            2 => (inner.clone(), name(), any::<bool>()).prop_map(|(of, name, optional)| {
                let property = Box::new(node(NodeKind::Literal(name.into())));
                member(of, |of| NodeKind::Member { of, property, optional }, optional)
            }),
            1 => (inner.clone(), name(), several(), any::<bool>()).prop_map(|(of, name, arguments, optional)| {
                member(of, |of| NodeKind::Method { of, name, arguments, optional }, optional)
            }),
            2 => (inner.clone(), inner.clone(), any::<bool>())
                .prop_map(|(of, property, optional)| element(of, property, optional)),
            1 => (boxed(), prop::option::of(boxed()), prop::option::of(boxed()))
                .prop_map(|(of, from, to)| node(NodeKind::Slice { of, from, to })),
            1 => (name(), several(), any::<bool>()).prop_map(|(name, arguments, piped)| {
                let name_span = if piped { 1..1 } else { 0..0 };
                node(NodeKind::Call { name, name_span, arguments })
            }),
            2 => (loops(), inner.clone(), maybe(), maybe(), any::<bool>())
                .prop_map(|(kind, list, body, extra, piped)| repeat(kind, list, body, extra, piped)),
            1 => (name(), boxed(), boxed())
                .prop_map(|(name, value, body)| node(NodeKind::Let { name, name_span: 0..0, value, body })),
            1 => prop::collection::vec(inner.clone(), 2..4).prop_map(|nodes| node(NodeKind::Sequence(nodes))),
        ]
    })
}

/// Holds that `tree` reads as it was printed, unless that is nested more deeply than a source may be.
fn reads_as_it_was(tree: Node) -> Result<(), TestCaseError> {
    prop_assume!(tree.depth < SOURCE_DEPTH_MAX);
    let tree = repeat(Loop::Map, node(NodeKind::Name("xs".into())), Some(tree), None, false);
    let printed = print(&tree);
    match read(&printed) {
        Ok(again) => {
            prop_assert_eq!(shape(&again), shape(&tree), "{}", printed);
            prop_assert_eq!(print(&again), printed);
        }
        Err(error) => prop_assert_eq!(error.kind, ErrorKind::Limit, "{}", error.explain(&printed)),
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_tree_reads_as_it_was(tree in tree(4, 24)) {
        reads_as_it_was(tree)?;
    }

    #[test]
    fn deep_trees_read_as_they_were(tree in tree(24, 200)) {
        reads_as_it_was(tree)?;
    }
}
