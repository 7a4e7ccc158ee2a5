//! Steps that run code, in the sandbox of `nictate run`: what it sees, what becomes of what it says, and its limits.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use super::support::{Ran, nictate, run_with_input};

/// Runs the steps of a workflow, with these settings in the environment.
fn run_steps(steps: &Value, inputs: &Value, settings: &[(&str, &str)]) -> Value {
    let ran = ran(steps, inputs, settings);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.transcript()))
}

fn ran(steps: &Value, inputs: &Value, settings: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code.json");
    let definitions: serde_json::Map<String, Value> = inputs
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), json!({"type": "text", "default": value})))
        .collect();
    let document = json!({"inputs": definitions, "workflow": [{"section": "Steps", "steps": steps}]});
    // JSON is YAML.
    std::fs::write(&path, document.to_string()).unwrap();
    let mut command = nictate(&["run", "--json"]);
    command.arg(&path).envs(settings.iter().copied());
    run_with_input(command, "")
}

/// The one step that runs `code`, as `nictate run` reports on it.
fn step(action: &str, code: &str) -> Value {
    step_with(action, code, json!({}), &[])
}

fn step_with(action: &str, code: &str, more: Value, settings: &[(&str, &str)]) -> Value {
    let mut inputs = json!({"code": code});
    inputs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let steps = json!([{"id": "S1", "action": action, "inputs": inputs}]);
    run_steps(&steps, &json!({}), settings)["steps"][0].clone()
}

fn output(action: &str, code: &str) -> Value {
    let step = step(action, code);
    assert_eq!(step["state"], "OK", "{code}\n{step:#}");
    step["output_data"].clone()
}

/// The failed step's code and message.
fn failure(step: &Value) -> (String, String) {
    assert_eq!(step["state"], "Failed", "{step:#}");
    let text = |name: &str| step["error_data"][name].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

#[test]
fn what_python_returns_else_prints_is_the_output() {
    for (code, expected) in [
        ("print('hello')\nprint('world')", json!("hello\nworld")),
        ("import json\nprint(json.dumps({'a': [1, None]}))", json!({"a": [1, null]})),
        ("print({'a': 1})", json!("{'a': 1}")),
        ("print('007')", json!("007")),
        ("x = 1", json!("")),
        ("print('aside')\nreturn {'a': 1, 2: (3, 4)}", json!({"a": 1, "2": [3, 4]})),
        ("if False:\n    return 1\nprint('printed')", json!("printed")),
        (
            "import datetime\nreturn [datetime.date(2026, 1, 2), {3}, b'x', range(2)[1]]",
            json!(["2026-01-02", [3], "x", 1]),
        ),
        (
            "def fibo(n):\n    return n if n < 2 else fibo(n - 1) + fibo(n - 2)\nreturn [fibo(n) for n in (5, 10)]",
            json!([5, 55]),
        ),
        ("total = 0\ndef add(n):\n    global total\n    total += n\nadd(2)\nreturn total", json!(2)),
        ("import sys\nprint('done')\nsys.exit(0)", json!("done")),
    ] {
        assert_eq!(output("core.pythonV2", code), expected, "{code}");
    }
    assert_eq!(output("core.python", "print(1 + 1)"), json!(2));
}

#[test]
fn a_failure_of_python_says_where_and_why() {
    for (code, expected) in [
        ("x = 1\nx / 0", "line 2: ZeroDivisionError: division by zero"),
        ("def f():\n    raise ValueError('no luck')\n\nf()", "line 2: ValueError: no luck"),
        ("x = (", "line 1: SyntaxError: '(' was never closed"),
        ("import sys\nsys.exit('not today')", "the code ended with exit code `1`: not today"),
        ("return object()", "TypeError: a value of type `object` has no form in JSON"),
        ("return float('nan')", "ValueError: Out of range float values are not JSON compliant"),
        (
            "print(context.steps.S9.output)",
            "line 1: AttributeError: there is no `S9` here; there is: nothing",
        ),
        ("context.variables = 5", "TypeError: `context.variables` is no map any more"),
        (
            "for n in range(1001): context.variables[f'v{n}'] = n",
            "the code sets 1001 variables, at most 1000",
        ),
        ("context.variables['x' * 256] = 1", "is no name for a variable: it has 256 bytes, not 1 to 255"),
        ("import os\nos.abort()", "signal `6` ended the code"),
    ] {
        let (kind, message) = failure(&step("core.pythonV2", code));
        assert_eq!(kind, "code_failed", "{code}");
        assert!(message.contains(expected), "{code}: {message}");
    }
    let step = step("core.pythonV2", "print('before')\nx = {}\nx['a']");
    let data = &step["output_data"];
    assert_eq!(data["stdout"], "before\n");
    let traceback = data["traceback"].as_str().unwrap();
    assert!(traceback.contains("line 3") && traceback.contains("x['a']"), "{traceback}");
}

#[test]
fn code_sees_the_run_and_sets_its_variables() {
    let steps = json!([
        {"id": "S1", "action": "internal.SetVariables", "inputs": {"Variables": [
            {"Name": "list", "Type": "List", "Value": "[1]"}, {"Name": "old", "Type": "String", "Value": "x"},
        ]}},
        {"id": "S2", "action": "core.pythonV2", "inputs": {"code":
            "context.variables.list.append(2)\ncontext.variables['new'] = {'name': context.inputs.name}\n\
             del context.variables.old\nreturn {'items': [context.steps.S1.status, context.metadata.automation_name]}"}},
        {"id": "S3", "action": "core.javascript", "inputs": {"code":
            "context.variables.list.push(context.steps.S2.output.items[0]);\nconsole.log('aside');\n\
             return await Promise.resolve(context.variables);"}},
        {"id": "S4", "action": "core.pythonV2", "inputs": {"code":
            "everything = context\nreturn sorted(everything.steps) + [everything.steps['S2'].output['items'][1]]"}},
        {"id": "S5", "action": "core.pythonV2", "continue_on_error": true, "inputs": {"code":
            "context.variables.late = 1\nraise ValueError('no')"}},
        {"id": "S6", "action": "internal.print", "inputs": {"text": "{{ variables }}"}},
    ]);
    let document = run_steps(&steps, &json!({"name": "alice"}), &[]);
    let outputs = |index: usize| document["steps"][index]["output_data"].clone();
    assert_eq!(outputs(1), json!({"items": ["OK", "code"]}), "{document:#}");
    let variables = json!({"list": [1, 2, "OK"], "old": null, "new": {"name": "alice"}});
    assert_eq!(outputs(2), json!({"list": [1, 2, "OK"], "old": null, "new": {"name": "alice"}}));
    assert_eq!(outputs(3), json!(["S1", "S2", "S3", "last", "code"]));
    assert_eq!(document["steps"][4]["state"], "Failed");
    // What a failed step has set is not kept.
    assert_eq!(outputs(5), variables);
}

#[test]
fn the_value_of_an_expression_is_a_literal_of_python_and_never_code() {
    let evil = "'); import os; print(os.environ) #\n\"\"\"\\";
    let steps = json!([
        {"id": "S1", "action": "core.pythonV2", "inputs": {"code":
            "x = {{ inputs.evil }}\ny = 'in {{ inputs.evil }} text'\nreturn [x, y, {{ [1, nil, true] }}]"}},
        {"id": "S2", "action": "array.ArrayFilter", "inputs": {
            "array": "{{ [inputs.evil, 'b'] }}", "filterFunction": "lambda item: item == {{ inputs.evil }}"}},
    ]);
    let document = run_steps(&steps, &json!({"evil": evil}), &[]);
    let expected = json!([evil, format!("in {evil} text"), [1, null, true]]);
    assert_eq!(document["steps"][0]["output_data"], expected, "{document:#}");
    assert_eq!(document["steps"][1]["output_data"], json!([evil]));
}

#[test]
fn bash_prints_its_output_and_fails_with_its_exit_code() {
    assert_eq!(output("core.bash", "echo hello; printf '%s' $((40 + 2))"), json!("hello\n42"));
    assert_eq!(output("core.bash", "echo '{\"a\": 1}'"), json!({"a": 1}));
    let (code, message) = failure(&step("core.bash", "echo out; echo 'no luck' >&2; exit 3"));
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("code_failed", "the code ended with exit code `3`: no luck")
    );
    let step = step("core.bash", "echo out; exit 3");
    assert_eq!(step["output_data"], json!({"stdout": "out\n", "exit_code": 3}));
}

#[test]
fn javascript_returns_prints_and_throws() {
    assert_eq!(output("core.javascript", "return [1, {a: undefined, b: 2n > 1}]"), json!([1, {"b": true}]));
    assert_eq!(output("core.javascript", "console.log('a', {b: 1})"), json!("a {\"b\":1}"));
    assert_eq!(output("core.javascript", "// nothing"), json!(""));
    let (code, message) = failure(&step("core.javascript", "const a = {};\na.b.c();"));
    assert_eq!(code, "code_failed");
    assert!(message.starts_with("line 2: TypeError: "), "{message}");
    let (_, message) = failure(&step("core.javascript", "return 1n"));
    assert!(message.contains("TypeError"), "{message}");
    let (_, message) = failure(&step("core.javascript", "let a = ;"));
    assert!(message.starts_with("line 1: SyntaxError"), "{message}");
}

#[test]
fn lists_are_sorted_filtered_and_searched_by_python_functions() {
    let people = json!([{"name": "b", "age": 3}, {"name": "a", "age": 7}, {"name": "c"}]);
    let names = |steps: Value| -> Value {
        let document = run_steps(&json!([steps]), &json!({}), &[]);
        let step = &document["steps"][0];
        assert_eq!(step["state"], "OK", "{step:#}");
        match &step["output_data"] {
            Value::Array(items) => items.iter().map(|item| item["name"].clone()).collect(),
            item => item["name"].clone(),
        }
    };
    let action = |name: &str, inputs: Value| {
        let mut inputs = inputs;
        inputs["array"] = people.clone();
        names(json!({"id": "S1", "action": name, "inputs": inputs}))
    };
    assert_eq!(action("array.ArraySort", json!({"key": "lambda p: p.name"})), json!(["a", "b", "c"]));
    assert_eq!(action("array.ArraySort", json!({"key": "age", "reverse": true})), json!(["a", "b", "c"]));
    assert_eq!(
        action("array.ArrayFilter", json!({"filterFunction": "lambda p: p.get('age', 0) > 2"})),
        json!(["b", "a"])
    );
    assert_eq!(
        action("array.GetArrayItem", json!({"filterFunction": "lambda p: p.name == 'a'"})),
        json!("a")
    );
    assert_eq!(action("array.GetArrayItem", json!({"index": -1})), json!("c"));
    assert_eq!(action("array.GetArrayItem", json!({"index": 9})), json!(null));
    let refused = |name: &str, inputs: Value| {
        let steps = json!([{"id": "S1", "action": name, "inputs": inputs}]);
        failure(&run_steps(&steps, &json!({}), &[])["steps"][0])
    };
    let (code, message) = refused("array.ArraySort", json!({"array": "no list"}));
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("invalid_input", "input `array` is a text that is no JSON list")
    );
    let (code, message) = refused("array.ArrayFilter", json!({"array": [1], "filterFunction": "5"}));
    assert_eq!(code, "code_failed");
    assert!(message.contains("`5` is no function: write `lambda item: …`"), "{message}");
    let (code, _) = refused("array.GetArrayItem", json!({"array": [1], "index": "first"}));
    assert_eq!(code, "invalid_input");
}

#[test]
fn code_that_takes_too_much_is_ended_with_everything_it_started() {
    let small = [("NICTATE_SANDBOX_MEMORY_MIB", "64")];
    let (code, message) = failure(&step_with("core.pythonV2", "x = bytearray(200 << 20)", json!({}), &small));
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("code_memory_exceeded", "the code wanted more than its 64 MiB of memory")
    );
    let (code, _) = failure(&step("core.pythonV2", "while True: print('x' * 65536)"));
    assert_eq!(code, "code_output_too_large");
    let (code, message) = failure(&step("core.pythonV2", "return 'x' * (9 << 20)"));
    assert_eq!(code, "code_output_too_large");
    assert!(message.contains("8388608 bytes"), "{message}");
    let steps = json!([{"id": "S1", "action": "core.bash", "timeout": 1, "inputs": {"code": "sleep 300 & sleep 300"}}]);
    let (code, message) = failure(&run_steps(&steps, &json!({}), &[])["steps"][0]);
    assert_eq!((code.as_str(), message.as_str()), ("timeout", "the code did not end within 1 s"));
    let steps = json!([{"id": "S1", "action": "core.bash", "inputs": {"code": "x"}},]);
    let long =
        json!([{"id": "S1", "action": "core.bash", "inputs": {"code": format!("#{}", "x".repeat(1 << 20))}}]);
    assert_eq!(failure(&run_steps(&long, &json!({}), &[])["steps"][0]).0, "invalid_input");
    assert_eq!(failure(&run_steps(&steps, &json!({}), &[])["steps"][0]).0, "code_failed");
}

/// A server on this machine that answers one request.
fn answering() -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello").unwrap();
    });
    (url, answer)
}

#[test]
fn code_reaches_the_network_only_if_the_step_the_operator_and_the_guard_let_it() {
    let (url, answer) = answering();
    let code = format!("import urllib.request\nprint(urllib.request.urlopen('{url}').read().decode())");
    let open = [("NICTATE_HTTP_ALLOW_PRIVATE", "true")];
    let closed = step_with("core.pythonV2", &code, json!({}), &open);
    assert!(failure(&closed).1.contains("URLError"), "{closed:#}");
    let guarded = step_with("core.pythonV2", &code, json!({"network": true}), &[]);
    assert!(failure(&guarded).1.contains("HTTPError"), "{guarded:#}");
    let forbidden = [("NICTATE_HTTP_ALLOW_PRIVATE", "true"), ("NICTATE_SANDBOX_NETWORK", "false")];
    let refused = failure(&step_with("core.pythonV2", &code, json!({"network": true}), &forbidden));
    assert_eq!(refused.0, "invalid_input");
    assert!(refused.1.contains("the runner's operator lets no code step out"), "{}", refused.1);
    let (kind, message) = failure(&step_with("core.bash", "true", json!({"network": "maybe"}), &open));
    assert_eq!(
        (kind.as_str(), message.as_str()),
        ("invalid_input", "input `network` must be true or false, not `\"maybe\"`")
    );
    let reached = step_with("core.pythonV2", &code, json!({"network": true}), &open);
    assert_eq!(reached["output_data"], "hello", "{reached:#}");
    answer.join().unwrap();
}

#[test]
fn without_a_sandbox_no_code_runs() {
    let off = [("NICTATE_SANDBOX_MODE", "off")];
    let (code, message) = failure(&step_with("core.pythonV2", "print(1)", json!({}), &off));
    assert_eq!(code, "sandbox_unavailable");
    assert!(message.contains("its operator has switched the sandbox off"), "{message}");
    let no_python = [("NICTATE_SANDBOX_PYTHON", "/nowhere/python3")];
    let (code, message) = failure(&step_with("core.pythonV2", "print(1)", json!({}), &no_python));
    assert_eq!(code, "sandbox_unavailable");
    assert!(message.contains("`/nowhere/python3` does not start"), "{message}");
    assert_eq!(step_with("core.bash", "echo 1", json!({}), &no_python)["output_data"], 1);
}
