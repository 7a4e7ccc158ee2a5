//! The examples of docs/expressions.md give what the page says.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may

use expr::{Context, Expression, Map, Value};

const GUIDE: &str = include_str!("../../../docs/expressions.md");

/// The fenced blocks of that language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    GUIDE.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

fn evaluate(source: &str, scope: &Map) -> Result<Value, expr::Error> {
    let mut rng = types::SeededRng::from_u64(1);
    let now = types::Timestamp::from_millis(1_767_323_045_000);
    Expression::parse(source)?.evaluate(&mut Context::new(scope, now, &mut rng))
}

#[test]
fn every_example_gives_what_the_page_says() {
    let Value::Map(scope) = serde_json::from_str(blocks("json")[0]).unwrap() else {
        panic!("no environment")
    };
    let examples: Vec<(&str, &str)> = blocks("expr")
        .into_iter()
        .flat_map(str::lines)
        .map(|line| line.rsplit_once(" // ").unwrap_or_else(|| panic!("no result: {line}")))
        .collect();
    assert!(examples.len() > 50, "only {} examples were found", examples.len());
    for (source, wanted) in examples {
        match (evaluate(source, &scope), wanted.strip_prefix("error: ")) {
            (Ok(value), None) => {
                let wanted = evaluate(wanted, &Map::new()).unwrap();
                // The types too: `1` is not `1.0` here.
                assert_eq!(format!("{value:?}"), format!("{wanted:?}"), "{source}");
            }
            (Err(error), Some(wanted)) => assert_eq!(error.message, wanted, "{source}"),
            (Ok(value), Some(_)) => panic!("`{source}` gives {}", value.render()),
            (Err(error), None) => panic!("{}", error.explain(source)),
        }
    }
}

#[test]
fn the_limits_are_those_of_the_page() {
    let mib = 1024 * 1024;
    let rows = [
        format!("| an expression | {} KiB |", expr::limits::SOURCE_BYTES_MAX / 1024),
        format!("| a template | {} MiB |", expr::limits::TEMPLATE_BYTES_MAX / mib),
        format!("| brackets and operands inside one another | {} |", expr::limits::SOURCE_NESTING_MAX),
        format!("| text, lists and maps made | {} MiB |", expr::limits::MEMORY_BYTES_MAX / mib),
        format!("| one text made | {} MiB |", expr::limits::STRING_BYTES_MAX / mib),
        format!("| a compiled regular expression | {} MiB |", expr::limits::REGEX_BYTES_MAX / mib),
    ];
    for row in rows {
        assert!(GUIDE.contains(&row), "{row}");
    }
}
