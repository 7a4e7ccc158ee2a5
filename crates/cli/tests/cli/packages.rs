//! Python packages of code steps: resolved when a workflow is published, the same for all of its runs, and imported in the
//! sandbox. The index is one on this machine, with wheels made by hand.

#[allow(dead_code)] // what other tests of packages need of it
#[path = "../../../sandbox/tests/packages/index.rs"]
mod index;

use std::path::{Path, PathBuf};

use index::Index;
use serde_json::json;

use super::real::Server;
use super::support::{Ran, nictate, run_with_input};

/// The `uv` that `cargo xtask test` names, or the one it has installed; else the machine's.
fn uv() -> Option<PathBuf> {
    let named = std::env::var_os("NICTATE_TEST_UV").map(PathBuf::from);
    let program = Path::new(env!("CARGO_BIN_EXE_nictate"));
    let installed = program.ancestors().map(|folder| folder.join("tools/uv/bin/uv")).find(|uv| uv.is_file());
    named.or(installed)
}

fn settings(index: &Index) -> Vec<(String, String)> {
    let url = format!("http://127.0.0.1:{}/simple", index.port());
    let mut settings = vec![("NICTATE_PACKAGES_INDEX_URL".to_owned(), url)];
    settings.extend(uv().map(|uv| ("NICTATE_PACKAGES_UV".to_owned(), uv.to_str().unwrap().to_owned())));
    settings
}

fn document(folder: &Path, requirement: &str, remark: &str) -> String {
    let path = folder.join(format!("packed{}.yaml", remark.len()));
    let document = json!({
        "name": "packed",
        "desc": remark,
        "requirements": [requirement],
        "workflow": [{"section": "Steps", "steps": [{
            "id": "S1", "action": "core.pythonV2", "inputs": {"code": "import colour\nreturn colour.name"},
        }]}],
        "outputs": {"name": {"value": "{{ steps.S1.output }}", "index": 1}},
    });
    std::fs::write(&path, document.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The index answers from other threads while a program is waited for here.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_keeps_the_packages_it_was_published_with() {
    let index = Index::start().await;
    index.wheel("colour", "1.0", &[("colour.py", b"name = 'red'")], &["shade>=1"]);
    index.wheel("shade", "1.0", &[("shade.py", b"")], &[]);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &[], &settings(&index));
    let apply = |requirement: &str, remark: &str| -> Ran {
        server.run(&["workflows", "apply", &document(folder.path(), requirement, remark)])
    };
    let execute = || -> Ran { server.run(&["workflows", "execute", "packed", "--wait", "--json"]) };

    let applied = apply("colour>=1", "");
    assert_eq!(applied.code, 0, "{}", applied.transcript());
    index.wheel("colour", "2.0", &[("colour.py", b"name = 'blue'")], &[]);
    let ran = execute();
    assert_eq!(ran.json()["outputs"], json!({"name": "red"}), "{}", ran.transcript());

    // Another text is resolved anew.
    assert_eq!(apply("colour>=1", "newer").code, 0);
    assert_eq!(execute().json()["outputs"], json!({"name": "blue"}));

    let refused = apply("colour>=3", "newest");
    assert_eq!(refused.code, 1, "{}", refused.transcript());
    assert!(refused.stderr.contains("the packages cannot be resolved"), "{}", refused.stderr);
    assert_eq!(execute().json()["outputs"], json!({"name": "blue"}), "what is published stays");

    // So does what an API client makes published at once.
    let playbook =
        std::fs::read_to_string(document(folder.path(), "colour>=4", "published at once")).unwrap();
    let body = json!({"name": "at once", "playbook": playbook, "active": true});
    // Another test of this process may have done so.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let made = reqwest::Client::new()
        .post(format!("{}/api/v1/playbooks", server.url))
        .header("BLINK-API-KEY", &server.key)
        .header("content-type", "application/json")
        .body(body.to_string());
    let answer = made.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
    assert!(answer.text().await.unwrap().contains("\"packages_unresolved\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_run_resolves_its_packages_itself() {
    let index = Index::start().await;
    index.wheel("colour", "1.0", &[("colour.py", b"name = 'red'")], &[]);
    let folder = tempfile::tempdir().unwrap();
    let run = |requirement: &str| {
        let mut command = nictate(&["run", &document(folder.path(), requirement, ""), "--json", "--data"]);
        command.arg(folder.path().join("data")).envs(settings(&index));
        run_with_input(command, "").json()
    };
    let document = run("colour");
    assert_eq!(document["outputs"], json!({"name": "red"}), "{document:#}");
    let refused = run("colour<1");
    let error = &refused["steps"][0]["error_data"];
    assert_eq!(error["code"], "packages_unavailable", "{refused:#}");
    assert!(error["message"].as_str().unwrap().contains("the packages cannot be resolved"), "{error}");
}
