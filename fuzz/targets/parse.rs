//! Reading expressions and templates: no text makes it panic, and what was printed reads as it was printed.

#![no_main]

use expr::{ErrorKind, Expression, Template};
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
});

/// An error is about a part of the source, and can be shown.
fn check(source: &str, error: &expr::Error) {
    assert!(error.span.start <= error.span.end && error.span.end <= source.len(), "{:?}", error.span);
    assert!(error.explain(source).starts_with(&error.message));
}
