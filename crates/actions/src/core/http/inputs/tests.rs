use serde_json::json;

use super::*;

fn parse(inputs: Json) -> Result<Inputs, ActionError> {
    let map = inputs.as_object().unwrap().clone();
    Inputs::parse(&map).map(|(inputs, _)| inputs)
}

/// What a request with these inputs sends: query, headers, content type, body.
fn check(mut inputs: Json, expected: &str) {
    inputs["url"] = json!("http://x/");
    let shown = match parse(inputs.clone()) {
        Err(error) => error.message,
        Ok(inputs) => {
            let query: Vec<String> =
                inputs.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let headers = inputs.headers.iter();
            let headers: Vec<String> =
                headers.map(|(name, value)| format!("{name}:{}", value.to_str().unwrap())).collect();
            let body = inputs.body.map(|(bytes, kind)| {
                format!("{} {}", kind.to_str().unwrap(), String::from_utf8_lossy(&bytes))
            });
            [Some(query.join("&")), Some(headers.join(",")), body]
                .into_iter()
                .flatten()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" | ")
        }
    };
    assert_eq!(shown, expected, "{inputs}");
}

#[test]
fn a_query_comes_in_many_shapes() {
    check(
        json!({"query": {"a": 1, "b": ["x", "y"], "c": null, "d": true, "e": {"f": 1}}}),
        r#"a=1&b=x&b=y&d=true&e={"f":1}"#,
    );
    check(
        json!({"params": [{"key": "a", "value": "1"}, {"name": "b", "value": 2}, ["c", "3"]]}),
        "a=1&b=2&c=3",
    );
    check(json!({"Query Params": "?a=1&b=%20x"}), "a=1&b= x");
    check(json!({"query": "{\"a\": [1, 2]}"}), "a=1&a=2");
    check(json!({"query": 7}), "input `query` must be a map or a list of `{key, value}`, not a number");
    check(json!({"query": [7]}), "input `query` must be a map or a list of `{key, value}`, not a number");
}

#[test]
fn headers_come_in_many_shapes_and_some_are_the_clients_own() {
    check(json!({"headers": {"X-A": "1", "Accept": ["a", "b"]}}), "x-a:1,accept:a,accept:b");
    check(json!({"headers": [{"key": "X-A", "value": " 1 "}]}), "x-a:1");
    check(json!({"headers": "X-A: 1\n\nX-B: b:c"}), "x-a:1,x-b:b:c");
    check(json!({"headers": "X-A 1"}), "line 1 of input `headers` is not `name: value`");
    check(
        json!({"headers": {"X-A": "a\nb"}}),
        "the value of header `x-a` holds a line break or control character",
    );
    check(json!({"headers": {"X A": "1"}}), "`X A` is not the name of a header");
    for name in ["Host", "content-length", "Transfer-Encoding", "Connection"] {
        let expected = format!("header `{}` is set by the client and not by a step", name.to_lowercase());
        check(json!({"headers": {name: "1"}}), &expected);
    }
}

#[test]
fn a_body_is_sent_as_what_it_is() {
    check(json!({"body": {"a": 1}}), r#"application/json {"a":1}"#);
    check(json!({"body": [1]}), "application/json [1]");
    check(json!({"body": 7}), "application/json 7");
    check(json!({"body": "{\"a\": 1}"}), r#"application/json {"a": 1}"#);
    check(json!({"body": "{a"}), "text/plain; charset=utf-8 {a");
    check(json!({"body": "<a/>", "content_type": "text/xml"}), "text/xml <a/>");
    check(
        json!({"body": {"a b": "c&d", "e": [1, 2]}, "contentType": FORM}),
        "application/x-www-form-urlencoded a+b=c%26d&e=1&e=2",
    );
    check(
        json!({"body": {"encoding": "base64", "content_type": "image/png", "data": "aGk="}}),
        "image/png hi",
    );
    check(json!({"body": ""}), "");
    check(json!({"body": null}), "");
}

#[test]
fn switches_and_numbers_are_read_in_every_spelling() {
    let insecure = |inputs: Json| parse(inputs).unwrap().insecure;
    assert!(!insecure(json!({"url": "x"})));
    assert!(insecure(json!({"url": "x", "insecure": true})));
    assert!(insecure(json!({"url": "x", "Skip TLS Verification": "yes"})));
    assert!(insecure(json!({"url": "x", "verify_ssl": "False"})));
    assert!(!insecure(json!({"url": "x", "verify": true, "insecure": ""})));
    assert!(!parse(json!({"url": "x", "followRedirects": "no"})).unwrap().follow_redirects);
    assert_eq!(
        parse(json!({"url": "x", "timeout": "2.5"})).unwrap().timeout,
        Some(Duration::from_millis(2500))
    );
    let drop_down = json!({"url": "x", "method": {"display_name": "Put", "value": "put"}});
    assert_eq!(parse(drop_down).unwrap().method, Method::PUT);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let check = |inputs: Json, expected: &str| assert_eq!(parse(inputs).unwrap_err().message, expected);
    check(json!({}), "input `url` is missing");
    check(json!({"url": " "}), "input `url` is missing");
    check(json!({"url": ["x"]}), "input `url` must be a text, not a list");
    check(json!({"url": "x", "method": "G T"}), "input `method` is not an HTTP method: `G T`");
    check(json!({"url": "x", "method": "CONNECT"}), "input `method` is not an HTTP method: `CONNECT`");
    check(json!({"url": "x", "timeout": 0}), "input `timeout` must be a number greater than 0, not a number");
    check(
        json!({"url": "x", "insecure": "maybe"}),
        "input `insecure` must be true or false, not a text that is not",
    );
    let limit = "input `max_response_bytes` is more than the 20971520 that a step may keep";
    check(json!({"url": "x", "max_response_bytes": 1e12}), limit);
}

#[test]
fn unknown_inputs_are_told() {
    let map = json!({"url": "x", "qeury": 1, "URL ": 2}).as_object().unwrap().clone();
    assert_eq!(Inputs::parse(&map).unwrap().1, ["qeury"]);
}
