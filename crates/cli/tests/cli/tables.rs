//! `nictate tables …` against a server of the test's own.

use insta::assert_snapshot;
use serde_json::json;

use super::support::{Fake, page, refusal};

const CSV: &str = "name,level\nscan,high\n";

fn server() -> Fake {
    Fake::start(|request| match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/api/v1/tables") => page(&json!([{
            "name": "findings", "display_name": "Findings", "estimated_records_count": 2, "updated_at": 1_770_091_506_000_i64,
        }])),
        ("POST", "/api/v1/tables/sql") if request.body.contains("DROP") => {
            refusal(400, "sql_invalid", "only SELECT can be asked")
        }
        ("POST", "/api/v1/tables/sql") if request.body.contains("nothing") => page(&json!([])),
        ("POST", "/api/v1/tables/sql") => page(&json!([{"level": "high", "n": 2}, {"level": null, "n": 1}])),
        ("GET", "/api/v1/table/findings/export") => (200, CSV.to_owned()),
        ("POST", "/api/v1/table/findings/import") => {
            let refused = i64::from(request.body.contains("odd"));
            let rows = if refused == 1 {
                json!([{"row": 1, "errors": {"level": "takes one of its options"}}])
            } else {
                json!([])
            };
            (200, json!({"imported": 1, "refused": refused, "is_complete": true, "rows": rows}).to_string())
        }
        _ => refusal(404, "table_not_found", &request.line()),
    })
}

#[test]
fn tables_and_answers_are_tables() {
    let server = server();
    assert_snapshot!(server.run(&["tables", "list"]).transcript(), @r#"
    exit 0
    ---- stdout
    NAME      DISPLAY NAME  RECORDS  UPDATED
    findings  Findings      2        2026-02-03 04:05:06Z
    ---- stderr
    "#);
    let asked = [
        "tables",
        "sql",
        "SELECT level, count(*) n FROM findings WHERE a = $1 AND b = $2 AND c = $3",
        "-p",
        "x",
        "-p",
        "-5",
        "-p",
        "null",
    ];
    assert_snapshot!(server.run(&asked).transcript(), @r#"
    exit 0
    ---- stdout
    level  n
    high   2
           1
    ---- stderr
    "#);
    let last = server.requests().pop().unwrap();
    let body: serde_json::Value = serde_json::from_str(&last.body).unwrap();
    assert_eq!(body["params"], json!(["x", -5, null]));
    assert_snapshot!(server.run(&["tables", "sql", "SELECT nothing"]).transcript(), @r#"
    exit 0
    ---- stdout
    ---- stderr
    no rows
    "#);
    assert_snapshot!(server.run(&["tables", "sql", "DROP TABLE findings"]).transcript(), @r#"
    exit 6
    ---- stdout
    ---- stderr
    error: only SELECT can be asked
    "#);
}

#[test]
fn records_go_into_files_and_out_of_them() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.jsonl");
    let path = file.to_str().unwrap();
    assert_eq!(server.run(&["tables", "export", "findings"]).stdout, CSV);
    let q = r#"{"filter":{"level":"high"}}"#;
    assert_eq!(server.run(&["tables", "export", "findings", "-o", path, "--q", q]).code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), CSV);
    let asked = server.requests().pop().unwrap().query;
    assert!(asked.contains("format=jsonl") && asked.contains(q), "{asked}");
    // A file that is there stays as it is.
    assert_eq!(server.run(&["tables", "export", "findings", "-o", path]).code, 1);
    let none = folder.path().join("none.csv");
    assert_eq!(server.run(&["tables", "export", "nobody", "-o", none.to_str().unwrap()]).code, 3);
    assert!(!none.exists());

    std::fs::write(&file, CSV).unwrap();
    assert_eq!(server.run(&["tables", "import", "findings", path]).code, 0);
    assert_eq!(server.requests().pop().unwrap().body, CSV);
    let ran = server.run_with_input(&["tables", "import", "findings", "-"], "odd");
    assert_snapshot!(ran.transcript(), @r#"
    exit 6
    ---- stdout
    ---- stderr
    made 1 records, refused 1
    warning: row 1: `level` takes one of its options
    "#);
    assert_eq!(server.run(&["tables", "import", "findings", "/nowhere.csv"]).code, 1);
}
