//! A secret that a tool says back, as it is and in the forms that are looked for, is in no output, no log and no code.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::real::Server;
use super::support::Fake;

const SECRET: &str = "p\"a\\ss/wörd+1?&= x";

fn percent_encoded(upper: bool) -> String {
    let escape = |byte: u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
    let char = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => escape(byte),
    };
    SECRET.bytes().map(char).collect()
}

/// The secret in every form, by what it is called.
fn forms() -> Vec<(String, String)> {
    let mut forms = vec![
        ("plain".to_owned(), SECRET.to_owned()),
        ("within".to_owned(), format!("before {SECRET} after")),
        ("JSON".to_owned(), serde_json::to_string(SECRET).unwrap()),
        ("hex".to_owned(), SECRET.bytes().map(|byte| format!("{byte:02x}")).collect()),
        ("HEX".to_owned(), SECRET.bytes().map(|byte| format!("{byte:02X}")).collect()),
        ("percent".to_owned(), percent_encoded(true)),
        ("percent, lower case".to_owned(), percent_encoded(false)),
        ("form".to_owned(), percent_encoded(true).replace("%20", "+")),
    ];
    // Whatever stands before it: three alignments.
    for before in ["", "u", "us"] {
        let text = format!("{before}{SECRET}");
        forms.push((format!("base64 after {before:?}"), STANDARD.encode(&text)));
        forms.push((format!("base64 of URLs after {before:?}"), URL_SAFE_NO_PAD.encode(&text)));
    }
    forms
}

#[test]
fn a_secret_in_any_of_its_forms_is_in_no_output_no_log_and_no_code() {
    let tool = Fake::start(|_| {
        let said: serde_json::Map<String, Value> =
            forms().into_iter().map(|(name, form)| (name, form.into())).collect();
        (200, Value::Object(said).to_string())
    });
    let folder = tempfile::tempdir().unwrap();
    let settings = [("NICTATE_HTTP_ALLOW_PRIVATE".to_owned(), "true".to_owned())];
    let server = Server::start_with(folder.path(), &[], &settings);
    std::fs::write(folder.path().join("secret"), SECRET).unwrap();
    let (base, key) =
        (format!("base_url={}", tool.url), format!("password=@{}", folder.path().join("secret").display()));
    let made = server.run(&[
        "connections",
        "create",
        "--type",
        "http_basic",
        "--name",
        "tool",
        "-a",
        &base,
        "-a",
        "username=ada",
        "-a",
        &key,
    ]);
    assert_eq!(made.code, 0, "{}", made.transcript());
    let document = json!({"name": "said", "workflow": [{"section": "Steps", "steps": [
        {"id": "S1", "action": "http.requestV2", "connections": {"http_basic": "tool"}, "inputs": {"url": "/"}},
        {"id": "S2", "action": "core.pythonV2", "inputs": {"code":
            "for name, form in context.steps.S1.output.items(): print(name, '=', form)\n\
             context.variables.said = context.steps.S1.output\nreturn context.steps.S1.output"}},
        {"id": "S3", "action": "core.bash", "inputs": {"code": "printf '%s' {{ steps.S1.output }} >&2; echo {{ steps.S1.output }}"}},
        {"id": "S4", "action": "internal.print", "inputs": {"text": "{{ variables.said }}"}},
    ]}], "outputs": {"all": {"value": "{{ steps }}", "index": 1}}});
    let path = folder.path().join("said.json");
    std::fs::write(&path, document.to_string()).unwrap();
    assert_eq!(server.run(&["workflows", "apply", path.to_str().unwrap()]).code, 0);
    let ran = server.run(&["workflows", "execute", "said", "--wait", "--json"]);
    assert_eq!(ran.json()["execution"]["state_ui"], "Completed", "{}", ran.transcript());
    let id = ran.json()["execution"]["id"].as_str().unwrap().to_owned();
    let logs = server.run(&["executions", "logs", &id, "--lines"]);
    assert!(logs.stdout.contains("S2 | hex = ********"), "{}", logs.transcript());
    let shown = server.run(&["executions", "get", &id, "--json"]);
    let (_, log) = server.stop();
    for text in [ran.stdout, logs.stdout, shown.stdout, log] {
        for (name, form) in forms() {
            // As it stands, and as it stands in a text of JSON.
            let escaped = serde_json::to_string(&form).unwrap();
            assert!(!text.contains(&form), "{name}: {text}");
            assert!(!text.contains(escaped.trim_matches('"')), "{name}: {text}");
        }
    }
}
