//! Whom a runner trusts: the public authorities, and those of `--ca-file`, as its server and as what its steps ask.

use std::time::Duration;

use super::remote::{Remote, SETTINGS, connected, execute, in_state, make_group, one_step};
use super::server::Server;
use super::tls::{AUTHORITY, in_front_of};
use super::tool::Tool;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_of_one_s_own_is_trusted_by_the_link_and_by_the_steps() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(|_| Duration::ZERO));
    let server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let workflow = server.api.publish(&one_step("get", "GET")).await;
    let (server_url, tool_url) = (in_front_of(&server.api.url).await, in_front_of(&tool.url).await);

    let mut stranger = Remote::start(folder.path(), &server_url, &token, &[]);
    stranger.says("UnknownIssuer").await;
    connected(&server.api, 0).await;
    stranger.kill();

    // The link alone is not enough.
    let mut near = Remote::start(folder.path(), &server.api.url, &token, &[]);
    let run = execute(&server.api, &workflow, &tool_url, "a").await;
    in_state(&server.api, &run, &["Failed"]).await;
    let steps = server.api.get(&format!("/executions/{run}/steps")).await;
    assert_eq!(steps["results"][0]["error_data"]["code"], "tls_failed", "{steps:#}");
    near.kill();
    connected(&server.api, 0).await;

    let runner = Remote::start(folder.path(), &server_url, &token, &["--ca-file", AUTHORITY]);
    let run = execute(&server.api, &workflow, &tool_url, "b").await;
    let full = in_state(&server.api, &run, &["Completed", "Failed"]).await;
    assert_eq!(full["outputs"]["said"], "b/get", "{full:#} {}", runner.said());
    assert_eq!((tool.count("/a/get"), tool.count("/b/get")), (0, 1));
    assert_eq!(server.errors(), "");
}

#[tokio::test]
async fn a_file_without_authorities_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("key.pem"), include_str!("../tls/server.key")).unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    std::fs::write(path("broken.pem"), broken).unwrap();
    for (name, why) in [
        ("nowhere.pem", "No such file"),
        ("key.pem", "there is no `BEGIN CERTIFICATE`"),
        ("broken.pem", "no certificate in the text can be used as an authority"),
    ] {
        let file = path(name);
        let mut runner =
            Remote::start(folder.path(), "https://127.0.0.1:1", "nct_x", &["--ca-file", file.as_str()]);
        assert_eq!(runner.ended().await, Some(6), "{}", runner.said());
        let said = runner.said();
        assert!(said.contains(why) && said.contains(&file), "{said}");
    }
}
