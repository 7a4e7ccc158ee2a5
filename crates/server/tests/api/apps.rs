//! Apps: what they may be, what is refused and how, and the figures that they show.

use reqwest::Method;
use serde_json::{Value, json};
use types::Role;

use crate::lists::hold_the_same;
use crate::support::{NOBODY, Nictate, Person, Reply, WORKSPACE, on_both, text};

const TEXT_BYTES_MAX: usize = 5 * 1024 * 1024;

fn resource(kind: &str, attributes: Value) -> Value {
    json!({"type": kind, "attributes": attributes,
           "display_config": {"width": 6, "height": 3, "position": {"x": 1, "y": 1}}})
}

async fn make(nictate: &Nictate, name: &str) -> String {
    text(&nictate.post("/apps", json!({"display_name": name})).await.ok()["app"], "id")
}

/// A table of findings, five records in it; its id.
async fn findings(nictate: &Nictate) -> String {
    let fields = json!([
        {"display_name": "Level", "type": "single-select", "attributes": {"options": ["low", "high"]}},
        {"display_name": "Score", "type": "number"},
        {"display_name": "Owner", "type": "user"},
        {"display_name": "Seen", "type": "date"},
        {"display_name": "Tags", "type": "list"},
        {"display_name": "Press", "type": "button"},
    ]);
    let made = nictate.post("/table", json!({"display_name": "Findings", "fields": fields})).await.ok();
    // 2024-02-29 and 2024-03-01 in UTC, the last second of 2023, and one before 1970.
    let records = json!({"records": [
        {"level": "low", "score": 1, "owner": "ann", "seen": 1_709_164_800_000_i64, "tags": ["a"]},
        {"level": "low", "score": 2, "owner": "bob", "seen": 1_709_251_200_000_i64},
        {"level": "low", "score": 6, "owner": "ann", "seen": 1_704_067_199_000_i64},
        {"level": "high", "score": 10.5, "owner": "ann", "seen": -1},
        {"score": 4},
    ]});
    nictate.post("/table/findings/records", records).await.ok();
    text(&made["table"], "id")
}

/// What a resource of these attributes shows.
async fn data(nictate: &Nictate, app: &str, kind: &str, attributes: Value) -> Reply {
    let made = nictate.post(&format!("/apps/{app}/resources"), resource(kind, attributes)).await.ok();
    nictate.get(&format!("/apps/{app}/resources/{}/data", text(&made, "id"))).await
}

fn with(base: &Value, more: Value) -> Value {
    let mut all = base.as_object().unwrap().clone();
    all.extend(more.as_object().unwrap().clone());
    Value::Object(all)
}

#[tokio::test]
async fn an_app_is_made_changed_and_deleted() {
    on_both(async |nictate| {
        let body = json!({"display_name": "My Overview", "description": "d", "icon": "HTTP", "categories": ["a", "b"]});
        let made = nictate.post("/apps", body).await.ok();
        let app = &made["app"];
        assert_eq!(
            (&app["name"], &app["display_name"], &app["description"], &app["categories"], &app["is_portal"]),
            (&json!("my_overview"), &json!("My Overview"), &json!("d"), &json!(["a", "b"]), &json!(false))
        );
        assert_eq!(made["resources"], json!([]));
        let path = format!("/apps/{}", text(app, "id"));
        // An icon is a collection's, by its name and by its picture; another one is none.
        let icon = text(app, "icon");
        let put = async |body: Value| nictate.put(&path, body).await.ok()["app"].clone();
        assert_eq!(put(json!({"display_name": "Mine", "icon": icon})).await["icon"], icon.as_str());
        let bare = put(json!({"display_name": "Mine", "icon": "nothing like it"})).await;
        assert!(text(&bare, "icon") != icon && bare["description"] == "" && bare["categories"] == json!([]));
        assert_eq!(put(json!({"display_name": "Mine"})).await["icon"], bare["icon"]);

        nictate.post("/apps", json!({"display_name": "Mine"})).await.error(400, "app_name_taken");
        make(nictate, "Other").await;
        nictate.put(&path, json!({"display_name": "Other"})).await.error(400, "app_name_taken");
        nictate.put(&path, json!({})).await.error(400, "name_invalid");
        nictate.post("/apps", json!({"display_name": "x", "categories": [1]})).await.error(400, "body_invalid");
        nictate.post("/apps", json!({"display_name": "x", "categories": vec!["c"; 101]})).await.error(400, "app_invalid");
        nictate.put(&format!("{path}/is_portal"), json!({})).await.error(400, "body_invalid");
        assert_eq!(nictate.put(&format!("{path}/is_portal"), json!({"is_portal_app": true})).await.ok()["is_portal"], true);

        assert_eq!(nictate.list("/apps", &json!({"search": {"text": "min"}})).await.column("display_name"), ["Mine"]);
        hold_the_same(nictate, "/apps", &store::apps::FIELDS).await;
        hold_the_same(nictate, "/table/sys_application", &store::apps::FIELDS).await;
        assert_eq!(nictate.get(&path.replace("/apps", "/table/sys_application")).await.ok()["display_name"], "Mine");
        nictate.post("/table/sys_application", json!({})).await.error(405, "method_not_allowed");

        nictate.post(&format!("{path}/resources"), resource("textbox", json!({"name": "n"}))).await.ok();
        assert_eq!(nictate.delete(&path).await.ok(), app["id"]);
        for id in [text(app, "id"), NOBODY.to_owned(), "x".to_owned()] {
            nictate.get(&format!("/apps/{id}")).await.error(404, "app_not_found");
            nictate.put(&format!("/apps/{id}"), json!({"display_name": "x"})).await.error(404, "app_not_found");
            nictate.delete(&format!("/apps/{id}")).await.error(404, "app_not_found");
        }
        for (action, count) in [("created", 2), ("updated", 3), ("is_portal_set", 1), ("deleted", 1)] {
            assert_eq!(nictate.audited(&format!("app.{action}")).await.len(), count, "{action}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_resource_comes_back_as_it_was_sent_with_its_table_filled_in() {
    on_both(async |nictate| {
        let table = findings(nictate).await;
        let app = make(nictate, "Overview").await;
        let path = format!("/apps/{app}/resources");
        let sent = json!({"name": "All", "table_name": "findings", "anything": {"else": [1, null]}});
        let made = nictate.post(&path, resource("table", sent.clone())).await.ok();
        let filled = with(&sent, json!({"table_id": table, "table_display_name": "Findings"}));
        assert_eq!(made["attributes"], filled);
        assert_eq!(made["display_config"], json!({"width": 6, "height": 3, "position": {"x": 1, "y": 1}}));
        let own = format!("{path}/{}", text(&made, "id"));

        // The table of a change is the one that `table_id` names.
        let stale = json!({"name": "All", "table_name": "gone", "table_id": table});
        let changed = nictate.put(&own, json!({"type": "table", "attributes": stale})).await.ok();
        assert_eq!(changed["attributes"]["table_name"], "findings");
        assert_eq!(changed["display_config"], made["display_config"], "what is not said stays");
        for (body, member) in [
            (json!({"type": "table", "attributes": sent}), "attributes.table_id"),
            (
                json!({"type": "table", "attributes": {"name": "n", "table_id": NOBODY}}),
                "attributes.table_id",
            ),
            (json!({"type": "textbox", "attributes": {"name": "n"}}), "type"),
            (json!({"id": NOBODY, "type": "table", "attributes": stale}), "id"),
        ] {
            let refused = nictate.put(&own, body).await.error(400, "app_invalid");
            assert!(refused["user_error"]["fields"][member].is_string(), "{member}: {refused}");
        }

        let flow = json!({"name": "f", "input": {"table_name": "findings"}, "output": {}});
        let flow = nictate.post(&path, resource("flow", flow)).await.ok();
        assert_eq!(flow["attributes"]["input"]["table_id"], table.as_str());
        let html =
            nictate.post(&path, resource("html", json!({"name": "h", "html_content": "<b>"}))).await.ok();
        let url = text(&html["attributes"], "html_url");
        assert_eq!(nictate.get(&url).await.ok()["html_content"], "<b>");
        let filter = nictate.post(&path, resource("filter", json!({"name": "f"}))).await.ok();
        let own = format!("{path}/{}", text(&filter, "id"));
        let body = json!({"type": "filter", "attributes": {"name": "g"}});
        let refused = nictate.put(&own, body.clone()).await.error(400, "app_invalid");
        assert!(refused["user_error"]["fields"]["id"].is_string());
        nictate.put(&own, with(&body, json!({"id": filter["id"]}))).await.ok();
        for id in [&flow["id"], &filter["id"]] {
            nictate.get(&format!("{path}/{}/data", id.as_str().unwrap())).await.ok();
        }
        assert_eq!(nictate.delete(&own).await.ok(), filter["id"]);
        for path in [own, format!("{path}/{NOBODY}"), format!("{path}/x")] {
            nictate.delete(&path).await.error(404, "app_resource_not_found");
            nictate.put(&path, body.clone()).await.error(404, "app_resource_not_found");
            nictate.get(&format!("{path}/data")).await.error(404, "app_resource_not_found");
        }
        for (action, count) in [("created", 4), ("updated", 2), ("deleted", 1)] {
            assert_eq!(nictate.audited(&format!("app_resource.{action}")).await.len(), count, "{action}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_word_and_every_bound_is_checked_and_named() {
    on_both(async |nictate| {
        findings(nictate).await;
        let app = make(nictate, "Overview").await;
        let path = format!("/apps/{app}/resources");
        let chart = json!({"name": "n", "table_name": "findings", "type": "chart", "chart_type": "bar"});
        let refused = async |body: Value, member: &str| {
            let refused = nictate.post(&path, body.clone()).await.error(400, "app_invalid");
            assert!(refused["user_error"]["fields"][member].is_string(), "{member}: {refused}");
            let whole = json!({"display_name": "Whole", "resources": [body]});
            nictate.post("/apps", whole).await.error(400, "app_invalid");
        };
        for (name, value) in [
            ("name", json!("")),
            ("type", json!("line")),
            ("type", json!("")),
            ("chart_type", json!("radar")),
            ("chart_type", json!("")),
            ("aggregation_function", json!("mode")),
            ("aggregation_function", json!(1)),
            ("date_bucket", json!("decade")),
            ("sort_by", json!("z-ascending")),
            ("user_count", json!("x")),
            ("group_by_user_count", json!("x")),
            ("format", json!("bytes")),
            ("symbol", json!(1)),
            ("limit", json!("ten")),
            ("limit", json!(0)),
            ("limit", json!(-1)),
            ("include_empty_values", json!("yes")),
            ("show_legend_title", json!(1)),
            ("column", json!(["x"])),
            ("table_name", json!("nothing")),
            ("table_name", json!("")),
        ] {
            refused(resource("table_data", with(&chart, json!({ name: value }))), &format!("attributes.{name}")).await;
        }
        let palette = |palette: Value| resource("table_data", with(&chart, json!({"palette": palette})));
        refused(palette(json!({"name": "#ff0000"})), "attributes.palette.name").await;
        refused(palette(json!({"name": "Sunny", "colorIndex": -1})), "attributes.palette.colorIndex").await;
        refused(resource("gauge", json!({"name": "n"})), "type").await;
        refused(resource("textbox", json!({"name": "n", "text": 1})), "attributes.text").await;
        refused(resource("textbox", json!({"name": "n", "text": "\u{0}"})), "attributes.text").await;
        refused(resource("flow", json!({"name": "n", "input": []})), "attributes.input").await;
        refused(resource("filter", json!({"name": "n", "x": "\u{0}"})), "attributes").await;
        refused(resource("filter", json!({"name": "n", "x": "x".repeat(256 * 1024)})), "attributes").await;
        refused(resource("filter", json!({"name": "x".repeat(501)})), "attributes.name").await;
        let config = |width: i64, height: i64, x: i64, y: i64| {
            let config = json!({"width": width, "height": height, "position": {"x": x, "y": y}});
            with(&resource("textbox", json!({"name": "n"})), json!({"display_config": config}))
        };
        for (body, member) in [
            (config(0, 1, 1, 1), "width"),
            (config(13, 1, 1, 1), "width"),
            (config(6, 1, 8, 1), "width"),
            (config(1, 0, 1, 1), "height"),
            (config(1, 1, 0, 1), "position.x"),
            (config(1, 1, 13, 1), "position.x"),
            (config(1, 1, 1, 0), "position.y"),
            (config(1, 1, 1, 10_001), "position.y"),
        ] {
            refused(body, &format!("display_config.{member}")).await;
        }
        let missing = with(&resource("textbox", json!({"name": "n"})), json!({"display_config": {"width": 1}}));
        refused(missing, "display_config.position.x").await;
        nictate.post(&path, config(12, 1, 1, 1)).await.ok();
        nictate.post(&path, config(5, 1, 8, 1)).await.ok();
        let bare = nictate.post(&path, json!({"type": "textbox", "attributes": {"name": "n"}})).await.ok();
        assert_eq!(bare["display_config"], json!({"width": 2, "height": 2, "position": {"x": 1, "y": 1}}));
        let long = |bytes: usize| resource("html", json!({"name": "n", "html_content": "x".repeat(bytes)}));
        nictate.post(&path, long(TEXT_BYTES_MAX)).await.ok();
        let refused = nictate.post(&path, long(TEXT_BYTES_MAX + 1)).await.error(400, "app_invalid");
        assert!(refused["user_error"]["fields"]["attributes.html_content"].is_string());
        assert_eq!(nictate.get("/apps").await.ok()["total"], 1, "nothing of what was refused is there");
        let many = json!({"display_name": "Many", "resources": vec![resource("textbox", json!({"name": "n"})); 201]});
        nictate.post("/apps", many).await.error(400, "app_limit");
    })
    .await;
}

#[tokio::test]
async fn numbers_are_counted_by_the_database() {
    on_both(async |nictate| {
        findings(nictate).await;
        let app = make(nictate, "Overview").await;
        let number = json!({"name": "n", "table_name": "findings", "type": "number"});
        let value = async |more: Value| {
            data(nictate, &app, "table_data", with(&number, more)).await.ok()["value"].clone()
        };
        let of = |function: &str| json!({"aggregation_function": function, "aggregation_column": "score"});
        assert_eq!(value(json!({})).await, 5);
        for (function, expected) in [
            ("count", json!(5)),
            ("sum", json!(23.5)),
            ("avg", json!(4.7)),
            ("min", json!(1)),
            ("max", json!(10.5)),
            ("median", json!(4)),
        ] {
            assert_eq!(value(of(function)).await, expected, "{function}");
        }
        let low = json!({"rql": {"level": "low"}});
        assert_eq!(value(with(&of("median"), low.clone())).await, 2);
        assert_eq!(value(with(&of("sum"), json!({"rql": r#"{"level": {"$eq": "low"}}"#}))).await, 9);
        assert_eq!(value(with(&of("max"), json!({"rql": {"level": "none"}}))).await, Value::Null);
        assert_eq!(value(with(&of("count"), json!({"rql": {"level": "none"}}))).await, 0);
        assert_eq!(
            value(json!({"aggregation_function": "max", "column": "seen"})).await,
            1_709_251_200_000_i64
        );

        for (more, part) in [
            (json!({"aggregation_function": "sum"}), "aggregation_column"),
            (json!({"aggregation_function": "sum", "aggregation_column": "colour"}), "`colour`"),
            (json!({"aggregation_function": "sum", "aggregation_column": "level"}), "`level`"),
            (json!({"aggregation_function": "sum", "aggregation_column": "seen"}), "`seen`"),
            (json!({"rql": {"colour": 1}}), "`colour`"),
            (json!({"rql": "level = low"}), "rql"),
        ] {
            let body =
                data(nictate, &app, "table_data", with(&number, more)).await.error(400, "app_data_invalid");
            assert!(text(&body, "message").contains(part), "{body}");
        }
    })
    .await;
}

#[tokio::test]
async fn charts_have_a_point_for_each_value_or_bucket() {
    on_both(async |nictate| {
        findings(nictate).await;
        let app = make(nictate, "Overview").await;
        let chart = json!({"name": "n", "table_name": "findings", "type": "chart", "chart_type": "bar"});
        let points = async |more: Value| {
            let shown = data(nictate, &app, "table_data", with(&chart, more)).await.ok();
            let points = shown["results"].as_array().unwrap().clone();
            points.iter().map(|p| json!([p["x"], p["value"]])).collect::<Vec<_>>()
        };
        let level = json!({"column": "level"});
        assert_eq!(points(level.clone()).await, [json!(["high", 1]), json!(["low", 3])]);
        assert_eq!(
            points(with(&level, json!({"sort_by": "y-descending", "limit": "1"}))).await,
            [json!(["low", 3])]
        );
        assert_eq!(points(with(&level, json!({"sort_by": "x-descending"}))).await[0], json!(["low", 3]));
        let all = with(&level, json!({"include_empty_values": true, "sort_by": "y-ascending"}));
        assert_eq!(points(all).await, [json!(["high", 1]), json!([null, 1]), json!(["low", 3])]);
        let median = json!({"aggregation_function": "median", "aggregation_column": "score"});
        assert_eq!(points(with(&level, median)).await, [json!(["high", 10.5]), json!(["low", 2])]);
        assert_eq!(points(json!({"column": "tags"})).await, [json!([["a"], 1])]);

        let series = with(&level, json!({"group_by_column": "owner"}));
        let shown = data(nictate, &app, "table_data", with(&chart, series)).await.ok();
        assert_eq!(
            shown["results"],
            json!([
                {"x": "high", "group": "ann", "value": 1},
                {"x": "low", "group": "ann", "value": 2},
                {"x": "low", "group": "bob", "value": 1},
            ])
        );
        // 1969-12-31, 2023-12-31, 2024-02-29 (a Thursday), 2024-03-01.
        for (bucket, expected) in [
            (
                "year",
                json!([[-31_536_000_000_i64, 1], [1_672_531_200_000_i64, 1], [1_704_067_200_000_i64, 2]]),
            ),
            (
                "quarter",
                json!([[-7_948_800_000_i64, 1], [1_696_118_400_000_i64, 1], [1_704_067_200_000_i64, 2]]),
            ),
            (
                "month",
                json!([
                    [-2_678_400_000_i64, 1],
                    [1_701_388_800_000_i64, 1],
                    [1_706_745_600_000_i64, 1],
                    [1_709_251_200_000_i64, 1]
                ]),
            ),
            ("week", json!([[-259_200_000, 1], [1_703_462_400_000_i64, 1], [1_708_905_600_000_i64, 2]])),
            (
                "day",
                json!([
                    [-86_400_000, 1],
                    [1_703_980_800_000_i64, 1],
                    [1_709_164_800_000_i64, 1],
                    [1_709_251_200_000_i64, 1]
                ]),
            ),
            (
                "hour",
                json!([
                    [-3_600_000, 1],
                    [1_704_063_600_000_i64, 1],
                    [1_709_164_800_000_i64, 1],
                    [1_709_251_200_000_i64, 1]
                ]),
            ),
            ("hour_of_the_day", json!([[0, 2], [23, 2]])),
            ("minutes_of_the_day", json!([[0, 2], [1439, 2]])),
            ("day_of_the_week", json!([[0, 1], [3, 1], [4, 1], [5, 1]])),
            ("month_of_the_year", json!([[2, 1], [3, 1], [12, 2]])),
            ("quarter_of_the_year", json!([[1, 2], [4, 2]])),
        ] {
            let found = points(json!({"column": "seen", "date_bucket": bucket})).await;
            assert_eq!(json!(found), expected, "{bucket}");
        }
        for (more, part) in [
            (json!({}), "`column`"),
            (json!({"column": "colour"}), "`colour`"),
            (json!({"column": "press"}), "`press`"),
            (json!({"column": "level", "group_by_column": "shape"}), "`shape`"),
            (json!({"column": "level", "date_bucket": "day"}), "`level`"),
        ] {
            let body =
                data(nictate, &app, "table_data", with(&chart, more)).await.error(400, "app_data_invalid");
            assert!(text(&body, "message").contains(part), "{body}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_table_shows_the_records_that_its_filter_lets_through() {
    on_both(async |nictate| {
        findings(nictate).await;
        let app = make(nictate, "Overview").await;
        let attributes = json!({"name": "n", "table_name": "findings", "rql": {"level": "low"}});
        let made = nictate.post(&format!("/apps/{app}/resources"), resource("table", attributes)).await.ok();
        let path = format!("/apps/{app}/resources/{}/data", text(&made, "id"));
        assert_eq!(nictate.get(&path).await.ok()["total"], 3);
        let q = json!({"filter": {"owner": "ann"}, "sort": ["-score"], "select": ["score"], "limit": 1});
        let page = nictate.list(&path, &q).await.ok();
        assert_eq!((&page["results"], &page["total"]), (&json!([{"score": 6}]), &json!(2)));
        for bad in ["[]", "{", r#"{"filter": {"colour": 1}}"#] {
            nictate.list_raw(&path, bad).await.error(400, "query_invalid");
        }
        nictate.delete("/table/findings").await.ok();
        nictate.get(&path).await.error(404, "table_not_found");
    })
    .await;
}

#[tokio::test]
async fn the_apps_of_another_workspace_are_not_there() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_person(Person::new("rita", tenant, &[(red, Role::Owner)])).await;
        let table = findings(nictate).await;
        let app = make(nictate, "Overview").await;
        let made = nictate
            .post(&format!("/apps/{app}/resources"), resource("textbox", json!({"name": "n"})))
            .await
            .ok();
        let own = format!("/apps/{app}/resources/{}", text(&made, "id"));
        let as_rita = async |method: Method, path: &str, body: Value| {
            let address = format!("/api/v1/workspace/{red}{path}");
            let request = nictate.request_as(Some("rita"), method.clone(), &address);
            Reply::of(if method == Method::GET { request } else { request.json(&body) }).await
        };
        let whole = resource("textbox", json!({"name": "n"}));
        for (method, path) in [
            (Method::GET, format!("/apps/{app}")),
            (Method::PUT, format!("/apps/{app}")),
            (Method::DELETE, format!("/apps/{app}")),
            (Method::POST, format!("/apps/{app}/resources")),
            (Method::PUT, own.clone()),
            (Method::DELETE, own.clone()),
            (Method::GET, format!("{own}/data")),
        ] {
            as_rita(method, &path, whole.clone()).await.error(404, "app_not_found");
        }
        assert_eq!(as_rita(Method::GET, "/apps", json!({})).await.results(), [Value::Null; 0]);
        let hers = as_rita(Method::POST, "/apps", json!({"display_name": "Overview"})).await.ok();
        let path = format!("/apps/{}/resources", text(&hers["app"], "id"));
        let foreign = resource("table", json!({"name": "n", "table_name": "findings"}));
        as_rita(Method::POST, &path, foreign).await.error(400, "app_invalid");
        let note = as_rita(Method::POST, &path, whole).await.ok();
        let body = json!({"attributes": {"name": "n", "table_id": table}});
        as_rita(Method::PUT, &format!("{path}/{}", text(&note, "id")), body).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_workspace_has_no_more_apps_and_an_app_no_more_resources_than_it_may() {
    on_both(async |nictate| {
        let workspace = WORKSPACE.parse().unwrap();
        let app = make(nictate, "First").await;
        let path = format!("/apps/{app}/resources");
        let note = resource("textbox", json!({"name": "n"}));
        let note_id = text(&nictate.post(&path, note.clone()).await.ok(), "id");
        let (app_id, note_id) = (app.parse().unwrap(), note_id.parse().unwrap());
        let first = store::apps::get(&nictate.db, workspace, app_id).await.unwrap().unwrap();
        let shown =
            store::app_resources::get(&nictate.db, workspace, app_id, note_id).await.unwrap().unwrap();
        nictate
            .write_beside(async move |tx| {
                for number in 1..1_000 {
                    let display_name = format!("app {number}");
                    let id = types::AppId::of_name(&display_name);
                    store::apps::insert(tx, &store::apps::AppRow { id, display_name, ..first.clone() })
                        .await?;
                }
                for number in 1..200 {
                    let id = types::AppResourceId::of_name(&number.to_string());
                    store::app_resources::insert(
                        tx,
                        &store::app_resources::AppResource { id, ..shown.clone() },
                    )
                    .await?;
                }
                Ok(())
            })
            .await;
        nictate.post("/apps", json!({"display_name": "One more"})).await.error(400, "app_limit");
        nictate.post(&path, note.clone()).await.error(400, "app_limit");
        assert_eq!(
            nictate.get(&format!("/apps/{app}")).await.ok()["resources"].as_array().unwrap().len(),
            200
        );
        nictate.delete(&format!("/apps/{app}")).await.ok();
        nictate.post("/apps", json!({"display_name": "One more"})).await.ok();
    })
    .await;
}
