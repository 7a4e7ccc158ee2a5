//! Records: both engines find and sort them as a plain reading of the query would, over tables of whatever fields, and
//! what is written is what is read.

use std::cmp::Ordering;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value as Json, json};
use store::records::{self, Change, ListError, PAGE_BYTES_MAX, RECORDS_MAX, Record, Shape};
use store::tables::{self, Attributes, FieldType, Table, TableField};
use store::testing::{NOW, Seeded, each_database, seed};
use store::{Db, StoreError};
use types::{Id, RecordId, Timestamp};

use crate::tables::table;

fn field(table: &Table, index: usize, field_type: FieldType) -> TableField {
    let name = format!("{}_{index}", field_type.as_str().replace('-', "_"));
    let is_indexed = index.is_multiple_of(2) && field_type.is_indexable();
    TableField {
        id: Id::of_name(&format!("{}.{name}", table.name)),
        table_id: table.id,
        workspace_id: table.workspace_id,
        display_name: name.clone(),
        name,
        description: String::new(),
        field_type,
        attributes: Attributes { indexed: is_indexed, ..Attributes::default() },
        column_number: index as i64 + 1,
        reference_table_id: None,
        created_at: NOW,
        created_by: "ada".to_owned(),
        updated_at: NOW,
        updated_by: "ada".to_owned(),
    }
}

/// Makes a table with fields of those types.
async fn make(db: &Db, seeded: &Seeded, name: &str, types: &[FieldType]) -> Shape {
    let table = table(seeded, name);
    let fields: Vec<TableField> =
        types.iter().enumerate().map(|(index, kind)| field(&table, index, *kind)).collect();
    let row = table.clone();
    db.write(async move |tx| {
        tables::insert(tx, &row).await?;
        for field in &fields {
            tables::insert_field(tx, field).await?;
        }
        Ok::<_, StoreError>(())
    })
    .await
    .unwrap();
    records::shape(db, seeded.workspace, name).await.unwrap().unwrap()
}

fn record(number: usize, values: Map<String, Json>) -> Record {
    Record {
        id: format!("01920000-0000-7000-8000-{number:012x}").parse().unwrap(),
        created_at: NOW,
        created_by: "ada".to_owned(),
        updated_at: NOW,
        updated_by: "ada".to_owned(),
        values,
    }
}

async fn insert(db: &Db, shape: &Shape, rows: Vec<Record>) {
    let shape = shape.clone();
    db.write(async move |tx| records::insert(tx, &shape, &rows).await).await.unwrap();
}

async fn listed(db: &Db, shape: &Shape, q: &Json) -> records::Listed {
    let query = shape.query(Some(&q.to_string())).map_err(|error| format!("{error}: {q}")).unwrap();
    records::list(db, shape, &query).await.unwrap()
}

const WORDS: [&str; 8] = ["alpha", "Alpha", "al%ha", "al_ha", r"b\c", "[b]*?", "caf\u{e9} \"x\", y", "Zed"];
const PATTERNS: [&str; 11] =
    ["al%", "%A", "_l%", r"al\%ha", r"al\_ha", r"b\\c", r"%\", "[b]%", "%*?", "%\"x%", "%"];
const NUMBERS: [f64; 7] = [-1.5, 0.0, 0.1, 2.0, 3.0, 1e300, -0.30000000000000004];
/// What has a table of its own to refer to is tested where there are such tables.
const TYPES: [FieldType; 16] = [
    FieldType::Text,
    FieldType::LongText,
    FieldType::Number,
    FieldType::Duration,
    FieldType::RiskLevel,
    FieldType::Checkbox,
    FieldType::SingleSelect,
    FieldType::MultiSelect,
    FieldType::List,
    FieldType::Status,
    FieldType::User,
    FieldType::Date,
    FieldType::Button,
    FieldType::Sla,
    FieldType::Vendor,
    FieldType::Vendors,
];

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Text,
    Number,
    Whole,
    Truth,
    List,
    Nothing,
}

fn class(kind: FieldType) -> Class {
    match kind {
        FieldType::Number => Class::Number,
        FieldType::Duration | FieldType::Date | FieldType::Sla => Class::Whole,
        FieldType::Checkbox => Class::Truth,
        FieldType::MultiSelect | FieldType::List | FieldType::Vendors => Class::List,
        FieldType::Button => Class::Nothing,
        _ => Class::Text,
    }
}

/// A value that is there.
fn some(class: Class) -> BoxedStrategy<Json> {
    let word = || prop::sample::select(&WORDS[..]).prop_map(Json::from);
    match class {
        Class::Text => word().boxed(),
        Class::Number => prop::sample::select(&NUMBERS[..]).prop_map(Json::from).boxed(),
        Class::Whole => (-3..6_i64).prop_map(Json::from).boxed(),
        Class::Truth => any::<bool>().prop_map(Json::from).boxed(),
        Class::List => prop::collection::vec(word(), 0..3).prop_map(Json::from).boxed(),
        Class::Nothing => Just(Json::Null).boxed(),
    }
}

fn value(class: Class) -> BoxedStrategy<Json> {
    prop_oneof![1 => Just(Json::Null), 4 => some(class)].boxed()
}

/// What can be compared with a value of the class.
fn operand(class: Class) -> BoxedStrategy<Json> {
    if class == Class::List { some(Class::Text) } else { some(class) }
}

fn test_of(name: String, class: Class) -> BoxedStrategy<Json> {
    let pick = |words: &'static [&'static str]| prop::sample::select(words);
    let of = |operator: &str, value: Json| json!({ operator: value });
    let listed = move || prop::collection::vec(prop_oneof![Just(Json::Null), operand(class)], 0..3);
    let mut tests = vec![
        any::<bool>().prop_map(move |b| of("$exists", b.into())).boxed(),
        pick(&["$eq", "$neq"]).prop_map(move |o| of(o, Json::Null)).boxed(),
        (pick(&["$eq", "$neq"]), operand(class)).prop_map(move |(o, v)| of(o, v)).boxed(),
        (pick(&["$in", "$nin"]), listed()).prop_map(move |(o, v)| of(o, v.into())).boxed(),
        operand(class).prop_map(move |v| json!({"$not": {"$eq": v}})).boxed(),
        operand(class).boxed(),
    ];
    if matches!(class, Class::Text | Class::List) {
        let like = (pick(&["$like", "$ilike"]), pick(&PATTERNS));
        tests.push(like.prop_map(move |(o, p)| of(o, p.into())).boxed());
    }
    if class == Class::List {
        tests.push((pick(&["$eq", "$neq"]), some(class)).prop_map(move |(o, v)| of(o, v)).boxed());
    }
    if matches!(class, Class::Text | Class::Number | Class::Whole) {
        let order = (pick(&["$gt", "$gte", "$lt", "$lte"]), operand(class));
        tests.push(order.prop_map(move |(o, v)| of(o, v)).boxed());
        let between = (operand(class), operand(class));
        tests.push(between.prop_map(|(a, b)| json!({"$gte": a, "$lt": b})).boxed());
    }
    prop::strategy::Union::new(tests).prop_map(move |test| json!({ name.as_str(): test })).boxed()
}

fn filters(fields: &[(String, Class)]) -> BoxedStrategy<Json> {
    let compared = fields.iter().filter(|(_, class)| *class != Class::Nothing);
    let mut leaves: Vec<_> = compared.map(|(name, class)| test_of(name.clone(), *class)).collect();
    leaves.push(Just(json!({})).boxed());
    prop::strategy::Union::new(leaves)
        .prop_recursive(3, 10, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "$and": parts })),
                prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "$or": parts })),
                inner.prop_map(|part| json!({ "$not": part })),
            ]
        })
        .boxed()
}

/// One table, its rows, and what it is asked.
#[derive(Clone, Debug)]
struct Case {
    types: Vec<FieldType>,
    rows: Vec<Vec<Json>>,
    changed: Vec<Vec<Json>>,
    queries: Vec<(Json, bool, Vec<String>, Option<&'static str>)>,
}

fn cases() -> impl Strategy<Value = Case> {
    prop::collection::vec(prop::sample::select(&TYPES[..]), 1..6).prop_flat_map(|types| {
        let fields: Vec<(String, Class)> = types
            .iter()
            .enumerate()
            .map(|(index, kind)| (format!("{}_{index}", kind.as_str().replace('-', "_")), class(*kind)))
            .collect();
        let row = || fields.iter().map(|(_, class)| value(*class)).collect::<Vec<_>>();
        let sortable = fields.iter().filter(|(_, class)| !matches!(class, Class::List | Class::Nothing));
        let mut keys: Vec<String> =
            sortable.flat_map(|(name, _)| [name.clone(), format!("-{name}")]).collect();
        keys.push("-id".to_owned());
        let sort = prop::collection::vec(prop::sample::select(keys), 0..3);
        let search = prop::option::of(prop::sample::select(&["L", "b", "%", "\"x", "zed"][..]));
        let query = (filters(&fields), any::<bool>(), sort, search);
        let (rows, changed) = (prop::collection::vec(row(), 0..9), prop::collection::vec(row(), 0..3));
        (Just(types), rows, changed, prop::collection::vec(query, 12))
            .prop_map(|(types, rows, changed, queries)| Case { types, rows, changed, queries })
    })
}

/// The filter, read plainly: no comparison with an absent value holds, and of a list any value will do.
fn holds(filter: &Json, row: &Record, ci: bool) -> bool {
    let Json::Object(filter) = filter else { unreachable!("filters are objects") };
    filter.iter().all(|(key, value)| match (key.as_str(), value) {
        ("$and", Json::Array(parts)) => parts.iter().all(|part| holds(part, row, ci)),
        ("$or", Json::Array(parts)) => parts.iter().any(|part| holds(part, row, ci)),
        ("$not", part) => !holds(part, row, ci),
        (name, test) => passes(&row.values[name], test, ci),
    })
}

fn passes(left: &Json, test: &Json, ci: bool) -> bool {
    let Json::Object(operators) = test else { return equals(left, test, ci) };
    operators.iter().all(|(operator, right)| match operator.as_str() {
        "$not" => !passes(left, right, ci),
        "$eq" => equals(left, right, ci),
        "$neq" => !equals(left, right, ci),
        "$in" => right.as_array().unwrap().iter().any(|right| equals(left, right, ci)),
        "$nin" => !right.as_array().unwrap().iter().any(|right| equals(left, right, ci)),
        "$exists" => left.is_null() != right.as_bool().unwrap(),
        "$like" => like(left, right.as_str().unwrap(), ci),
        "$ilike" => like(left, right.as_str().unwrap(), true),
        "$gt" => order(left, right, ci) == Some(Ordering::Greater),
        "$gte" => order(left, right, ci).is_some_and(Ordering::is_ge),
        "$lt" => order(left, right, ci) == Some(Ordering::Less),
        "$lte" => order(left, right, ci).is_some_and(Ordering::is_le),
        other => unreachable!("no operator {other}"),
    })
}

fn fold(text: &str, ci: bool) -> String {
    if ci { text.to_ascii_lowercase() } else { text.to_owned() }
}

fn equals(left: &Json, right: &Json, ci: bool) -> bool {
    match (left, right) {
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equals(left, right, ci))
        }
        (Json::Array(left), right) => left.iter().any(|left| equals(left, right, ci)),
        (Json::String(left), Json::String(right)) => fold(left, ci) == fold(right, ci),
        (Json::Number(left), Json::Number(right)) => left.as_f64() == right.as_f64(),
        (left, right) => left == right,
    }
}

fn order(left: &Json, right: &Json, ci: bool) -> Option<Ordering> {
    match (left, right) {
        (Json::String(left), Json::String(right)) => {
            Some(fold(left, ci).as_bytes().cmp(fold(right, ci).as_bytes()))
        }
        (Json::Bool(left), Json::Bool(right)) => Some(left.cmp(right)),
        (left, right) => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn like(left: &Json, pattern: &str, ci: bool) -> bool {
    fn fits(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|skip| fits(&text[skip..], rest)),
            ['_', rest @ ..] => !text.is_empty() && fits(&text[1..], rest),
            ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && fits(&text[1..], rest),
        }
    }
    match left {
        Json::Array(values) => values.iter().any(|value| like(value, pattern, ci)),
        Json::String(text) => {
            let (text, pattern) = (fold(text, ci), fold(pattern, ci));
            fits(&text.chars().collect::<Vec<_>>(), &pattern.chars().collect::<Vec<_>>())
        }
        _ => false,
    }
}

fn is_found(row: &Record, text: &str) -> bool {
    let contains = |value: &Json| match value {
        Json::String(value) => fold(value, true).contains(&fold(text, true)),
        _ => false,
    };
    row.values.values().any(|value| match value {
        Json::Array(values) => values.iter().any(contains),
        value => contains(value),
    })
}

/// The order of two rows: absent values last, whatever the direction; in the end the id, in the last direction.
fn compare(sort: &[String], a: &Record, b: &Record) -> Ordering {
    let directed = |order: Ordering, key: &str| if key.starts_with('-') { order.reverse() } else { order };
    for key in sort {
        let name = key.trim_start_matches('-');
        let order = match name {
            "id" => directed(a.id.cmp(&b.id), key),
            name => match (&a.values[name], &b.values[name]) {
                (Json::Null, Json::Null) => Ordering::Equal,
                (Json::Null, _) => Ordering::Greater,
                (_, Json::Null) => Ordering::Less,
                (a, b) => directed(order(a, b, false).unwrap(), key),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
    directed(a.id.cmp(&b.id), sort.last().map_or("", String::as_str))
}

/// The rows that a table of those values has.
fn rows_of(shape: &Shape, rows: &[Vec<Json>]) -> Vec<Record> {
    let named = |values: &Vec<Json>| {
        shape.fields.iter().map(|field| field.name.clone()).zip(values.iter().cloned()).collect()
    };
    rows.iter().enumerate().map(|(number, values)| record(number, named(values))).collect()
}

/// Gives the first rows other values, in the table and in `rows`.
async fn change(db: &Db, shape: &Shape, rows: &mut [Record], changed: &[Vec<Json>]) {
    let mut changes = Vec::new();
    for (row, new) in rows.iter_mut().zip(rows_of(shape, changed)) {
        // Every other field only.
        let values: Map<String, Json> = new.values.into_iter().step_by(2).collect();
        row.values.extend(values.clone());
        (row.updated_at, row.updated_by) = (Timestamp::from_millis(NOW.as_millis() + 1), "bob".to_owned());
        changes.push(Change { id: row.id, values });
    }
    let shape = shape.clone();
    db.write(async move |tx| records::update(tx, &shape, &changes, NOW, "bob").await).await.unwrap();
}

/// Holds the engine to a plain reading; how many queries found some rows and not others.
async fn hold_case(db: &Db, seeded: &Seeded, number: usize, case: &Case) -> usize {
    let mut telling = 0;
    let shape = make(db, seeded, &format!("t{number}"), &case.types).await;
    let mut rows = rows_of(&shape, &case.rows);
    insert(db, &shape, rows.clone()).await;
    change(db, &shape, &mut rows, &case.changed).await;
    for (filter, ci, sort, search) in &case.queries {
        let has_text = case.types.iter().any(|kind| matches!(class(*kind), Class::Text | Class::List));
        let search = search.filter(|_| has_text);
        let mut q = json!({"filter": filter, "ci": ci, "sort": sort});
        if let Some(text) = search {
            q["search"] = json!({ "text": text });
        }
        let mut wanted: Vec<Record> = rows
            .iter()
            .filter(|row| holds(filter, row, *ci) && search.is_none_or(|text| is_found(row, text)))
            .cloned()
            .collect();
        wanted.sort_by(|a, b| compare(sort, a, b));
        let found = listed(db, &shape, &q).await.page;
        assert_eq!(found.rows, wanted, "{:?} {q}", case.types);
        assert_eq!(found.total, wanted.len() as u64, "{q}");
        telling += usize::from(!wanted.is_empty() && wanted.len() < rows.len());
        let walked = walk(db, &shape, &q, wanted.len() as u64).await;
        assert_eq!(walked, wanted, "{:?} {q}", case.types);
    }
    telling
}

/// Every row, two a page.
async fn walk(db: &Db, shape: &Shape, q: &Json, total: u64) -> Vec<Record> {
    let mut q = q.clone();
    q["limit"] = json!(2);
    q["cursor"] = json!("");
    let mut rows = Vec::new();
    loop {
        let found = listed(db, shape, &q).await;
        assert_eq!(found.page.total, total, "{q}");
        rows.extend(found.page.rows);
        match found.cursor {
            Some(cursor) => q["cursor"] = json!(cursor),
            None => return rows,
        }
    }
}

#[tokio::test]
async fn both_engines_answer_as_a_plain_reading_of_the_query_would() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = cases();
    let cases: Vec<Case> = (0..60).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut telling = 0;
        for (number, case) in cases.iter().enumerate() {
            telling += hold_case(&db, &seeded, number, case).await;
        }
        assert!(telling > 150, "only {telling} queries tell rows apart");
    })
    .await;
}

fn named<const N: usize>(values: [(&str, Json); N]) -> Map<String, Json> {
    values.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

fn title(text: &str) -> Map<String, Json> {
    named([("text_0", json!(text))])
}

#[tokio::test]
async fn as_many_records_as_one_call_may_write_are_written_changed_and_deleted() {
    let types = [TYPES.as_slice(), &TYPES, &TYPES, &TYPES, &TYPES].concat();
    each_database(async |db| {
        let seeded = seed(&db).await;
        let shape = make(&db, &seeded, "wide", &types).await;
        let rows: Vec<Record> =
            (0..=RECORDS_MAX).map(|number| record(number, title(&number.to_string()))).collect();
        insert(&db, &shape, rows).await;
        let (writing, ids) = (shape.clone(), (0..=RECORDS_MAX).map(|number| record(number, Map::new()).id));
        let changes: Vec<Change> = ids
            .enumerate()
            .map(|(number, id)| {
                let number = json!(number as f64);
                let values = [("number_2", number), ("checkbox_5", json!(true)), ("text_0", Json::Null)];
                Change { id, values: named(values) }
            })
            .collect();
        db.write(async move |tx| records::update(tx, &writing, &changes, NOW, "bob").await).await.unwrap();
        let q = json!({"filter": {"checkbox_5": true, "number_2": {"$gte": 9_990}}});
        let found = listed(&db, &shape, &q).await.page;
        let numbers: Vec<f64> =
            found.rows.iter().map(|row| row.values["number_2"].as_f64().unwrap()).collect();
        assert_eq!(numbers, (9_990..=10_000).map(f64::from).collect::<Vec<_>>());
        let everything = shape.query(None).unwrap();
        let (writing, query) = (shape.clone(), everything.clone());
        let deleted = db.write(async move |tx| {
            let (ids, has_more) = records::matching(tx, &writing, &query).await?;
            Ok::<_, StoreError>((records::delete(tx, &writing, &ids).await?.len(), has_more))
        });
        assert_eq!(deleted.await.unwrap(), (RECORDS_MAX, true));
        let left = records::list(&db, &shape, &everything).await.unwrap().page;
        assert_eq!((left.total, left.rows[0].values["number_2"].as_f64()), (1, Some(10_000.0)));
        let (writing, id) = (shape.clone(), left.rows[0].id);
        let gone: RecordId = Id::of_name("gone");
        let deleted = db.write(async move |tx| records::delete(tx, &writing, &[gone, id]).await);
        assert_eq!(deleted.await.unwrap(), [id]);
    })
    .await;
}

#[tokio::test]
async fn a_page_of_too_many_bytes_is_refused_and_a_smaller_one_is_not() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let shape = make(&db, &seeded, "long", &[FieldType::Text, FieldType::LongText]).await;
        let long = json!("x".repeat(PAGE_BYTES_MAX / 8));
        let row = |number| {
            let values = [("text_0", json!("t".repeat(2_001))), ("long_text_1", long.clone())];
            record(number, named(values))
        };
        insert(&db, &shape, (0..9).map(row).collect()).await;
        let list = async |q: Json| {
            let query = shape.query(Some(&q.to_string())).unwrap();
            records::list(&db, &shape, &query).await
        };
        assert!(matches!(list(json!({})).await, Err(ListError::TooLarge)));
        assert_eq!(list(json!({"limit": 7})).await.unwrap().page.rows.len(), 7);
        let some = list(json!({"select": ["text_0"]})).await.unwrap().page;
        assert_eq!((some.rows.len(), some.rows[0].values.len()), (9, 1));
        let by_text = list(json!({"sort": ["text_0"], "cursor": "", "limit": 2, "select": ["id"]})).await;
        assert!(matches!(by_text, Err(ListError::NoCursor(_))));
    })
    .await;
}

#[tokio::test]
async fn a_cursor_leads_on_from_a_record_that_is_gone_and_no_other_text_does() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let shape = make(&db, &seeded, "words", &[FieldType::Text, FieldType::Number]).await;
        insert(&db, &shape, (0..6).map(|number| record(number, title(WORDS[number]))).collect()).await;
        let q = json!({"sort": ["-id"], "cursor": "", "limit": 2});
        let first = listed(&db, &shape, &q).await;
        let (writing, last) = (shape.clone(), first.page.rows[1].id);
        db.write(async move |tx| records::delete(tx, &writing, &[last]).await).await.unwrap();
        let cursor = first.cursor.unwrap();
        let second = listed(&db, &shape, &json!({"sort": ["-id"], "cursor": cursor, "limit": 2})).await;
        let expected = [3, 2].map(|number| record(number, Map::new()).id);
        assert_eq!(second.page.rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected);

        let refusal = |q: Json| shape.query(Some(&q.to_string())).unwrap_err().to_string();
        let other = refusal(json!({"sort": ["text_0"], "cursor": cursor}));
        assert_eq!(other, "`q`: `cursor` is of a list sorted by `-id`");
        let none = "`q`: `cursor` is none that this list has answered";
        let long = "5b".repeat(40_000);
        for bad in ["x", "abc", "5b5d", "zz", "5b5b5d2c5b5d2c5d", "\u{e9}\u{e9}", &cursor[2..], &long] {
            assert_eq!(refusal(json!({"sort": ["-id"], "cursor": bad})), none, "{bad:.20}");
        }
        assert_eq!(refusal(json!({"cursor": 1})), "`q`: `cursor` is text, not `1`");
        assert_eq!(
            refusal(json!({"cursor": "", "offset": 1})),
            "`q`: `offset` and `cursor` exclude each other"
        );
        let unknown = store::Query::parse(Some(r#"{"cursor": ""}"#), &tables::FIELDS).unwrap_err();
        assert!(unknown.to_string().contains("unknown key `cursor`"), "{unknown}");
    })
    .await;
}

#[tokio::test]
async fn a_field_that_cannot_be_compared_so_says_so() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let shape = make(&db, &seeded, "all", &TYPES).await;
        let check = |q: Json, text: &str| {
            let error = shape.query(Some(&q.to_string())).unwrap_err().to_string();
            assert_eq!(error, format!("`q`: {text}"), "{q}");
        };
        let filter = |name: &str, test: Json| json!({"filter": { name: test }});
        check(filter("number_2", json!("x")), "`$eq` on `number_2` takes a number, not `\"x\"`");
        check(filter("number_2", json!({"$like": "1"})), "`$like` is for text, and `number_2` is none");
        check(filter("list_8", json!({"$gt": "x"})), "`list_8` is a list; it has no order");
        check(filter("list_8", json!(1)), "`$eq` on `list_8` takes text, or a list of texts, not `1`");
        check(filter("list_8", json!([1])), "`$eq` on `list_8` takes text, or a list of texts, not `1`");
        check(filter("button_12", json!(null)), "there is no filtering by `button_12`");
        check(filter("c1", json!("x")), "there is no field `c1`");
        check(filter("lsit_8", json!("x")), "there is no field `lsit_8`; did you mean `list_8`?");
        check(json!({"sort": ["list_8"]}), "there is no sorting by `list_8`");
        check(
            json!({"search": {"text": "x", "fields": ["number_2"]}}),
            "there is no searching in `number_2`",
        );
    })
    .await;
}
