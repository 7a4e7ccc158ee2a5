//! SQL over tables: what it answers, alike on both databases, and that nothing but the workspace's own tables can be read.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};
use store::select::{DEPTH_MAX, PARAMS_MAX, ROWS_MAX, SQL_BYTES_MAX, TABLES_MAX};
use types::Role;

use crate::executions::workflow;
use crate::records::{add, settle};
use crate::support::{Nictate, Person, Reply, WORKSPACE, on_both};

async fn ask(nictate: &Nictate, sql: &str) -> Reply {
    nictate.post("/tables/sql", json!({"sql": sql})).await
}

async fn rows(nictate: &Nictate, sql: &str) -> Value {
    let reply = ask(nictate, sql).await;
    assert_eq!(reply.status, 200, "{sql}: {}", reply.text);
    reply.ok()["results"].clone()
}

/// The one value of a query that answers one.
async fn value(nictate: &Nictate, expression: &str) -> Value {
    let rows = rows(nictate, &format!("SELECT {expression} AS v")).await;
    rows[0]["v"].clone()
}

async fn refused(nictate: &Nictate, sql: &str) -> String {
    let error = ask(nictate, sql).await.error(400, "sql_invalid");
    error["message"].as_str().unwrap().to_owned()
}

/// Three people and two findings, one of a person.
async fn fill(nictate: &Nictate) -> String {
    settle(nictate).await;
    let ann = add(nictate, "people", json!({"email": "ann@x", "age": 41})).await;
    add(nictate, "people", json!({"email": "bob@x", "age": 20, "city": "Basel"})).await;
    add(nictate, "people", json!({"email": "Cy_%@x"})).await;
    let all = json!({"text": "a", "number": 1.5, "checkbox": true, "list": ["x"], "date": 1_709_251_199_999_i64, "reference": ann});
    add(nictate, "findings", all).await;
    add(nictate, "findings", json!({"text": "b", "number": 3, "checkbox": false})).await;
    ann
}

#[tokio::test]
async fn a_query_answers_rows_alike_on_both_databases() {
    on_both(async |nictate| {
        let ann = fill(nictate).await;
        let check = async |sql: &str, expected: Value| assert_eq!(rows(nictate, sql).await, expected, "{sql}");
        check("SELECT email, age FROM people ORDER BY age DESC", json!([
            {"email": "ann@x", "age": 41}, {"email": "bob@x", "age": 20}, {"email": "Cy_%@x", "age": null}])).await;
        check("select EMAIL as \"Mail\" from PEOPLE p where p.Age between 30 and 50", json!([{"Mail": "ann@x"}])).await;
        check("SELECT city, count(*), sum(age) total, avg(age) FROM people GROUP BY city HAVING count(*) > 0 ORDER BY 1", json!([
            {"city": "Basel", "count": 1, "total": 20, "avg": 20}, {"city": "Bern", "count": 2, "total": 41, "avg": 41}])).await;
        check("SELECT f.text, p.email FROM findings f LEFT JOIN people p ON p.id = f.reference ORDER BY f.text", json!([
            {"text": "a", "email": "ann@x"}, {"text": "b", "email": null}])).await;
        check("SELECT f.id = p.id, p.id, f.checkbox, f.list FROM findings f, people p WHERE p.id = f.reference",
            json!([{"column_1": false, "id": ann, "checkbox": true, "list": "[\"x\"]"}])).await;
        check("WITH old AS (SELECT * FROM people WHERE age > 30), people AS (SELECT email FROM old) SELECT * FROM people",
            json!([{"email": "ann@x"}])).await;
        check("SELECT email FROM people WHERE age IS NULL UNION ALL SELECT text FROM findings ORDER BY email LIMIT 2 OFFSET 1",
            json!([{"email": "a"}, {"email": "b"}])).await;
        check("SELECT email FROM people EXCEPT (SELECT email FROM people WHERE age > 1 UNION SELECT 'x')", json!([{"email": "Cy_%@x"}])).await;
        check("SELECT x.n FROM (SELECT count(DISTINCT city) AS n FROM people) x", json!([{"n": 2}])).await;
        check("SELECT email, row_number() OVER (PARTITION BY city ORDER BY age) AS place FROM people WHERE city = 'Bern' ORDER BY place",
            json!([{"email": "ann@x", "place": 1}, {"email": "Cy_%@x", "place": 2}])).await;
        check("SELECT email FROM people p WHERE EXISTS (SELECT 1 FROM findings f WHERE f.reference = p.id)", json!([{"email": "ann@x"}])).await;
        check("SELECT email FROM people WHERE email LIKE 'c%'", json!([])).await;
        check("SELECT email FROM people WHERE email ILIKE 'c%' AND email LIKE '%\\_\\%%'", json!([{"email": "Cy_%@x"}])).await;
        check("SELECT email FROM people WHERE email LIKE '%!_!%%' ESCAPE '!'", json!([{"email": "Cy_%@x"}])).await;
        check("SELECT CASE WHEN age > 30 THEN 'old' ELSE 'young' END AS g, count(*) AS n FROM people
               GROUP BY CASE WHEN age > 30 THEN 'old' ELSE 'young' END ORDER BY g", json!([{"g": "old", "n": 1}, {"g": "young", "n": 2}])).await;
        check("SELECT count(*) FILTER (WHERE checkbox) AS n, max(date) AS d FROM findings", json!([{"n": 1, "d": 1_709_251_199_999_i64}])).await;
        check("SELECT p.id, q.id FROM people p JOIN people q USING (email) WHERE p.email = 'ann@x'", json!([{"id": ann, "id_2": ann}])).await;
        check("SELECT string_agg(email, ',') AS all_of_them FROM (SELECT email FROM people ORDER BY email) p",
            json!([{"all_of_them": "Cy_%@x,ann@x,bob@x"}])).await;
        let star = rows(nictate, "SELECT * FROM findings WHERE checkbox").await;
        assert_eq!((&star[0]["number"], &star[0]["checkbox"], &star[0]["created_by"].is_string()), (&json!(1.5), &json!(true), &true));
        let page = ask(nictate, "SELECT 1 AS one").await.ok();
        assert_eq!(page, json!({"limit": ROWS_MAX, "offset": 0, "total": 1, "results": [{"one": 1}]}));
    })
    .await;
}

#[tokio::test]
async fn expressions_mean_the_same_on_both_databases() {
    on_both(async |nictate| {
        let expected = [
            ("7 / 2", json!(3)),
            ("7 / 2.0", json!(3.5)),
            ("7 / 0", json!(null)),
            ("7.9 % 0", json!(null)),
            ("-7 % 3", json!(-1)),
            ("round(2.5)", json!(3)),
            ("round(-0.125, 2)", json!(-0.13)),
            ("ceil(1.2)", json!(2)),
            ("floor(-1.2)", json!(-2)),
            ("'a' || 'b' || 1", json!("ab1")),
            ("upper('é' || lower('A'))", json!("éA")),
            ("length('abc')", json!(3)),
            ("substring('abcdef' from 2 for 3)", json!("bcd")),
            ("substr('abc', 2)", json!("bc")),
            ("trim('  x ')", json!("x")),
            ("strpos('abc', 'c')", json!(3)),
            ("position('b' in 'abc')", json!(2)),
            ("replace('aXa', 'X', '--')", json!("a--a")),
            ("coalesce(NULL, 'x')", json!("x")),
            ("nullif(1, 1)", json!(null)),
            ("1 = 1 AND NOT false", json!(true)),
            ("'1'::bigint + 1", json!(2)),
            ("CAST(1.5 AS text)", json!("1.5")),
            ("1 IS DISTINCT FROM NULL", json!(true)),
            ("NULL IS NULL", json!(true)),
            ("date_trunc('month', 1709251199999)", json!(1_706_745_600_000_i64)),
            ("date_trunc('year', -1)", json!(-31_536_000_000_i64)),
            ("date_trunc('week', 0)", json!(-259_200_000)),
            ("date_trunc('day', -1)", json!(-86_400_000)),
            ("1e3", json!(1000)),
            ("'it''s; DROP TABLE x -- $1'", json!("it's; DROP TABLE x -- $1")),
            ("1 IN (1, 2)", json!(true)),
            ("abs(-2)", json!(2)),
        ];
        let mut wrong = Vec::new();
        for (expression, expected) in expected {
            // `upper` of letters beyond ASCII is the one thing that differs.
            if expression.starts_with("upper") {
                continue;
            }
            let found = match ask(nictate, &format!("SELECT {expression} AS v")).await {
                reply if reply.status == 200 => reply.ok()["results"][0]["v"].clone(),
                reply => reply.text.into(),
            };
            if found != expected {
                wrong.push((expression, found, expected));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        let now = value(nictate, "now()").await.as_i64().unwrap();
        assert!(now > 1_600_000_000_000);
    })
    .await;
}

#[tokio::test]
async fn given_values_are_values_and_nothing_else() {
    on_both(async |nictate| {
        fill(nictate).await;
        let ask = async |sql: &str, params: Value| {
            nictate.post("/tables/sql", json!({"sql": sql, "params": params})).await
        };
        let by = "SELECT email FROM people WHERE email = $1 AND age > $2 LIMIT $3";
        assert_eq!(ask(by, json!(["ann@x", 40.5, 1])).await.ok()["results"], json!([{"email": "ann@x"}]));
        assert_eq!(ask(by, json!(["' OR '1'='1", -1, 1])).await.ok()["results"], json!([]));
        assert_eq!(
            ask("SELECT $1 IS NULL AS a, $2 AS b", json!([null, true])).await.ok()["results"],
            json!([{"a": true, "b": true}])
        );
        ask(by, json!(["x"])).await.error(400, "sql_invalid");
        ask("SELECT $1", json!([["x"]])).await.error(400, "sql_invalid");
        ask("SELECT $0", json!([])).await.error(400, "sql_invalid");
        ask("SELECT 1", json!(vec![1; PARAMS_MAX])).await.ok();
        ask("SELECT 1", json!(vec![1; PARAMS_MAX + 1])).await.error(400, "sql_invalid");
    })
    .await;
}

/// Whatever a stranger may try; each is refused and leaves everything as it is.
const ESCAPES: &[&str] = &[
    // Statements that are no SELECT, and more than one.
    "",
    ";",
    "DELETE FROM people",
    "UPDATE people SET age = 1",
    "INSERT INTO people (email) VALUES ('x')",
    "DROP TABLE people",
    "SELECT 1; DELETE FROM people",
    "SELECT 1; SELECT 2",
    "TRUNCATE people",
    "CREATE TABLE x (a int)",
    "ATTACH DATABASE '/etc/passwd' AS x",
    "PRAGMA database_list",
    "VACUUM INTO '/tmp/x'",
    "COPY people TO '/tmp/x'",
    "SET ROLE postgres",
    "EXPLAIN SELECT 1",
    "BEGIN",
    "COMMIT",
    "CALL x()",
    "DO $$ BEGIN END $$",
    "LISTEN x",
    "LOAD 'x'",
    "SHOW ALL",
    "TABLE people",
    "VALUES (1)",
    "EXECUTE x",
    "PREPARE x AS SELECT 1",
    "DECLARE c CURSOR FOR SELECT 1",
    "MERGE INTO people USING people ON true WHEN MATCHED THEN DELETE",
    // Writes within a SELECT.
    "WITH x AS (DELETE FROM people RETURNING *) SELECT * FROM x",
    "WITH x AS (INSERT INTO people (email) VALUES ('x') RETURNING *) SELECT * FROM x",
    "WITH x AS (UPDATE people SET age = 1 RETURNING *) SELECT * FROM x",
    "SELECT * INTO x FROM people",
    "SELECT * FROM people FOR UPDATE",
    "SELECT * FROM people FOR SHARE",
    // Tables of the database, of others, and catalogs.
    "SELECT * FROM users",
    "SELECT * FROM connections",
    "SELECT * FROM api_keys",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM sqlite_schema",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM pg_tables",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_shadow",
    "SELECT * FROM main.users",
    "SELECT * FROM public.users",
    "SELECT * FROM \"users\"",
    "SELECT * FROM secrets",
    "SELECT * FROM dbstat",
    "SELECT * FROM people, LATERAL (SELECT * FROM users) u",
    "SELECT (SELECT sealed FROM connections LIMIT 1)",
    "SELECT * FROM people WHERE id IN (SELECT id FROM users)",
    "SELECT * FROM people UNION SELECT id, name FROM users",
    "WITH users AS (SELECT * FROM users) SELECT * FROM users",
    "SELECT * FROM people JOIN users ON true",
    "SELECT * FROM sys_groups",
    // Functions.
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_sleep(100)",
    "SELECT load_extension('x')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('/tmp/x', 'x')",
    "SELECT pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT current_setting('data_directory')",
    "SELECT set_config('x', 'y', false)",
    "SELECT version()",
    "SELECT sqlite_version()",
    "SELECT current_user",
    "SELECT user",
    "SELECT session_user",
    "SELECT current_database()",
    "SELECT inet_server_addr()",
    "SELECT dblink('x', 'y')",
    "SELECT query_to_xml('select 1', true, true, '')",
    "SELECT randomblob(1000000000)",
    "SELECT zeroblob(1000000000)",
    "SELECT repeat('x', 1000000000)",
    "SELECT lpad('x', 1000000000)",
    "SELECT * FROM generate_series(1, 1000000000)",
    "SELECT * FROM pragma_table_info('users')",
    "SELECT * FROM json_each('[1]')",
    "SELECT pg_catalog.count(*)",
    "SELECT people.lower('x')",
    "SELECT fts3_tokenizer('x')",
    "SELECT nextval('x')",
    "SELECT pg_terminate_backend(1)",
    "SELECT * FROM unnest(ARRAY[1])",
    "SELECT xpath('x', 'y')",
    "SELECT txid_current()",
    "SELECT printf('%1000000000d', 1)",
    // Syntax of one database or another.
    "SELECT 'regclass'::regclass",
    "SELECT 'x'::bytea",
    "SELECT E'\\x41'",
    "SELECT U&'x'",
    "SELECT $$x$$",
    "SELECT x'41'",
    "SELECT B'1'",
    "SELECT ARRAY[1]",
    "SELECT ROW(1)",
    "SELECT (1, 2)",
    "SELECT 1 OPERATOR(pg_catalog.+) 1",
    "SELECT email COLLATE \"x\" FROM people",
    "SELECT email ~ 'x' FROM people",
    "SELECT email SIMILAR TO 'x' FROM people",
    "SELECT email GLOB 'x' FROM people",
    "SELECT * FROM people TABLESAMPLE SYSTEM (1)",
    "SELECT DISTINCT ON (email) * FROM people",
    "SELECT interval '1 day'",
    "SELECT DATE '2024-01-01'",
    "SELECT extract(epoch from now())",
    "SELECT 1 AT TIME ZONE 'x'",
    "SELECT * FROM people NATURAL JOIN people q",
    "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 1 FROM r) SELECT * FROM r",
    "SELECT 1 & 2",
    "SELECT 1 ->> 2",
    "SELECT * FROM people FETCH FIRST 1 ROWS ONLY",
    "SELECT * FROM people LIMIT 1 + 1",
    "SELECT * FROM people LIMIT -1",
    "SELECT * FROM people LIMIT (SELECT 1)",
    "SELECT sum(age) OVER w FROM people WINDOW w AS ()",
    "SELECT GROUPING(email) FROM people GROUP BY ROLLUP (email)",
    "SELECT * EXCLUDE (email) FROM people",
    "SELECT people FROM people",
    "SELECT ctid FROM people",
    "SELECT rowid FROM people",
    "SELECT oid FROM people",
    "SELECT tableoid FROM people",
    "SELECT n_1 FROM people",
    "SELECT c1 FROM people",
    "SELECT \"id\"\"\" FROM people",
    "SELECT * FROM \"records_x\"",
    "SELECT email FROM people p WHERE people.age = 1",
    "SELECT count() FROM people",
    "SELECT lower() FROM people",
    "SELECT age FROM people WHERE age = 'x' || $1",
    "SELECT 1e999",
    "SELECT * FROM people ORDER BY ALL",
    "SELECT 'a\0b'",
];

#[tokio::test]
async fn nothing_but_a_select_over_tables_of_the_workspace_is_answered() {
    on_both(async |nictate| {
        fill(nictate).await;
        let before = rows(nictate, "SELECT * FROM people ORDER BY id").await;
        let mut answered = Vec::new();
        for sql in ESCAPES {
            let reply = ask(nictate, sql).await;
            if reply.status == 200 {
                answered.push((sql, reply.text));
                continue;
            }
            let message = reply.error(400, "sql_invalid")["message"].to_string();
            assert!(!message.replace("records_x", "").contains("records_"), "{sql}: {message}");
        }
        assert!(answered.is_empty(), "{answered:#?}");
        assert_eq!(rows(nictate, "SELECT * FROM people ORDER BY id").await, before);
    })
    .await;
}

#[tokio::test]
async fn an_error_speaks_of_the_query_as_it_was_written() {
    on_both(async |nictate| {
        fill(nictate).await;
        let says = async |sql: &str, part: &str| {
            let message = refused(nictate, sql).await;
            assert!(message.contains(part), "{sql}: {message}");
        };
        says("SELECT nothing FROM people", "nothing").await;
        says("SELECT p.nothing FROM people p", "nothing").await;
        says("SELECT * FROM nobody", "there is no table `nobody`").await;
        says("SELECT frob(1)", "the function `frob`; there are abs").await;
        says("SELECT 1 FROM (", "cannot be read").await;
        says("SELECT * FROM people FOR UPDATE", "FOR").await;
    })
    .await;
}

#[tokio::test]
async fn tables_of_another_workspace_are_not_there() {
    on_both(async |nictate| {
        fill(nictate).await;
        let tenant = nictate.tenant().await;
        let other = nictate.add_workspace(tenant, "other").await;
        nictate.add_person(Person::new("eve", tenant, &[(other, Role::Owner)])).await;
        let there = format!("/api/v1/workspace/{other}/tables/sql");
        let sql = json!({"sql": "SELECT * FROM people"});
        nictate.call_as("eve", Method::POST, &there, sql.clone()).await.error(400, "sql_invalid");
        let here = format!("/api/v1/workspace/{WORKSPACE}/tables/sql");
        nictate.call_as("eve", Method::POST, &here, sql).await.error(404, "workspace_not_found");
    })
    .await;
}

#[tokio::test]
async fn every_bound_is_met_and_not_passed() {
    on_both(async |nictate| {
        settle(nictate).await;
        let padded = |bytes: usize| format!("SELECT 1{}", " ".repeat(bytes - 8));
        ask(nictate, &padded(SQL_BYTES_MAX)).await.ok();
        refused(nictate, &padded(SQL_BYTES_MAX + 1)).await;

        let tables = |count: usize| {
            let joined: Vec<String> = (0..count).map(|n| format!("people p{n}")).collect();
            format!("SELECT count(*) FROM {}", joined.join(", "))
        };
        ask(nictate, &tables(TABLES_MAX)).await.ok();
        assert!(refused(nictate, &tables(TABLES_MAX + 1)).await.contains("tables"));

        // Whatever is nested as deeply as the text allows is an error and no crash.
        for (open, close) in [
            ("(", ")"),
            ("NOT ", ""),
            ("-", ""),
            ("1+", ""),
            ("(SELECT ", ")"),
            ("1 IN (", ")"),
            ("CASE WHEN true THEN ", " END"),
            ("lower(", ")"),
        ] {
            let times = (SQL_BYTES_MAX - 20) / (open.len() + close.len());
            let message =
                refused(nictate, &format!("SELECT {}1{}", open.repeat(times), close.repeat(times))).await;
            // Some the parser does not read on, others are refused for their levels.
            let is_told = ["levels", "recursion", "cannot be read"].iter().any(|part| message.contains(part));
            assert!(is_told, "{open}: {message}");
        }
        let deep = format!("SELECT {}", vec!["1"; DEPTH_MAX - 10].join("+"));
        ask(nictate, &deep).await.ok();

        let records: Vec<Value> = (0..101).map(|n| json!({"email": format!("{n}@x")})).collect();
        nictate.post("/table/people/records", json!({"records": records})).await.ok();
        let page = ask(nictate, "SELECT p.email FROM people p, people q LIMIT 10000").await.ok();
        assert_eq!(page["total"], 10_000);
        ask(nictate, "SELECT p.email FROM people p, people q").await.error(400, "page_too_large");
        ask(nictate, "SELECT p.email FROM people p, people q LIMIT 100000")
            .await
            .error(400, "page_too_large");
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_too_many_bytes_is_refused() {
    on_both(async |nictate| {
        settle(nictate).await;
        add(nictate, "findings", json!({"long_text": "x".repeat(900_000)})).await;
        add(nictate, "people", json!({"email": "x"})).await;
        let mut sql = "SELECT a.long_text".to_owned();
        for n in 0..40 {
            let _ = write!(sql, ", a.long_text AS t{n}");
        }
        ask(nictate, &format!("{sql} FROM findings a")).await.error(400, "page_too_large");
    })
    .await;
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped_and_others_go_on() {
    on_both(async |nictate| {
        settle(nictate).await;
        let records: Vec<Value> = (0..1_000).map(|n| json!({"email": format!("{n}@x"), "age": n})).collect();
        nictate.post("/table/people/records", json!({"records": records})).await.ok();
        let slow = "SELECT count(*) FROM people a, people b, people c, people d WHERE a.age + b.age + c.age + d.age = -1";
        let asked = ask(nictate, slow);
        let others = async { ask(nictate, "SELECT count(*) AS n FROM people").await.ok()["results"].clone() };
        let (slow, others) = tokio::join!(asked, others);
        slow.error(400, "sql_timeout");
        assert_eq!(others, json!([{"n": 1000}]));
    })
    .await;
}

#[tokio::test]
async fn a_step_asks_by_sql() {
    on_both(async |nictate| {
        fill(nictate).await;
        let step = "- id: S1\n  action: tables.GetRecordsV3\n  inputs:\n    query_method: SQL Query\n    sql: SELECT email FROM people WHERE age > $1\n    params: [30]";
        let id = nictate.publish("asks", &workflow(step, "{{ steps.S1.output.results }}")).await;
        let run = nictate.execute(&id, json!({})).await;
        let run = nictate.execution_in(&run, "Completed").await;
        assert_eq!(run["outputs"]["out"], json!([{"email": "ann@x"}]));
        let step = "- id: S1\n  action: tables.GetRecordsV3\n  inputs: {query_method: SQL Query, sql: DROP TABLE people}";
        let id = nictate.publish("drops", &workflow(step, "")).await;
        let run = nictate.execute(&id, json!({})).await;
        nictate.execution_in(&run, "Failed").await;
    })
    .await;
}
