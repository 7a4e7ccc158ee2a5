//! Contents of files that no record refers to any more go, and no others.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use store::blobs;
use types::{BlobId, Timestamp};

use crate::attachments::{case, hex, live, often, place, put, settle, stored, until_stored};
use crate::support::{Nictate, Reply, WORKSPACE, on_both, on_both_with, until};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Long enough for some looks.
async fn some_looks() {
    tokio::time::sleep(Duration::from_millis(400)).await;
}

#[tokio::test]
async fn a_content_goes_an_hour_after_the_last_record_that_refers_to_it() {
    on_both_with(often, async |nictate| {
        settle(nictate).await;
        let (one, two) = (case(nictate, "one").await, case(nictate, "two").await);
        put(nictate, (&one, "report", "a"), "shared").await.ok();
        put(nictate, (&two, "photo", "b"), "shared").await.ok();
        put(nictate, (&two, "report", "c"), "kept").await.ok();
        assert_eq!(stored(nictate).len(), 2);
        put(nictate, (&one, "report", "a"), "other").await.ok();
        nictate.clock.put_forward(HOUR * 2);
        some_looks().await;
        assert_eq!((stored(nictate).len(), live(nictate).await), (3, 3), "all are referred to");
        nictate.put(&format!("/table/cases/{two}"), json!({"photo": null})).await.ok();
        until_stored(nictate, 2).await;
        assert_eq!(nictate.get(&place(&one, "report")).await.text, "other");
        assert_eq!(nictate.get(&place(&two, "report")).await.text, "kept");
        // Nobody wants it for an hour: not before.
        put(nictate, (&two, "report", "c"), "brief").await.ok();
        nictate.delete(&place(&two, "report")).await.ok();
        until_stored(nictate, 2).await;
        nictate.clock.put_forward(HOUR / 2);
        some_looks().await;
        assert_eq!(stored(nictate).len(), 2);
        nictate.clock.put_forward(HOUR);
        until_stored(nictate, 1).await;
        assert_eq!(nictate.get(&place(&one, "report")).await.text, "other");
    })
    .await;
}

#[tokio::test]
async fn whatever_takes_a_reference_away_takes_the_content_along() {
    on_both_with(often, async |nictate| {
        settle(nictate).await;
        let base = format!("/api/v1/workspace/{WORKSPACE}");
        let filled = async |word: &str| {
            let id = case(nictate, word).await;
            put(nictate, (&id, "report", "a"), word.to_owned()).await.ok();
            put(nictate, (&id, "photo", "a"), format!("photo of {word}")).await.ok();
            id
        };
        let kept = filled("kept").await;
        let deleted = filled("deleted").await;
        let cleared = filled("cleared").await;
        let replaced = filled("replaced").await;
        let many = filled("many").await;
        until_stored(nictate, 10).await;
        nictate.clock.put_forward(HOUR * 2);
        some_looks().await;
        assert_eq!(stored(nictate).len(), 10);
        nictate.delete(&format!("/table/cases/{deleted}")).await.ok();
        until_stored(nictate, 8).await;
        nictate.delete(&place(&cleared, "report")).await.ok();
        until_stored(nictate, 7).await;
        put(nictate, (&replaced, "report", "a"), "kept").await.ok();
        until_stored(nictate, 6).await;
        let filter = json!({"filter": {"title": "many"}});
        nictate.post("/table/cases/records/delete", filter).await.ok();
        until_stored(nictate, 4).await;
        Reply::of(nictate.request(Method::GET, &format!("{base}{}", place(&many, "report"))))
            .await
            .error(404, "record_not_found");
        nictate.delete("/table/cases/fields/photo").await.ok();
        until_stored(nictate, 1).await;
        assert_eq!(nictate.get(&place(&kept, "report")).await.text, "kept");
        nictate.clock.put_forward(HOUR * 2);
        nictate.delete("/table/cases").await.ok();
        until_stored(nictate, 0).await;
        // Nor do folders stay.
        let folder = nictate.config.server.data.join("attachments").join(WORKSPACE);
        assert!(!folder.exists());
    })
    .await;
}

#[tokio::test]
async fn a_workspace_takes_its_contents_along() {
    on_both_with(often, async |nictate| {
        let red = nictate.post("/api/v1/workspaces", json!({"name": "Red"})).await.ok();
        let red = red["id"].as_str().or(red.as_str()).unwrap().to_owned();
        let base = format!("/api/v1/workspace/{red}");
        let fields = json!([{"display_name": "Report", "type": "attachment"}]);
        nictate.post(&format!("{base}/table"), json!({"display_name": "Cases", "fields": fields})).await.ok();
        let id = nictate.post(&format!("{base}/table/cases"), json!({})).await.ok();
        let path = format!("{base}{}?name=a", place(id.as_str().unwrap(), "report"));
        Reply::of(nictate.request(Method::PUT, &path).body("one")).await.ok();
        // The same content is another workspace's own.
        settle(nictate).await;
        let here = case(nictate, "here").await;
        put(nictate, (&here, "report", "a"), "one").await.ok();
        until_stored(nictate, 2).await;
        nictate.delete(&format!("/api/v1/workspaces/{red}")).await;
        some_looks().await;
        assert_eq!(stored(nictate).len(), 2, "within an hour, nobody knows who still wants it");
        nictate.clock.put_forward(HOUR * 2);
        until_stored(nictate, 1).await;
        assert_eq!(nictate.get(&place(&here, "report")).await.text, "one");
    })
    .await;
}

/// What a server has marked that was stopped before it removed it.
async fn mark(nictate: &Nictate, content: &str) -> blobs::Blob {
    let workspace = WORKSPACE.parse().unwrap();
    let blob = blobs::find(&nictate.db, workspace, &hex(content.as_bytes())).await.unwrap().unwrap();
    let (marked, ever) = (blob.clone(), Timestamp::from_millis(i64::MAX));
    let is_marked =
        nictate.write_beside(async move |tx| blobs::mark_unused(tx, &marked, ever, ever).await).await;
    assert!(is_marked);
    blob
}

#[tokio::test]
async fn the_same_content_can_come_in_while_it_is_removed() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = case(nictate, "a").await;
        put(nictate, (&id, "report", "a"), "one").await.ok();
        // As long as a record refers to it, it is not marked, whoever wants it.
        let workspace = WORKSPACE.parse().unwrap();
        let blob = blobs::find(&nictate.db, workspace, &hex(b"one")).await.unwrap().unwrap();
        assert!(blob.is_stored);
        let (used, ever) = (blob.clone(), Timestamp::from_millis(i64::MAX));
        assert!(!nictate.write_beside(async move |tx| blobs::mark_unused(tx, &used, ever, ever).await).await);

        nictate.delete(&place(&id, "report")).await.ok();
        let marked = mark(nictate, "one").await;
        put(nictate, (&id, "report", "a"), "one").await.ok();
        assert_eq!(stored(nictate).len(), 2);
        // The server that has marked it was stopped, and another one goes on: now, and again.
        nictate.stop().await;
        often(&mut nictate.config);
        nictate.start_again().await;
        until_stored(nictate, 1).await;
        let first = BlobId::from(uuid::Uuid::nil());
        let is_done = async || blobs::marked(&nictate.db, first).await.unwrap().is_empty().then_some(());
        until("no content is marked", is_done).await;
        assert_eq!(nictate.get(&place(&id, "report")).await.text, "one");
        let now = blobs::find(&nictate.db, workspace, &hex(b"one")).await.unwrap().unwrap();
        assert_ne!(now.id, marked.id);
        // Whoever marked it before comes late, and removes nothing that is used.
        nictate.write_beside(async move |tx| blobs::forget(tx, marked.id).await).await;
        assert_eq!(nictate.get(&place(&id, "report")).await.text, "one");
    })
    .await;
}

#[tokio::test]
async fn a_content_that_was_claimed_and_marked_is_not_referred_to() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = case(nictate, "a").await;
        put(nictate, (&id, "report", "a"), "one").await.ok();
        nictate.delete(&place(&id, "report")).await.ok();
        let workspace = WORKSPACE.parse().unwrap();
        let claimed = blobs::find(&nictate.db, workspace, &hex(b"one")).await.unwrap().unwrap();
        mark(nictate, "one").await;
        let now = Timestamp::from_millis(1);
        assert!(!nictate.write_beside(async move |tx| blobs::refer(tx, &claimed, now).await).await);
    })
    .await;
}

#[tokio::test]
async fn many_who_put_and_remove_the_same_content_never_lose_it() {
    on_both_with(often, async |nictate| {
        settle(nictate).await;
        let ids: Vec<String> = futures_util::future::join_all(
            (0..6).map(|number| case(nictate, if number > 0 { "x" } else { "y" })),
        )
        .await;
        let work = ids.iter().enumerate().map(async |(number, id)| {
            for turn in 0..5_usize {
                let content = ["one", "two"][(number + turn) % 2];
                put(nictate, (id, "report", "a"), content).await.ok();
                assert_eq!(nictate.get(&place(id, "report")).await.text, content);
                nictate.clock.put_forward(HOUR / 4);
                if turn % 3 == 2 {
                    nictate.delete(&place(id, "report")).await.ok();
                }
            }
        });
        futures_util::future::join_all(work).await;
        nictate.clock.put_forward(HOUR * 2);
        some_looks().await;
        for id in &ids {
            let record = nictate.get(&format!("/table/cases/{id}")).await.ok();
            if record["report"] != Value::Null {
                let got = nictate.get(&place(id, "report")).await;
                assert_eq!(hex(got.text.as_bytes()), record["report"]["sha256"]);
            }
        }
    })
    .await;
}
