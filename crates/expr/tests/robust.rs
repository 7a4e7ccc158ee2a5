//! No function, operator or method panics or runs away, whatever it is given.

use expr::{Context, Expression, Limits, Map, functions};

/// Values at the edges of what there is, each as an expression.
const ODD: [&str; 22] = [
    "nil",
    "true",
    "0",
    "-1",
    "64",
    "9223372036854775807",
    "(-9223372036854775807 - 1)",
    "2.5",
    "(0 / 0)",
    "(1 / 0)",
    "1e300",
    "''",
    "'é'",
    "'UTC'",
    "'2026-01-31'",
    "'((('",
    "[]",
    "[nil, 'a', [1]]",
    "{a: nil}",
    "date('9999-12-31')",
    "duration('2562047h')",
    "duration('1ns')",
];

const METHODS: [&str; 16] = [
    "Year", "Format", "Add", "Sub", "AddDate", "In", "Round", "Truncate", "Compare", "Hours", "Abs",
    "String", "Unix", "UnixNano", "Location", "Nothing",
];

const OPERATORS: [&str; 20] = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "..",
    "==",
    "!=",
    "<",
    ">=",
    "in",
    "not in",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
    "and",
    "or",
    "??",
];

fn run(source: &str) {
    let limits = Limits { fuel: 20_000, list_items: 1000, string_bytes: 10_000, ..Limits::default() };
    let scope = Map::new();
    let mut rng = types::SeededRng::from_u64(1);
    let mut context =
        Context::new(&scope, types::Timestamp::from_millis(i64::MAX), &mut rng).with_limits(&limits);
    // An answer or an error: both will do. Each is shown, since that must not fail either.
    match Expression::parse(source).and_then(|expression| expression.evaluate(&mut context)) {
        Ok(value) => drop((value.render(), value.json_len(), value.to_json())),
        Err(error) => drop(error.explain(source)),
    }
}

#[test]
fn functions_survive_odd_arguments() {
    let names =
        functions::GROUPS.iter().flat_map(|(_, functions)| functions.iter().map(|function| function.name));
    for name in names {
        for a in ODD {
            run(&format!("{name}({a})"));
            // Every third is enough here: most functions refuse the first argument already.
            for b in ODD.into_iter().step_by(3) {
                run(&format!("{name}({a}, {b})"));
            }
            run(&format!("{name}({a}, -1, {a})"));
            run(&format!("{name}('aé', {a}, 9223372036854775807)"));
            run(&format!("{name}('aé', '', {a}, -1)"));
        }
    }
}

#[test]
fn operators_survive_odd_operands() {
    for a in ODD {
        for b in ODD {
            for operator in OPERATORS {
                run(&format!("{a} {operator} {b}"));
            }
            run(&format!("({a})[{b}]"));
            run(&format!("({a})[{b}:{a}]"));
            run(&format!("({a})?.b?.[{b}]"));
            run(&format!("{a} ? {b} : 1"));
        }
        for unary in ["-", "+", "not "] {
            run(&format!("{unary}{a}"));
        }
    }
}

#[test]
fn methods_survive_odd_arguments() {
    for of in ODD {
        for method in METHODS {
            run(&format!("({of}).{method}()"));
            for a in ODD.into_iter().step_by(2) {
                run(&format!("({of}).{method}({a})"));
                run(&format!("({of}).{method}({a}, {a}, {a})"));
            }
        }
    }
}

#[test]
fn loops_survive_odd_lists_and_bodies() {
    for kind in functions::LOOPS.iter().map(|kind| kind.name) {
        for list in ODD {
            for body in ODD.into_iter().chain(["#", "#acc", "#index", ".a", "# + #acc", "[#acc, #acc]"]) {
                run(&format!("{kind}(({list}), {body})"));
                run(&format!("{kind}([{list}, 1, 2], {body}, {list})"));
            }
        }
    }
}
