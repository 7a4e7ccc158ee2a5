//! What an editor may offer inside the expressions of a document.

const DOCUMENT: &str = "
inputs:
  count: {type: number, required: true}
  since: {type: date}
workflow:
  - section: Steps
    steps:
      - {id: fetch, action: internal.print, inputs: {text: a}}
      - id: each
        action: internal.for
        inputs: {list: '{{ steps.fetch.output }}', variable_name: alert}
        steps:
          - id: note
            action: internal.SetVariables
            inputs: {Variables: [{Name: worst, Type: Text, Value: '{{ variables.alert }}'}]}
";

/// What may follow the expression, as text and type.
fn check(source: &str, expected: &[(&str, &str)]) {
    let scopes = workflow::parse(DOCUMENT).document.expect("the document can be read").scopes();
    let completion = expr::complete(source, source.len(), &scopes);
    let candidates = completion.candidates.iter().map(|it| (it.text.as_str(), it.detail.as_str()));
    assert_eq!(candidates.collect::<Vec<_>>(), expected, "{source}");
}

#[test]
fn inputs_steps_and_variables_are_offered() {
    check("inputs.", &[("count", "number"), ("since", "any")]);
    check(
        "steps.",
        &[("fetch", "map or nil"), ("each", "map or nil"), ("note", "map or nil"), ("last", "map or nil")],
    );
    check("steps.each.in", &[("index", "int or nil")]);
    check("variables.", &[("alert", "any"), ("worst", "any")]);
    check("metadata.exec", &[("execution_id", "text"), ("execution_url", "text")]);
    check("event?.", &[("payload", "any")]);
}
