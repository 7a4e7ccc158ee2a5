//! Files of records: in and out, what is refused and leaves nothing behind, and who may.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use types::{Role, Timestamp};

use crate::support::{KEY, NOBODY, Nictate, Person, Reply, WORKSPACE, on_both, on_both_with, text, until};

/// A table with two files a record.
pub(crate) async fn settle(nictate: &Nictate) {
    let file = |name: &str| json!({"display_name": name, "type": "attachment"});
    let fields = json!([{"display_name": "Title", "type": "text"}, file("Report"), file("Photo")]);
    nictate.post("/table", json!({"display_name": "Cases", "fields": fields})).await.ok();
}

/// A new record; its id.
pub(crate) async fn case(nictate: &Nictate, title: &str) -> String {
    let id = nictate.post("/table/cases", json!({"title": title})).await.ok();
    id.as_str().unwrap().to_owned()
}

pub(crate) fn place(id: &str, field: &str) -> String {
    format!("/table/cases/{id}/{field}/file")
}

pub(crate) async fn put(
    nictate: &Nictate,
    (id, field, name): (&str, &str, &str),
    body: impl Into<reqwest::Body>,
) -> Reply {
    let request = nictate.request(Method::PUT, &place(id, field)).query(&[("name", name)]);
    Reply::of(request.header("content-type", "text/plain").body(body)).await
}

pub(crate) fn hex(content: &[u8]) -> String {
    digest(&SHA256, content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files below the folder of files, without what is on its way in.
pub(crate) fn stored(nictate: &Nictate) -> Vec<PathBuf> {
    let mut found = files_in(&nictate.config.server.data.join("attachments"));
    found.retain(|path| !path.to_string_lossy().contains("incoming"));
    found
}

fn drafts(nictate: &Nictate) -> usize {
    files_in(&nictate.config.server.data.join("attachments/incoming")).len()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

/// The contents that the database knows as ones that may be referred to.
pub(crate) async fn live(nictate: &Nictate) -> usize {
    let ever = Timestamp::from_millis(i64::MAX);
    store::blobs::due(&nictate.db, ever, ever).await.unwrap().len()
}

/// Whether it is so before long.
pub(crate) async fn until_stored(nictate: &Nictate, files: usize) {
    let what = format!("{files} contents are stored");
    until(&what, async || (stored(nictate).len() == files && live(nictate).await == files).then_some(()))
        .await;
}

/// Looks for contents that can go all the time.
pub(crate) fn often(config: &mut server::config::Config) {
    config.attachments.sweep_pause_ms = 100;
}

#[tokio::test]
async fn a_large_file_goes_in_and_comes_out_a_part_at_a_time() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = case(nictate, "a").await;
        let part = |number: usize| vec![u8::try_from(number % 251).unwrap(); 64 * 1024];
        let whole: Vec<u8> = (0..320).flat_map(part).collect();
        let whole_hash = hex(&whole);
        let parts = futures_util::stream::iter((0..320).map(move |n| Ok::<_, std::io::Error>(part(n))));
        let name = "Bericht \"ü\"; x.pdf";
        let request = nictate.request(Method::PUT, &place(&id, "report")).query(&[("name", name)]);
        let request = request.header("content-type", "application/pdf; a=b");
        let value = Reply::of(request.body(reqwest::Body::wrap_stream(parts))).await.ok();
        assert_eq!(value["sha256"], whole_hash);
        assert_eq!((&value["name"], &value["size_bytes"]), (&json!(name), &json!(whole.len())));
        assert_eq!(value["content_type"], "application/pdf; a=b");
        let record = nictate.get(&format!("/table/cases/{id}")).await.ok();
        assert_eq!((&record["report"], &record["photo"]), (&value, &Value::Null));
        assert!(record["updated_at"].as_i64() > record["created_at"].as_i64(), "{record}");

        let got = nictate.request(Method::GET, &place(&id, "report")).send().await.unwrap();
        assert_eq!(got.status(), 200);
        let tag = format!("\"{}\"", whole_hash);
        for (header, expected) in [
            ("content-type", "application/pdf; a=b"),
            ("content-length", &whole.len().to_string()),
            ("content-disposition", "attachment; filename=\"Bericht ____ x.pdf\"; filename*=UTF-8''Bericht%20%22%C3%BC%22%3B%20x.pdf"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("etag", &tag),
        ] {
            assert_eq!(got.headers()[header], *expected, "{header}");
        }
        assert!(got.bytes().await.unwrap() == whole);
        let known = nictate.request(Method::GET, &place(&id, "report")).header("if-none-match", &tag);
        let known = Reply::of(known).await;
        assert_eq!((known.status, known.text.as_str(), known.header("etag")), (304, "", tag.as_str()));
        // The caller's default workspace, without naming it.
        let path = format!("/api/v1/table/cases/{id}/report/file");
        assert_eq!(nictate.request(Method::GET, &path).send().await.unwrap().status(), 200);

        assert_eq!((stored(nictate).len(), drafts(nictate)), (1, 0));
        let shown = stored(nictate)[0].to_string_lossy().into_owned();
        let first = &whole_hash[..2];
        assert!(shown.contains(&format!("attachments/{WORKSPACE}/{first}/{}-", whole_hash)), "{shown}");
        let [audited] = nictate.audited("record.edited").await.try_into().unwrap();
        assert!(audited.details.contains(&whole_hash) && audited.entity_id == id, "{audited:?}");
        let [change] = nictate.get(&format!("/table/cases/{id}/history")).await.results().try_into().unwrap();
        assert_eq!(change["fields"]["report"], json!({"before": null, "after": value}));
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_replaced_or_removed_is_no_longer_there() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = case(nictate, "a").await;
        nictate.get(&place(&id, "report")).await.error(404, "attachment_not_found");
        nictate.delete(&place(&id, "report")).await.error(404, "attachment_not_found");
        let first = put(nictate, (&id, "report", "a.txt"), "one").await.ok();
        let second = put(nictate, (&id, "report", "b.txt"), "two").await.ok();
        assert_ne!(first["id"], second["id"]);
        assert_eq!(nictate.get(&place(&id, "report")).await.text, "two");
        // An empty file is one, and the same content is kept once.
        for field in ["report", "photo"] {
            put(nictate, (&id, field, "empty"), "").await.ok();
            let got = nictate.get(&place(&id, field)).await;
            assert_eq!((got.status, got.text.as_str(), got.header("content-length")), (200, "", "0"));
        }
        assert_eq!((stored(nictate).len(), live(nictate).await), (3, 3));
        assert_eq!(nictate.delete(&place(&id, "report")).await.ok(), json!(id));
        nictate.get(&place(&id, "report")).await.error(404, "attachment_not_found");
        assert_eq!(nictate.get(&place(&id, "photo")).await.status, 200);
        let changes = nictate.get(&format!("/table/cases/{id}/history")).await.results();
        assert_eq!(changes.len(), 5);
        assert_eq!(nictate.audited("record.edited").await.len(), 5);
    })
    .await;
}

#[tokio::test]
async fn a_record_is_written_with_the_file_that_it_has_or_with_none() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = case(nictate, "a").await;
        let value = put(nictate, (&id, "report", "a.txt"), "one").await.ok();
        let path = format!("/table/cases/{id}");
        let report = async || nictate.get(&path).await.ok()["report"].clone();
        // As clients send whole records back, in any order of the members.
        let mut whole = nictate.get(&path).await.ok();
        whole["title"] = json!("b");
        nictate.put(&path, whole.clone()).await.ok();
        whole["updated_at"] = Value::Null;
        nictate.put(&format!("{path}?replace=true"), whole.clone()).await.ok();
        assert_eq!(report().await, value);
        nictate.put(&path, json!({"title": "c"})).await.ok();
        let many = json!({"records": [{"id": id, "report": value}]});
        nictate.put("/table/cases/records", many).await.ok();
        assert_eq!(report().await, value);

        let mut other = value.clone();
        other["name"] = json!("b.txt");
        for bad in [other, json!("a.txt"), json!(1), json!({}), json!([value])] {
            let error = nictate.put(&path, json!({"report": bad})).await.error(400, "record_invalid");
            assert!(error["user_error"]["fields"]["report"].as_str().unwrap().contains("/file"), "{error}");
            let new = json!({"title": "x", "report": bad});
            nictate.post("/table/cases", new.clone()).await.error(400, "record_invalid");
            nictate
                .post("/table/cases/records", json!({"records": [new]}))
                .await
                .error(400, "record_invalid");
        }
        // The file of one record is none of another's, nor of another field.
        let second = case(nictate, "second").await;
        let error = nictate.put(&format!("/table/cases/{second}"), json!({"report": value})).await;
        error.error(400, "record_invalid");
        nictate.put(&path, json!({"photo": value})).await.error(400, "record_invalid");
        assert_eq!(report().await, value);

        let csv = format!("title,report\nx,\ny,\"{}\"\nz,a.txt\n", value.to_string().replace('"', "\"\""));
        let request = nictate.request(Method::POST, "/table/cases/import?format=csv").body(csv);
        let done = Reply::of(request).await.ok();
        assert_eq!((&done["imported"], &done["refused"]), (&json!(1), &json!(2)), "{done}");
        let exported = nictate.get("/table/cases/export?format=jsonl").await.text;
        assert!(exported.contains(&hex(b"one")), "{exported}");

        let titles = async |q: Value| nictate.list("/table/cases", &q).await.column("title");
        assert_eq!(titles(json!({"filter": {"report": {"$exists": true}}})).await, ["c"]);
        let none = json!({"filter": {"$not": {"report": {"$exists": true}}}, "sort": ["title"]});
        assert_eq!(titles(none).await, ["second", "x"]);
        assert_eq!(titles(json!({"search": {"text": "a.txt"}})).await, Vec::<String>::new());
        for q in [
            json!({"filter": {"report": null}}),
            json!({"filter": {"report": {"$eq": "x"}}}),
            json!({"filter": {"report": {"$exists": true, "$like": "%"}}}),
            json!({"sort": ["report"]}),
        ] {
            nictate.list("/table/cases", &q).await.error(400, "query_invalid");
        }
        for empty in [json!(null), json!("")] {
            put(nictate, (&id, "report", "a.txt"), "one").await.ok();
            nictate.put(&path, json!({"report": empty})).await.ok();
            assert_eq!(report().await, Value::Null);
        }
        put(nictate, (&id, "report", "a.txt"), "one").await.ok();
        nictate.put(&format!("{path}?replace=true"), json!({"title": "d"})).await.ok();
        assert_eq!(report().await, Value::Null);
    })
    .await;
}

#[tokio::test]
async fn what_no_file_can_be_is_no_attribute_of_its_field() {
    on_both(async |nictate| {
        settle(nictate).await;
        for (attribute, value) in [
            ("required", json!(true)),
            ("is_unique", json!(true)),
            ("indexed", json!(true)),
            ("default_value", json!("x")),
            ("options", json!(["x"])),
        ] {
            let field = json!({"display_name": "X", "type": "attachment", "attributes": {attribute: value}});
            let error = nictate.post("/table/cases/fields", field.clone()).await.error(400, "table_invalid");
            assert!(text(&error, "message").contains(attribute), "{error}");
            nictate.put("/table/cases/fields/report", field).await.error(400, "table_invalid");
        }
        let fields = nictate.get("/table/cases/fields").await.results();
        assert_eq!(fields.iter().filter(|field| field["type"] == "attachment").count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_taken_is_refused_by_what_is_wrong() {
    on_both_with(
        |config| {
            config.attachments.file_bytes_max = 1_000;
            config.attachments.workspace_bytes_max = 1_500;
            config.attachments.content_types = vec!["text/*".to_owned(), "application/pdf".to_owned()];
        },
        async |nictate| {
            settle(nictate).await;
            let id = case(nictate, "a").await;
            for name in ["", " ", "a/b", "..", "a\\b", "a\nb", &"x".repeat(256)] {
                let error = put(nictate, (&id, "report", name), "one").await.error(400, "attachment_invalid");
                assert!(text(&error, "message").contains("name"), "{error}");
            }
            let path = place(&id, "report");
            Reply::of(nictate.request(Method::PUT, &path).body("x")).await.error(400, "attachment_invalid");
            put(nictate, (&id, "report", &"x".repeat(255)), "one").await.ok();
            let typed = async |kind: &str| {
                let request = nictate.request(Method::PUT, &format!("{path}?name=a")).body("x");
                Reply::of(request.header("content-type", kind)).await
            };
            for kind in ["image/png", "nonsense", "text/plain; \u{fc}", "application/pdfx"] {
                let error = typed(kind).await.error(400, "attachment_invalid");
                assert!(text(&error, "message").contains(kind.split(';').next().unwrap()), "{error}");
            }
            for kind in ["text/html", "Application/PDF"] {
                typed(kind).await.ok();
            }
            let untyped = nictate.request(Method::PUT, &format!("{path}?name=a")).body("x");
            Reply::of(untyped).await.error(400, "attachment_invalid");

            // Whether it says how long it is or not.
            let streamed = |bytes: usize| {
                let parts = (0..bytes).map(|_| Ok::<_, std::io::Error>("x"));
                reqwest::Body::wrap_stream(futures_util::stream::iter(parts))
            };
            put(nictate, (&id, "report", "a"), streamed(1_000)).await.ok();
            let kept = nictate.get(&format!("/table/cases/{id}")).await.ok();
            put(nictate, (&id, "report", "a"), streamed(1_001)).await.error(413, "body_too_large");
            put(nictate, (&id, "report", "a"), "y".repeat(1_001)).await.error(413, "body_too_large");
            // The contents `one`, `x` and a thousand letters are there.
            let error =
                put(nictate, (&id, "photo", "a"), "z".repeat(497)).await.error(400, "attachment_limit");
            assert_eq!(
                (&error["data"]["bytes"], &error["data"]["bytes_max"]),
                (&json!(1_004), &json!(1_500))
            );
            put(nictate, (&id, "photo", "a"), "z".repeat(496)).await.ok();
            // What is there already takes no room.
            put(nictate, (&id, "photo", "a"), streamed(1_000)).await.ok();
            assert_eq!(nictate.get(&format!("/table/cases/{id}")).await.ok()["report"], kept["report"]);
            assert_eq!((stored(nictate).len(), live(nictate).await, drafts(nictate)), (4, 4, 0));
        },
    )
    .await;
}

#[tokio::test]
async fn a_file_that_does_not_come_in_whole_leaves_nothing() {
    on_both_with(
        |config| config.server.body_timeout_ms = 500,
        async |nictate| {
            settle(nictate).await;
            let id = case(nictate, "a").await;
            let begin = || futures_util::stream::iter([Ok::<_, std::io::Error>("x".repeat(100_000))]);
            let never = begin().chain(futures_util::stream::pending());
            let reply = put(nictate, (&id, "report", "a"), reqwest::Body::wrap_stream(never)).await;
            reply.error(408, "body_timeout");
            let cut = begin().chain(futures_util::stream::once(async { Err(std::io::Error::other("cut")) }));
            let request = nictate.request(Method::PUT, &place(&id, "report")).query(&[("name", "a")]);
            assert!(request.body(reqwest::Body::wrap_stream(cut)).send().await.is_err());
            until("nothing is on its way in", async || (drafts(nictate) == 0).then_some(())).await;
            assert_eq!((stored(nictate).len(), live(nictate).await), (0, 0));
            assert_eq!(nictate.get(&format!("/table/cases/{id}")).await.ok()["report"], Value::Null);
        },
    )
    .await;
}

#[tokio::test]
async fn a_file_is_where_it_is_and_for_whom_it_is() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = case(nictate, "a").await;
        put(nictate, (&id, "report", "a"), "secret").await.ok();
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let at = async |path: &str| {
                let path = format!("{path}?name=a");
                Reply::of(nictate.request(method.clone(), &path).header("content-type", "text/plain")).await
            };
            at(&format!("/table/nothing/{id}/report/file")).await.error(404, "table_not_found");
            at(&format!("/table/automation_packs/{id}/report/file")).await.error(404, "table_not_found");
            at(&place(&id, "nothing")).await.error(404, "table_field_not_found");
            at(&place(&id, "created_at")).await.error(404, "table_field_not_found");
            at(&place(&id, "title")).await.error(400, "attachment_invalid");
            for nobody in [NOBODY, "fields", "records", "history"] {
                at(&place(nobody, "report")).await.error(404, "record_not_found");
            }
        }
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_person(Person::new("neighbour", tenant, &[(red, Role::Owner)])).await;
        nictate.add_member("reader", WORKSPACE.parse().unwrap(), Role::Viewer).await;
        let of = |workspace: &str| format!("/api/v1/workspace/{workspace}{}", place(&id, "report"));
        let (here, there) = (of(WORKSPACE), of(&red.to_string()));
        let fields = json!([{"display_name": "Report", "type": "attachment"}]);
        let table = json!({"display_name": "Cases", "fields": fields});
        let path = format!("/api/v1/workspace/{red}/table");
        nictate.call_as("neighbour", Method::POST, &path, table).await.ok();
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let ask = async |key: &str, path: &str| {
                let request = nictate.request_as(Some(key), method.clone(), &format!("{path}?name=a"));
                Reply::of(request.header("content-type", "text/plain")).await
            };
            ask("neighbour", &here).await.error(404, "workspace_not_found");
            ask("neighbour", &there).await.error(404, "record_not_found");
            match method {
                Method::GET => assert_eq!(ask("reader", &here).await.text, "secret"),
                _ => _ = ask("reader", &here).await.error(403, "forbidden"),
            }
        }
        assert_eq!(Reply::of(nictate.request_as(Some(KEY), Method::GET, &here)).await.text, "secret");
    })
    .await;
}

#[tokio::test]
async fn what_a_crash_left_of_a_file_on_its_way_in_is_cleared() {
    on_both_with(often, async |nictate| {
        settle(nictate).await;
        let folder = nictate.config.server.data.join("attachments/incoming");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("left"), "x").unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(drafts(nictate), 1, "it may still be written");
        nictate.clock.put_forward(Duration::from_secs(61 * 60));
        until("it is cleared", async || (drafts(nictate) == 0).then_some(())).await;
    })
    .await;
}
