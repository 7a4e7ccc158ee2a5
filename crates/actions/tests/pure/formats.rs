//! CSV, YAML and Base64.

use serde_json::{Map, Value as Json, json};

use crate::{check, check_fails, run};

#[tokio::test]
async fn csv_becomes_json() {
    let action = "utility.ConvertCSVToJSON";
    let csv = "\u{feff}host,note\r\nweb-1,\"a, \"\"b\"\"\nc\"\n\ndb-1,\n";
    let expected = json!([{"host": "web-1", "note": "a, \"b\"\nc"}, {"host": "db-1", "note": ""}]);
    check(action, json!({"csv": csv}), expected).await;
    let lists = json!({"csv": "a;b\n1;2", "delimiter": ";", "header": false});
    check(action, lists, json!([["a", "b"], ["1", "2"]])).await;
    check(action, json!({"csv": "a\tb\n1\t2", "delimiter": "\\t"}), json!([{"a": "1", "b": "2"}])).await;
    check(action, json!({"csv": ""}), json!([])).await;
    check_fails(action, json!({"csv": "a,b\n1"}), "input `csv` is uneven: line 2: 1 values, not 2 as before")
        .await;
    check_fails(action, json!({"csv": "a,a\n1,2"}), "input `csv` has two columns named `a`").await;
    let message = "input `delimiter` must be one sign of ASCII, not `::`";
    check_fails(action, json!({"csv": "a", "delimiter": "::"}), message).await;
}

#[tokio::test]
async fn a_table_has_an_end() {
    let action = "utility.ConvertCSVToJSON";
    let wide = vec!["x"; 10_001].join(",");
    check_fails(action, json!({"csv": wide}), "input `csv` has more than 10000 columns").await;
    // The name of the column would be there in each of the rows.
    let long = format!("{}\n{}", "n".repeat(1024 * 1024), "1\n".repeat(100));
    let message = "the output has more than the 20971520 bytes that a step may keep";
    check_fails(action, json!({"csv": long}), message).await;
    let many = "1\n".repeat(1_000_002);
    check_fails(action, json!({"csv": many}), "the output has more than 1000000 elements").await;
    let keys: Map<String, Json> = (0..10_001).map(|number| (number.to_string(), json!(1))).collect();
    let message = "input `json` has more than 10000 different keys";
    check_fails("utility.ConvertJSONToCSV", json!({"json": [keys]}), message).await;
}

#[tokio::test]
async fn json_becomes_csv() {
    let action = "utility.ConvertJSONToCSV";
    let rows =
        json!([{"host": "web-1", "tags": ["a", "b"]}, {"host": "a \"b\", c", "up": true, "tags": null}]);
    let expected = "host,tags,up\nweb-1,\"[\"\"a\"\",\"\"b\"\"]\",\n\"a \"\"b\"\", c\",,true\n";
    check(action, json!({"json": rows}), json!(expected)).await;
    let some = json!({"json": rows.to_string(), "columns": ["up", "host"], "delimiter": ";", "header": "no"});
    check(action, some, json!(";web-1\ntrue;\"a \"\"b\"\", c\"\n")).await;
    check(action, json!({"json": {"a": 1}}), json!("a\n1\n")).await;
    check(action, json!({"json": [[1, null], ["x"]]}), json!("1,\nx\n")).await;
    check(action, json!({"json": []}), json!("")).await;
    let message = "input `json` must be a list of maps or of lists, not a text";
    check_fails(action, json!({"json": "x"}), message).await;
    let message = "element 1 of `json` must be a map or a list, not a number";
    check_fails(action, json!({"json": [{"a": 1}, 7]}), message).await;
}

#[tokio::test]
async fn yaml_goes_both_ways() {
    let yaml = "host: web-1\nports: [80, 0x1BB]\nup: true\nsaid: 'no'\nnone:\nbase: &b {a: 1}\ncopy: *b\n";
    let expected = json!({
        "host": "web-1", "ports": [80, 443], "up": true, "said": "no", "none": null, "base": {"a": 1}, "copy": {"a": 1},
    });
    check("utility.ConvertYAMLToJSON", json!({"yaml": yaml}), expected.clone()).await;
    for value in
        [expected, json!([]), json!("true"), json!("a: b"), json!({"1": "0x1", "t": "l1\nl2\n", "": null})]
    {
        let written = run("utility.ConvertJSONToYAML", json!({"json": {"value": value}})).await.unwrap();
        check("utility.ConvertYAMLToJSON", json!({"yaml": written}), json!({"value": value})).await;
    }
    check("utility.ConvertJSONToYAML", json!({"json": {"a": [1, "no"]}}), json!("a:\n- 1\n- \"no\"\n")).await;
}

#[tokio::test]
async fn yaml_has_bounds() {
    let fails = async |yaml: String| {
        let error = run("utility.ConvertYAMLToJSON", json!({"yaml": yaml})).await.unwrap_err();
        assert_eq!(error.code.as_str(), "invalid_input");
        assert!(error.message.starts_with("input `yaml` is not one YAML document: "), "{}", error.message);
    };
    fails("a: [1".to_owned()).await;
    fails("a: 1\n---\nb: 2\n".to_owned()).await;
    fails("a: 1\na: 2\n".to_owned()).await;
    fails("[".repeat(65) + &"]".repeat(65)).await;
    fails("- 1\n".repeat(250_001)).await;
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let alias = format!("*a{}", level - 1);
        laughs += &format!("a{level}: &a{level} [{}]\n", vec![alias; 9].join(", "));
    }
    fails(laughs).await;
}

#[tokio::test]
async fn base64_goes_both_ways() {
    let (encode, decode) = ("utility.EncodeBase64", "utility.DecodeBase64");
    check(encode, json!({"text": "hello"}), json!("aGVsbG8=")).await;
    check(encode, json!({"text": "ü?>"}), json!("w7w/Pg==")).await;
    check(encode, json!({"text": "ü?>", "url_safe": true}), json!("w7w_Pg")).await;
    for text in ["w7w/Pg==", "w7w/Pg", "w7w_Pg", " w7w/\nPg = = "] {
        check(decode, json!({"base64": text}), json!("ü?>")).await;
    }
    check(decode, json!({"base64": ""}), json!("")).await;
    let binary = json!({"encoding": "base64", "content_type": "application/octet-stream", "data": "/wA="});
    check(decode, json!({"base64": "_wA"}), binary).await;
    let message = "input `base64` is not Base64: Invalid symbol 33, offset 2.";
    check_fails(decode, json!({"base64": "aG!!"}), message).await;
}
