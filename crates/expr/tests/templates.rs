//! Templates: what is an expression in them, what is kept, and what type comes out.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may

use expr::{Context, Map, Template, Value};
use proptest::prelude::*;
use serde_json::json;

fn scope() -> Map {
    let inputs = json!({
        "name": "Ann",
        "age": 42,
        "score": 7.5,
        "million": 1e6,
        "tags": ["a", "b"],
        "nothing": null,
    });
    Map::from_iter([("inputs".into(), Value::from(inputs))])
}

fn render(source: &str) -> Result<Value, String> {
    let scope = scope();
    let mut rng = types::SeededRng::from_u64(1);
    let now = types::Timestamp::from_millis(1_767_323_045_000);
    let template = Template::parse(source).map_err(|error| error.explain(source))?;
    template.render(&mut Context::new(&scope, now, &mut rng)).map_err(|error| error.explain(source))
}

#[track_caller]
fn check(source: &str, wanted: impl Into<Value>) {
    let (value, wanted) = (render(source).unwrap(), wanted.into());
    assert_eq!(value, wanted, "{source}");
    assert_eq!(value.type_name(), wanted.type_name(), "{source}");
}

#[test]
fn a_sole_expression_keeps_its_type() {
    check("{{ inputs.age }}", 42);
    check("  {{inputs.age}}\n", 42);
    check("{{ inputs.tags }}", Value::from_iter(["a", "b"]));
    check("{{ inputs.missing }}", Value::Nil);
    check("{{ inputs.age > 18 }}", true);
    check("{{ inputs.score }}", 7.5);
}

#[test]
fn mixed_text_is_text() {
    check("Hello {{ inputs.name }}!", "Hello Ann!");
    check("{{ inputs.age }}{{ inputs.age }}", "4242");
    check("x {{ inputs.tags }} {{ inputs.nothing }}|", r#"x ["a","b"] |"#);
    check("{{ inputs.score }}/{{ inputs.million }}/{{ true }}", "7.5/1000000/true");
    check("at {{ now() }}, {{ duration(\"90m\") }}", "at 2026-01-02T03:04:05Z, 1h30m0s");
    check("{{ {name: inputs.name} }}.", r#"{"name":"Ann"}."#);
}

#[test]
fn braces_inside_an_expression_do_not_end_it() {
    check("{{ {\"a\": 1}.a }}", 1);
    check("{{ {\"a\": {\"b\": 2}}}}", Value::from(json!({"a": {"b": 2}})));
    check("{{ map(inputs.tags, {{id: #}}) }}", Value::from(json!([{"id": "a"}, {"id": "b"}])));
    check("{{ \"}}\" }}", "}}");
    check("{{ '{{' + `}}` }} {{ 1 }}", "{{}} 1");
    check("{{ if inputs.age > 1 { \"a\" } else { \"b\" }}}", "a");
}

#[test]
fn text_without_an_expression_is_kept() {
    for text in ["", "plain", "{ a }", "}}", "{ {a} }", "é\r\n\t", "$name {0}"] {
        check(text, text);
        assert!(!Template::parse(text).unwrap().has_expressions());
    }
}

#[test]
fn errors_tell_their_place_in_the_template() {
    insta::assert_snapshot!(render("Hello {{ inputs.name").unwrap_err(), @r"
    this `{{` is never closed (line 1, column 7)
    1 | Hello {{ inputs.name
              ^^^^^^^^^^^^^^
        an expression ends with `}}`
    ");
    insta::assert_snapshot!(render("a: 1\nb: {{ inputs.name contians 'x' }}").unwrap_err(), @r"
    expected the end of the expression, found `contians` (line 2, column 19)
    2 | b: {{ inputs.name contians 'x' }}
                          ^^^^^^^^
        did you mean `contains`?
    ");
    insta::assert_snapshot!(render("{{ }}").unwrap_err(), @r"
    expected a value, the expression ends (line 1, column 4)
    1 | {{ }}
           ^
    ");
    insta::assert_snapshot!(render("x {{ inputs.missing.deep }}").unwrap_err(), @r"
    cannot read `deep` of nil (line 1, column 6)
    1 | x {{ inputs.missing.deep }}
             ^^^^^^^^^^^^^^^^^^^
        if it may be missing, write `?.deep`
    ");
}

#[test]
fn references_tell_what_a_template_reads() {
    let source = "{{ steps[\"S1\"].output[0].x }} and {{ let a = inputs?.b; a.c + $env.d }}";
    let references = Template::parse(source).unwrap().references();
    let shown: Vec<_> =
        references.iter().map(|r| format!("{} <- {}", r.path.join("/"), &source[r.span.clone()])).collect();
    assert_eq!(shown, ["steps/S1/output <- steps[\"S1\"].output", "inputs/b <- inputs?.b", "d <- $env.d"]);
}

proptest! {
    #[test]
    fn a_text_without_braces_renders_as_itself(text in "[^{]*") {
        prop_assert_eq!(render(&text).unwrap(), Value::from(text.as_str()));
    }

    #[test]
    fn no_text_makes_the_template_reader_panic(text in "(\\{\\{|\\}\\}|[ a.'\"`{}\\[\\]()#?:|+1é])*") {
        let _ = render(&text);
    }
}
