//! A server that is killed while a table is filled or changed leaves a table that is whole: all of a batch or none of it, and
//! columns that are the fields.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::server::{Api, Server};

/// Records of the file.
const RECORDS: usize = 200_000;
/// Records that an import writes together.
const BATCH: usize = 1_000;
/// Milliseconds into a change of the schema at which the server is killed: before it, within it, after it.
const KILLS_MS: [u64; 8] = [0, 5, 15, 30, 60, 100, 160, 250];

async fn on_both(story: impl AsyncFn(&Path, &str)) {
    let databases = store::testing::databases().await;
    for url in databases.urls() {
        let folder = tempfile::tempdir().unwrap();
        // SQLite lies in the folder of the server.
        story(folder.path(), if url.starts_with("sqlite") { "" } else { url }).await;
    }
    databases.drop_all().await;
}

async fn make(api: &Api) {
    let fields = json!([
        {"display_name": "n", "type": "number", "attributes": {"is_unique": true}},
        {"display_name": "text", "type": "text"},
    ]);
    api.post("/table", &json!({"display_name": "Things", "fields": fields})).await;
}

fn csv(numbers: std::ops::Range<usize>) -> String {
    let mut text = "n,text\n".to_owned();
    for number in numbers {
        let _ = writeln!(text, "{number},thing {number}");
    }
    text
}

async fn row(api: &Api, sql: &str) -> Value {
    api.post("/tables/sql", &json!({"sql": sql})).await["results"][0].clone()
}

async fn count(api: &Api) -> usize {
    usize::try_from(row(api, "SELECT count(*) AS n FROM things").await["n"].as_u64().unwrap()).unwrap()
}

#[tokio::test]
async fn an_import_leaves_whole_batches_and_can_go_on() {
    on_both(async |folder, database| {
        let mut server = Server::start(folder, database, &[]);
        make(&server.api).await;
        let import =
            server.api.request(Method::POST, "/table/things/import?format=csv").body(csv(0..RECORDS));
        let import = tokio::spawn(import.send());
        while count(&server.api).await == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        server.kill();
        assert!(import.await.unwrap().is_err(), "the import had ended before the server was killed");

        let server = Server::start(folder, database, &[]);
        let there = count(&server.api).await;
        assert!(there > 0 && there < RECORDS && there.is_multiple_of(BATCH), "{there}");
        // They are the first of the file, each once, by the table and by its index.
        let found =
            row(&server.api, "SELECT count(DISTINCT n) AS n, min(n) AS least, max(n) AS most FROM things")
                .await;
        assert_eq!(found, json!({"n": there, "least": 0, "most": there - 1}));
        let rest = server
            .api
            .request(Method::POST, "/table/things/import?format=csv")
            .body(csv(there - 1..there + 500));
        let report: Value = rest.send().await.unwrap().json().await.unwrap();
        assert_eq!((&report["imported"], &report["refused"]), (&json!(500), &json!(1)));
        assert_eq!(server.errors(), "");
    })
    .await;
}

#[tokio::test]
async fn a_change_of_the_schema_is_made_or_not() {
    on_both(async |folder, database| {
        let mut server = Server::start(folder, database, &[]);
        make(&server.api).await;
        let import = server.api.request(Method::POST, "/table/things/import?format=csv").body(csv(0..20_000));
        import.send().await.unwrap().error_for_status().unwrap();
        for (round, kill_ms) in KILLS_MS.into_iter().enumerate() {
            let api = server.api.clone();
            let changes = tokio::spawn(async move {
                let field = json!({"display_name": "extra", "type": "text", "attributes": {"indexed": true}});
                let unique = json!({"display_name": "text", "attributes": {"is_unique": true}});
                let plain = json!({"display_name": "text", "attributes": {}});
                loop {
                    let steps = [
                        api.request(Method::POST, "/table/things/fields").json(&field),
                        api.request(Method::PUT, "/table/things/fields/text").json(&unique),
                        api.request(Method::DELETE, "/table/things/fields/extra"),
                        api.request(Method::PUT, "/table/things/fields/text").json(&plain),
                    ];
                    for step in steps {
                        if step.send().await.is_err() {
                            return;
                        }
                    }
                }
            });
            sleep(Duration::from_millis(kill_ms)).await;
            server.kill();
            changes.await.unwrap();
            server = Server::start(folder, database, &[]);
            is_whole(&server.api, round).await;
        }
        assert_eq!(server.errors(), "");
    })
    .await;
}

/// Every field can be read, searched and written, and there are no others.
async fn is_whole(api: &Api, round: usize) {
    let fields = api.get("/table/things/fields").await;
    let names: Vec<&str> =
        fields["results"].as_array().unwrap().iter().filter_map(|field| field["name"].as_str()).collect();
    let has_extra = names.contains(&"extra");
    let found = row(api, &format!("SELECT {} FROM things WHERE n = 7", names.join(", "))).await;
    assert_eq!((&found["text"], found.as_object().unwrap().len()), (&json!("thing 7"), names.len()));
    let number = RECORDS + round;
    let mut record = json!({"n": number, "text": format!("thing {number}")});
    if has_extra {
        record["extra"] = "x".into();
    }
    let id = api.post("/table/things", &record).await;
    let stored = api.get(&format!("/table/things/{}", id.as_str().unwrap())).await;
    assert_eq!(stored["n"], json!(number));
    assert_eq!(stored.get("extra"), has_extra.then_some(&json!("x")));
    // What is unique is so by the index, too: the error is the rule's, not the database's.
    let again = api.request(Method::POST, "/table/things").json(&json!({"n": number}));
    assert_eq!(again.send().await.unwrap().status(), 400);
    assert_eq!(count(api).await, 20_001 + round);
}
