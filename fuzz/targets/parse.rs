//! Reading, checking and completing expressions and templates: no text makes it panic, what was printed reads as it
//! was printed, and what an editor is told lies within the text.

#![no_main]

use expr::{
    ErrorKind, Expression, Shape, Template, Value, check as check_expression, check_template, complete,
    complete_template,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    match Expression::canonical(source) {
        Ok(canonical) => match Expression::canonical(&canonical) {
            Ok(again) => assert_eq!(again, canonical, "{source}"),
            // The form may be longer than the source, if that was at the limit.
            Err(error) => assert_eq!(error.kind, ErrorKind::Limit, "{source} became {canonical}: {error}"),
        },
        Err(error) => check(source, &error),
    }
    match Expression::parse(source) {
        Ok(expression) => {
            for reference in expression.references() {
                assert!(!source[reference.span.clone()].is_empty());
            }
        }
        Err(error) => check(source, &error),
    }
    match Template::parse(source) {
        Ok(template) => {
            assert_eq!(template.source(), source);
            for reference in template.references() {
                assert!(!source[reference.span.clone()].is_empty());
            }
        }
        Err(error) => check(source, &error),
    }
    editor(source);
});

/// What an editor asks, at some places of the source.
fn editor(source: &str) {
    let env = Shape::of(&Value::from_iter([
        ("inputs", Value::from_iter([("age", 1i64)])),
        ("now", Value::from(1i64)),
    ]));
    for problem in check_expression(source, &env).into_iter().chain(check_template(source, &env)) {
        assert!(
            problem.span.start <= problem.span.end && problem.span.end <= source.len(),
            "{:?}",
            problem.span
        );
        assert!(problem.explain(source).starts_with(&problem.message));
    }
    for position in [0, source.len() / 2, source.len()] {
        for completion in [complete(source, position, &env), complete_template(source, position, &env)] {
            assert!(source.get(completion.span).is_some());
        }
    }
}

/// An error is about a part of the source, and can be shown.
fn check(source: &str, error: &expr::Error) {
    assert!(error.span.start <= error.span.end && error.span.end <= source.len(), "{:?}", error.span);
    assert!(error.explain(source).starts_with(&error.message));
}
