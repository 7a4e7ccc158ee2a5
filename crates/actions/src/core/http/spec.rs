//! What the catalog says about `http.requestV2`. The names stand in workflows: they never change.

use serde_json::json;

use super::METHODS;
use crate::http::RESPONSE_BYTES_MAX;
use crate::{ActionKind, ActionSpec, ConnectionNeed, Idempotency, InputType, Parameter};

pub(super) fn spec() -> ActionSpec {
    ActionSpec {
        full_name: "http.requestV2".to_owned(),
        display_name: "HTTP request".to_owned(),
        description:
            "Sends an HTTP request. A connection, if the step names one, authenticates it and gives \
                      the base of a relative URL. The output is the response's body."
                .to_owned(),
        collection: "HTTP".to_owned(),
        parameters: parameters(),
        connections: ConnectionNeed::AnyType,
        connection_optional: true,
        hidden: false,
        kind: ActionKind::Effect,
        idempotency: Idempotency::ByMethod,
        example_output: json!({"id": 7, "name": "alice"}),
    }
}

fn parameters() -> Vec<Parameter> {
    let methods = METHODS.map(|method| method.to_string());
    let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
    let key_header = "Sends the step's idempotency key under this header, for services that do a thing once \
                      per key. The step may then be repeated after a crash.";
    vec![
        Parameter::new("method", "Method", InputType::SingleSelect, "The HTTP method.")
            .options(&methods)
            .default("GET"),
        Parameter::new("url", "URL", InputType::Text, "Absolute, or a path from the connection's base URL.")
            .required(),
        Parameter::new("query", "Query", InputType::KeyValue, "Added to the URL; a list repeats its name."),
        Parameter::new("headers", "Headers", InputType::KeyValue, "Headers of the request."),
        Parameter::new(
            "body",
            "Body",
            InputType::Textarea,
            "Text as it is; a map or a list is sent as JSON.",
        ),
        Parameter::new(
            "content_type",
            "Content type",
            InputType::Text,
            "Of the body. Absent: JSON if the body is, else plain text. A map is sent as a form with \
             `application/x-www-form-urlencoded`.",
        ),
        Parameter::new("timeout", "Timeout", InputType::Number, "Seconds, redirects and body included."),
        Parameter::new("follow_redirects", "Follow redirects", InputType::Checkbox, "At most 10 in a row.")
            .default(true),
        Parameter::new(
            "fail_on_error",
            "Fail on error",
            InputType::Checkbox,
            "A status outside 2xx fails the step.",
        )
        .default(true),
        Parameter::new("insecure", "Skip TLS checks", InputType::Checkbox, "Accepts any certificate.")
            .default(false),
        Parameter::new(
            "ca_certificate",
            "CA certificate",
            InputType::Textarea,
            "PEM; trusted besides the public ones.",
        ),
        Parameter::new(
            "max_response_bytes",
            "Response limit",
            InputType::Number,
            "Bytes of the body, decompressed.",
        )
        .default(RESPONSE_BYTES_MAX as u64),
        Parameter::new("idempotency_key_header", "Idempotency header", InputType::Text, key_header),
    ]
}
