//! Tables in and out as files.

use reqwest::Method;
use serde_json::{Value, json};
use types::Role;

use crate::support::{Nictate, Reply, WORKSPACE, on_both, on_both_with};

async fn findings(nictate: &Nictate, name: &str) {
    let fields = json!([
        {"display_name": "Host", "type": "text", "attributes": {"required": true, "is_unique": true}},
        {"display_name": "Score", "type": "number"},
        {"display_name": "Open", "type": "checkbox"},
        {"display_name": "Tags", "type": "list"},
        {"display_name": "Seen", "type": "date"},
    ]);
    nictate.post("/table", json!({"display_name": name, "fields": fields})).await.ok();
}

async fn import(nictate: &Nictate, table: &str, format: &str, file: impl Into<reqwest::Body>) -> Reply {
    let path = format!("/table/{table}/import?format={format}");
    Reply::of(nictate.request(Method::POST, &path).body(file)).await
}

async fn export(nictate: &Nictate, table: &str, format: &str, q: Value) -> Reply {
    let path = format!("/table/{table}/export");
    Reply::of(nictate.request(Method::GET, &path).query(&[("format", format), ("q", &q.to_string())])).await
}

const FILE: &str = "\u{feff}host,score,open,tags,seen\r\n\
    \"a,\"\"b\"\"\",1.5,true,\"[\"\"x\"\",\"\"y\"\"]\",1709164800000\r\n\
    \"two\nlines\",,false,,\n\
    c,3,,,\n";

#[tokio::test]
async fn what_is_exported_can_be_imported_again_in_every_format() {
    on_both(async |nictate| {
        findings(nictate, "First").await;
        let report = import(nictate, "first", "csv", FILE).await.ok();
        assert_eq!(report, json!({"imported": 3, "refused": 0, "is_complete": true, "rows": []}));
        let select = json!({"select": ["host", "score", "open", "tags", "seen"], "sort": ["host"]});
        let first = nictate.list("/table/first", &select).await.results();
        assert_eq!(
            first[0],
            json!({"host": "a,\"b\"", "score": 1.5, "open": true, "tags": ["x", "y"],
            "seen": 1_709_164_800_000_i64})
        );
        assert_eq!((&first[2]["host"], &first[2]["open"]), (&json!("two\nlines"), &json!(false)));
        for (format, content_type) in [
            ("csv", "text/csv; charset=utf-8"),
            ("json", "application/json"),
            ("jsonl", "application/x-ndjson"),
        ] {
            let file = export(nictate, "first", format, json!({})).await;
            assert_eq!((file.status, file.header("content-type")), (200, content_type), "{}", file.text);
            assert!(file.header("content-disposition").contains(&format!("first.{format}")));
            let copy = format!("Copy {format}");
            findings(nictate, &copy).await;
            let table = format!("copy_{format}");
            let report = import(nictate, &table, format, file.text.clone()).await.ok();
            assert_eq!(
                (&report["imported"], &report["refused"]),
                (&json!(3), &json!(0)),
                "{format}: {report}"
            );
            assert_eq!(nictate.list(&format!("/table/{table}"), &select).await.results(), first, "{format}");
        }
        assert_eq!(nictate.audited("records.created").await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn every_record_that_cannot_be_made_is_told_and_the_others_are_made() {
    on_both(async |nictate| {
        findings(nictate, "Findings").await;
        let file = "host,score\na,1\n,2\nb,many\nc,3,4\na,5\nd,6\n";
        let report = import(nictate, "findings", "csv", file).await.ok();
        assert_eq!((&report["imported"], &report["refused"]), (&json!(2), &json!(4)), "{report}");
        let told: Vec<(i64, String)> = report["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                (
                    row["row"].as_i64().unwrap(),
                    row["errors"].as_object().unwrap().keys().next().unwrap().clone(),
                )
            })
            .collect();
        let mut told = told;
        told.sort_unstable();
        let expected = [(2, "host"), (3, "score"), (4, ""), (5, "host")];
        assert_eq!(told, expected.map(|(row, field)| (row, field.to_owned())));
        let select = json!({"select": ["host"], "sort": ["host"]});
        assert_eq!(nictate.list("/table/findings", &select).await.column("host"), ["a", "d"]);

        let lines = "{\"host\":\"e\"}\nnonsense\n[1]\n{\"host\":\"f\",\"colour\":\"red\"}\n";
        let report = import(nictate, "findings", "jsonl", lines).await.ok();
        assert_eq!((&report["imported"], &report["refused"]), (&json!(1), &json!(3)), "{report}");
    })
    .await;
}

#[tokio::test]
async fn many_records_go_in_and_out_a_batch_at_a_time() {
    on_both(async |nictate| {
        findings(nictate, "Findings").await;
        let line = |number: usize| format!("{{\"host\":\"h{number}\",\"score\":{number}}}\n");
        let file: String = (0..2_500).map(line).collect();
        let chunks: Vec<Result<Vec<u8>, std::io::Error>> =
            file.as_bytes().chunks(1_021).map(|part| Ok(part.to_vec())).collect();
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
        let report = import(nictate, "findings", "jsonl", body).await.ok();
        assert_eq!((&report["imported"], &report["is_complete"]), (&json!(2_500), &json!(true)), "{report}");
        let q = json!({"filter": {"score": {"$gte": 1_000}}, "select": ["score"], "sort": ["score"]});
        let out = export(nictate, "findings", "csv", q).await;
        let lines: Vec<&str> = out.text.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[1], lines[1_500]), (1_501, "score", "1000", "2499"));
        let out: Value =
            serde_json::from_str(&export(nictate, "findings", "json", json!({})).await.text).unwrap();
        assert_eq!(out.as_array().unwrap().len(), 2_500);

        // Behind a thousand refused records there is no sense in going on.
        let bad = "{\"score\":1}\n".repeat(1_500);
        let report = import(nictate, "findings", "jsonl", bad).await.ok();
        assert_eq!(
            (&report["is_complete"], report["rows"].as_array().unwrap().len() >= 1_000),
            (&json!(false), true)
        );
        assert_eq!(nictate.get("/table/findings").await.ok()["total"], 2_500);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_such_file_is_refused_by_name() {
    on_both(async |nictate| {
        findings(nictate, "Findings").await;
        for (format, file, status, code, word) in [
            ("xml", "", 400, "parameter_invalid", "xml"),
            ("csv", "host,colour\na,red\n", 400, "import_invalid", "colour"),
            ("csv", "host,host\n", 400, "import_invalid", "twice"),
            ("csv", "host\n\"a", 400, "import_invalid", "quotes"),
            ("json", "{\"host\":\"a\"}", 400, "import_invalid", "array"),
            ("json", "[{\"host\":\"a\"}", 400, "import_invalid", "ends before"),
        ] {
            let body = import(nictate, "findings", format, file).await.error(status, code);
            assert!(body["message"].as_str().unwrap().contains(word), "{body}");
        }
        import(nictate, "nothing", "csv", "a\n").await.error(404, "table_not_found");
        assert_eq!(export(nictate, "nothing", "csv", json!({})).await.status, 404);
        for q in [json!({"limit": 5}), json!({"cursor": ""}), json!({"filter": {"colour": 1}})] {
            export(nictate, "findings", "csv", q).await.error(400, "query_invalid");
        }
        assert_eq!(export(nictate, "findings", "csv", json!({})).await.text.lines().count(), 1, "a header");
        assert_eq!(export(nictate, "findings", "json", json!({})).await.json(), json!([]));
        // What was made before the file turned out to be none stays, and is counted.
        let broken = format!(
            "[{}{{\"host\":\"x",
            (0..1_000).map(|n| format!("{{\"host\":\"h{n}\"}},")).collect::<String>()
        );
        let body = import(nictate, "findings", "json", broken).await.error(400, "import_invalid");
        assert_eq!(body["data"]["imported"], 1_000);
        assert_eq!(nictate.get("/table/findings").await.ok()["total"], 1_000);

        nictate.add_member("reader", WORKSPACE.parse().unwrap(), Role::Viewer).await;
        let path = format!("/api/v1/workspace/{WORKSPACE}/table/findings/import");
        let reply = nictate.call_as("reader", Method::POST, &path, json!([])).await;
        reply.error(403, "forbidden");
    })
    .await;
}

#[tokio::test]
async fn a_file_that_stops_coming_is_given_up() {
    on_both_with(
        |config| config.server.body_timeout_ms = 300,
        async |nictate| {
            findings(nictate, "Findings").await;
            let first = futures_util::stream::iter([Ok::<_, std::io::Error>("host\na\n".to_owned())]);
            let never = futures_util::stream::pending();
            let body = reqwest::Body::wrap_stream(futures_util::StreamExt::chain(first, never));
            import(nictate, "findings", "csv", body).await.error(408, "body_timeout");
        },
    )
    .await;
}
