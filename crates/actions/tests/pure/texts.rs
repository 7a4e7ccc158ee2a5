//! Texts and lists, and what is found in texts.

use serde_json::{Value as Json, json};

use crate::{check, check_fails, run};

#[tokio::test]
async fn a_text_is_split() {
    let action = "utility.ConvertTextToList";
    check(action, json!({"text": " a \r\n\nb\n"}), json!(["a", "b"])).await;
    let as_it_is = json!({"text": " a \r\n\nb", "trim": false, "skip_empty": false});
    check(action, as_it_is, json!([" a ", "", "b"])).await;
    check(action, json!({"text": "a, b,,c", "separator": ","}), json!(["a", "b", "c"])).await;
    check(action, json!({"text": "a b", "separator": " "}), json!(["a", "b"])).await;
    check(action, json!({"text": "a\tb", "separator": "\\t"}), json!(["a", "b"])).await;
    check(action, json!({"text": ""}), json!([])).await;
    check(action, json!({"text": 7}), json!(["7"])).await;
    let many = "a,".repeat(1_000_001);
    let message = "the output has more than 1000000 elements";
    check_fails(action, json!({"text": many, "separator": ","}), message).await;
}

#[tokio::test]
async fn a_list_is_joined() {
    let action = "utility.ConvertListToText";
    check(action, json!({"list": ["a", 1, null, true, {"b": [2]}]}), json!("a, 1, , true, {\"b\":[2]}"))
        .await;
    check(action, json!({"list": "[1, 2]", "separator": "\\n"}), json!("1\n2")).await;
    check(action, json!({"list": []}), json!("")).await;
    let inputs = json!({"list": vec![1; 1000], "separator": "x".repeat(30_000)});
    check_fails(action, inputs, "the output has more than the 20971520 bytes that a step may keep").await;
}

#[tokio::test]
async fn indicators_are_found_each_once() {
    let md5 = "d41d8cd98f00b204e9800998ecf8427e";
    let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    let sha256 = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
    let text = format!(
        "From ann@b[.]example (203.0.113[.]9, again 203.0.113.9 and [2001:db8::1]): see hxxps://evil[.]example/a.exe, \
         www.c.example, cve-2021-44228 and CVE-2021-44228, {md5} {sha1} {sha256} report.pdf"
    );
    let expected = json!({
        "ips": ["203.0.113.9", "2001:db8::1"],
        "domains": ["b.example", "evil.example", "www.c.example"],
        "urls": ["https://evil.example/a.exe"],
        "emails": ["ann@b.example"],
        "hashes": [md5, sha1, sha256],
        "md5": [md5],
        "sha1": [sha1],
        "sha256": [sha256],
        "cves": ["CVE-2021-44228"],
    });
    check("utility.ExtractIndicators", json!({"text": text}), expected).await;
}

#[tokio::test]
async fn indicators_are_found_in_lists_and_maps() {
    let alert = json!({"evil.example": ["x\nc.example", {"ip": "10.0.0.1"}], "n": 7});
    for given in [alert.clone(), Json::from(alert.to_string())] {
        let output = run("utility.ExtractIndicators", json!({"text": given})).await.unwrap();
        assert_eq!(output["domains"], json!(["evil.example", "c.example"]));
        assert_eq!(output["ips"], json!(["10.0.0.1"]));
    }
}

#[tokio::test]
async fn a_text_without_indicators_has_none() {
    let output =
        run("utility.ExtractIndicators", json!({"text": "nothing 1.2.3 a.b CVE-1 deadbeef"})).await.unwrap();
    let lists = output.as_object().unwrap();
    assert!(lists.values().all(|list| *list == json!([])), "{output}");
}

#[tokio::test]
async fn a_long_text_takes_little_time() {
    for piece in ["a.bb,", "a@b.cc", "1.1.1.1:", "http://a.bb/", "[.]", "::", "a."] {
        let text = format!("http://{}", piece.repeat(50_000));
        let output: Json = run("utility.ExtractIndicators", json!({"text": text})).await.unwrap();
        assert!(output["urls"].is_array());
    }
}
