//! Code steps on a remote runner: they run in its sandbox and with its packages, whatever the server's own can do.

#[allow(dead_code)] // what other tests of packages need of it
#[path = "../../../sandbox/tests/packages/index.rs"]
mod index;

use std::path::{Path, PathBuf};

use index::Index;
use serde_json::json;

use super::remote::{Remote, SETTINGS, connected, execute, in_state, make_group};
use super::server::Server;

/// A server that runs no code itself.
const WITHOUT_CODE: (&str, &str) = ("NICTATE_SANDBOX_MODE", "off");
const CODED: &str = "\
name: coded
runner: dmz
inputs: {tool: {type: text}, tag: {type: text}}
workflow:
  - section: Steps
    steps:
      - id: S1
        action: internal.SetVariables
        inputs: {Variables: [{Name: list, Type: List, Value: '[1]'}]}
      - id: S2
        action: core.pythonV2
        inputs:
          code: |
            context.variables.list.append(context.inputs.tag)
            context.variables['new'] = {'name': context.metadata.automation_name}
            print('aside')
            return [context.steps.S1.status, sorted(context.variables)]
      - id: S3
        action: core.bash
        inputs: {code: \"echo {{ variables.new.name }}; printf '%s' $((40 + 2))\"}
outputs:
  seen: {value: '{{ steps.S2.output }}'}
  list: {value: '{{ variables.list }}'}
  said: {value: '{{ steps.S3.output }}'}
";
const PACKED: &str = "\
name: packed
runner: dmz
requirements: [colour>=1]
inputs: {tool: {type: text}, tag: {type: text}}
workflow:
  - section: Steps
    steps:
      - id: S1
        action: core.pythonV2
        inputs: {code: \"import colour\\nreturn colour.name\"}
outputs:
  said: {value: '{{ steps.S1.output }}'}
";

#[tokio::test]
async fn code_runs_on_the_runner_with_its_context_and_sets_variables() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), "", &[SETTINGS[0], WITHOUT_CODE]);
    let (_, token) = make_group(&server.api, "dmz").await;
    let workflow = server.api.publish(CODED).await;
    let _runner = Remote::start(folder.path(), &server.api.url, &token, &[]);
    let run = execute(&server.api, &workflow, "", "alice").await;
    let full = in_state(&server.api, &run, &["Completed", "Failed"]).await;
    let steps = server.api.get(&format!("/executions/{run}/steps")).await;
    let expected = json!({"seen": ["OK", ["list", "new"]], "list": [1, "alice"], "said": "coded\n42"});
    assert_eq!(full["outputs"], expected, "{full:#} {steps:#}");
    assert_eq!(server.errors(), "");
}

/// The `uv` that `cargo xtask test` names, or the one it has installed; else the machine's.
fn uv() -> Option<PathBuf> {
    let named = std::env::var_os("NICTATE_TEST_UV").map(PathBuf::from);
    let program = Path::new(env!("CARGO_BIN_EXE_nictate"));
    let installed = program.ancestors().map(|folder| folder.join("tools/uv/bin/uv")).find(|uv| uv.is_file());
    named.or(installed)
}

/// The index answers from other threads while a program is waited for here.
#[tokio::test(flavor = "multi_thread")]
async fn packages_are_resolved_by_the_server_and_installed_by_the_runner() {
    let index = Index::start().await;
    index.wheel("colour", "1.0", &[("colour.py", b"name = 'red'")], &[]);
    let index_url = format!("http://127.0.0.1:{}/simple", index.port());
    let uv = uv().map(|uv| uv.to_str().unwrap().to_owned());
    let folder = tempfile::tempdir().unwrap();
    let mut settings = vec![SETTINGS[0], WITHOUT_CODE, ("NICTATE_PACKAGES_INDEX_URL", index_url.as_str())];
    settings.extend(uv.as_deref().map(|uv| ("NICTATE_PACKAGES_UV", uv)));
    let server = Server::start(folder.path(), "", &settings);
    let (_, token) = make_group(&server.api, "dmz").await;
    let workflow = server.api.publish(PACKED).await;
    let installed = folder.path().join("packages of the runner");
    let mut more = vec!["--index-url", &index_url, "--packages", installed.to_str().unwrap()];
    more.extend(uv.as_deref().into_iter().flat_map(|uv| ["--uv", uv]));
    let runner = Remote::start(folder.path(), &server.api.url, &token, &more);
    let run = execute(&server.api, &workflow, "", "a").await;
    let full = in_state(&server.api, &run, &["Completed", "Failed"]).await;
    assert_eq!(full["outputs"]["said"], "red", "{full:#} {}", runner.said());
    assert!(installed.is_dir());
}

#[tokio::test]
async fn a_runner_whose_sandbox_is_off_runs_no_code_although_the_server_would() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let _runner = Remote::start(folder.path(), &server.api.url, &token, &["--sandbox", "off"]);
    connected(&server.api, 1).await;
    let workflow = server.api.publish(CODED).await;
    let run = execute(&server.api, &workflow, "", "alice").await;
    in_state(&server.api, &run, &["Failed"]).await;
    let steps = server.api.get(&format!("/executions/{run}/steps")).await;
    let error = &steps["results"][1]["error_data"];
    assert_eq!(error["code"], "sandbox_unavailable", "{steps:#}");
    assert!(
        error["message"].as_str().unwrap().contains("its operator has switched the sandbox off"),
        "{error}"
    );
}
