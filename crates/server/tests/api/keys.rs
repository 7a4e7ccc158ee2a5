//! The keys that open the secrets: a wrong or missing file is told at start, rotation goes on while the server
//! serves.

use std::fs;

use secrets::KeyFile;
use serde_json::{Value, json};
use server::keys::{rotate_data_keys, rotate_master};
use server::{StartError, Stores};
use types::{Clock as _, Role};

use crate::support::{NOBODY, Nictate, Reply, WORKSPACE, on_both, start, text};

async fn refused(nictate: &Nictate) -> StartError {
    match start(&nictate.config, &nictate.clock).await {
        Ok(_) => panic!("the server started"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn the_key_file_is_made_once_and_only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    on_both(async |nictate| {
        let path = nictate.config.key_file();
        let made = fs::read(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        nictate.stop().await;
        nictate.start_again().await;
        assert_eq!(fs::read(&path).unwrap(), made);
        nictate.get("/connections").await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_missing_wrong_or_broken_key_file_is_told_at_start() {
    on_both(async |nictate| {
        nictate.connect("edge", "one").await;
        nictate.stop().await;
        let path = nictate.config.key_file();
        let right = fs::read(&path).unwrap();

        fs::remove_file(&path).unwrap();
        let error = refused(nictate).await;
        assert!(matches!(error, StartError::KeyFileMissing(_)), "{error}");
        assert!(!path.exists(), "a second key would hide the loss of the first");

        KeyFile::load_or_create(&path, &mut types::SystemRng).unwrap();
        let error = refused(nictate).await;
        assert!(matches!(error, StartError::WrongKey { .. }), "{error}");
        assert!(error.to_string().contains("master.key"), "{error}");

        for broken in [&b""[..], b"garbage", &right[..right.len() / 2]] {
            fs::write(&path, broken).unwrap();
            let error = refused(nictate).await;
            assert!(matches!(error, StartError::KeyFile(_)), "{error}");
            assert!(error.to_string().contains("master.key"), "{error}");
        }
        fs::write(&path, &right).unwrap();
        nictate.start_again().await;
        nictate.get("/connections").await.ok();
    })
    .await;
}

#[tokio::test]
async fn one_data_folder_serves_one_server() {
    on_both(async |nictate| {
        if nictate.is_sqlite() {
            let error = refused(nictate).await;
            assert!(matches!(error, StartError::DataInUse(_)), "{error}");
            nictate.get("/connections").await.ok();
        } else {
            // PostgreSQL is there to be shared.
            let second = start(&nictate.config, &nictate.clock).await.unwrap();
            nictate.connect("edge", "one").await;
            let first = std::mem::replace(&mut nictate.url, second.url());
            assert_eq!(nictate.get("/connections").await.column("name"), ["edge"]);
            nictate.url = first;
            second.stop().await;
        }
    })
    .await;
}

async fn sealed_of(nictate: &Nictate, connection: &Value) -> (String, i64) {
    let (workspace, id) = (WORKSPACE.parse().unwrap(), text(connection, "id").parse().unwrap());
    let row = store::connections::get(&nictate.db, workspace, id).await.unwrap().unwrap();
    (row.sealed, row.data_key_version)
}

/// Both layers, as `nictate keys rotate` does it beside the running server.
async fn rotate(nictate: &Nictate) {
    let stores = Stores::open(&nictate.config).await.unwrap();
    rotate_data_keys(&stores.db, &stores.vault, &*nictate.clock).await.unwrap();
    let mut file = KeyFile::load(&nictate.config.key_file()).unwrap();
    rotate_master(&stores.db, &mut file).await.unwrap();
    stores.db.close().await;
}

#[tokio::test]
async fn keys_are_rotated_under_a_running_server() {
    on_both(async |nictate| {
        let mut connections = Vec::new();
        for number in 0..7 {
            connections.push(nictate.connect(&format!("c{number}"), &format!("token-{number}")).await);
        }
        let before = sealed_of(nictate, &connections[0]).await;
        let old_master = fs::read(nictate.config.key_file()).unwrap();
        for round in 1..=2 {
            rotate(nictate).await;
            for (number, connection) in connections.iter().enumerate() {
                let (sealed, version) = sealed_of(nictate, connection).await;
                assert_eq!(version, before.1 + round);
                assert_ne!(sealed, before.0);
                let test = format!("/connections/{}/test", text(connection, "id"));
                nictate.post_nothing(&test).await.ok();
                let seen = nictate.tool.seen();
                assert_eq!(seen.last().unwrap().header("authorization"), format!("Bearer token-{number}"));
            }
        }
        assert_ne!(fs::read(nictate.config.key_file()).unwrap(), old_master);
        let workspace = WORKSPACE.parse().unwrap();
        let kept = store::data_keys::list(&nictate.db, workspace).await.unwrap();
        let versions: Vec<i64> = kept.iter().map(|key| key.version).collect();
        assert_eq!(versions, [before.1 + 1, before.1 + 2], "the first data key is gone");
        // API keys are hashed with a pepper that a rotation keeps.
        nictate.stop().await;
        nictate.start_again().await;
        nictate.get("/connections").await.ok();

        nictate.stop().await;
        fs::write(nictate.config.key_file(), old_master).unwrap();
        let error = refused(nictate).await;
        assert!(matches!(error, StartError::WrongKey { .. }), "{error}");
    })
    .await;
}

/// The server holds the old master key in memory; a data key that it wraps under that one would be lost.
#[tokio::test]
async fn a_workspace_that_gets_its_first_secret_after_a_rotation_keeps_it() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_member("rita", red, Role::Owner).await;
        nictate.connect("edge", "one").await;
        rotate(nictate).await;
        let path = format!("/api/v1/workspace/{red}/connections");
        let attributes = json!({"base_url": nictate.tool.url(), "token": "two"});
        let body = json!({"name": "late", "type_name": "http_bearer", "attributes": attributes});
        let request = nictate.request_as(Some("rita"), reqwest::Method::POST, &path).json(&body);
        let made = Reply::of(request).await.ok();
        nictate.stop().await;
        nictate.start_again().await;
        nictate.post_nothing(&format!("{path}/{}/test", text(&made, "id"))).await.ok();
        assert_eq!(nictate.tool.seen()[0].header("authorization"), "Bearer two");
    })
    .await;
}

#[tokio::test]
async fn a_rotation_that_was_broken_off_goes_on() {
    on_both(async |nictate| {
        let first = nictate.connect("a", "one").await;
        let second = nictate.connect("b", "two").await;
        let (_, version) = sealed_of(nictate, &first).await;
        // As a rotation leaves it that ended after its first batch: the new data key is there, the first
        // connection is done.
        let stores = Stores::open(&nictate.config).await.unwrap();
        rotate_data_keys(&stores.db, &stores.vault, &*nictate.clock).await.unwrap();
        let workspace = WORKSPACE.parse().unwrap();
        let stale =
            nictate.post(&format!("/connections/{}", text(&second, "id")), json!({"description": "x"})).await;
        stale.ok();
        let rotation = store::key_rotations::get(&nictate.db, workspace).await.unwrap().unwrap();
        let unfinished = store::key_rotations::KeyRotation {
            finished_at: None,
            done_to: text(&first, "id"),
            resealed: 1,
            ..rotation
        };
        let stored = unfinished.clone();
        nictate.write_beside(async move |tx| store::key_rotations::set(tx, &stored).await).await;
        let rotated = rotate_data_keys(&stores.db, &stores.vault, &*nictate.clock).await.unwrap();
        stores.db.close().await;
        assert_eq!(rotated.workspaces, 1);
        for (connection, token) in [(&first, "one"), (&second, "two")] {
            assert_eq!(sealed_of(nictate, connection).await.1, version + 1, "no third key was made");
            nictate.post_nothing(&format!("/connections/{}/test", text(connection, "id"))).await.ok();
            let seen = nictate.tool.seen();
            assert_eq!(seen.last().unwrap().header("authorization"), format!("Bearer {token}"));
        }
        let finished = store::key_rotations::get(&nictate.db, workspace).await.unwrap().unwrap();
        assert!(finished.finished_at.is_some_and(|at| at <= nictate.clock.now()));
        nictate.get(&format!("/connections/{NOBODY}")).await.error(404, "connection_not_found");
    })
    .await;
}
