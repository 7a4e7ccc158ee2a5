//! XML, HTML and Markdown.

use serde_json::{Value as Json, json};

use crate::{check, check_fails, run};

#[tokio::test]
async fn xml_becomes_json() {
    let action = "utility.ConvertXMLToJSON";
    let xml = "<?xml version=\"1.0\"?>\n<!DOCTYPE hosts>\n<!-- all -->\n<hosts zone='a &amp; b'>\n  <host>web-1</host>\n  \
               <host id=\"2\">db<![CDATA[<1>]]> &#65;&lt;</host>\n  <none/>\n</hosts>";
    let expected = json!({"hosts": {
        "@zone": "a & b", "host": ["web-1", {"@id": "2", "#text": "db<1> A<"}], "none": null,
    }});
    check(action, json!({"xml": xml}), expected).await;
    check(action, json!({"xml": "<a>x</a>"}), json!({"a": "x"})).await;
    check(action, json!({"xml": "<ns:a xmlns:ns=\"u\"/>"}), json!({"ns:a": {"@xmlns:ns": "u"}})).await;
}

#[tokio::test]
async fn xml_that_is_none_is_refused() {
    for (xml, why) in [
        ("", "input `xml` has no element"),
        ("text", "input `xml` cannot be read at byte 0: a text outside of the element at the top"),
        ("<a/><b/>", "input `xml` cannot be read at byte 4: a second element at the top"),
        ("<a><b>", "input `xml` cannot be read at byte 6: element `b` has no end"),
        ("<a x='1' x='2'/>", "input `xml` cannot be read at byte 0: the attribute `x` is there twice"),
        (
            "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>",
            "input `xml` cannot be read at byte 57: the entity `&e;` is not resolved",
        ),
    ] {
        check_fails("utility.ConvertXMLToJSON", json!({"xml": xml}), why).await;
    }
    let error = run("utility.ConvertXMLToJSON", json!({"xml": "<a></b>"})).await.unwrap_err();
    assert!(error.message.starts_with("input `xml` cannot be read at byte 3: "), "{}", error.message);
}

#[tokio::test]
async fn xml_is_only_so_deep() {
    let deep = |depth: usize| json!({"xml": "<a>".repeat(depth) + &"</a>".repeat(depth)});
    assert!(run("utility.ConvertXMLToJSON", deep(100)).await.is_ok());
    let message = "input `xml` cannot be read at byte 300: more than 100 elements within one another";
    check_fails("utility.ConvertXMLToJSON", deep(101), message).await;
    let nested = (0..100).fold(json!(1), |inner, _| json!({"a": inner}));
    let message = "input `json` has more than 100 levels";
    check_fails("utility.ConvertJSONToXML", json!({"json": nested, "root": "r"}), message).await;
}

#[tokio::test]
async fn json_becomes_xml() {
    let action = "utility.ConvertJSONToXML";
    let xml = |json: Json| json!({"json": json, "declaration": false});
    let hosts =
        json!({"hosts": {"@zone": "a\"<", "host": ["web-1", {"@id": 2, "#text": "d & b"}], "none": null}});
    let expected =
        "<hosts zone=\"a&quot;&lt;\"><host>web-1</host><host id=\"2\">d &amp; b</host><none></none></hosts>";
    check(action, xml(hosts.clone()), json!(expected)).await;
    check(
        "utility.ConvertXMLToJSON",
        json!({"xml": expected}),
        json!({"hosts": {
            "@zone": "a\"<", "host": ["web-1", {"@id": "2", "#text": "d & b"}], "none": null,
        }}),
    )
    .await;
    check(
        action,
        xml(json!([1, [true]])),
        json!("<root><item>1</item><item><item>true</item></item></root>"),
    )
    .await;
    check(action, xml(json!({"a": 1, "b": 2})), json!("<root><a>1</a><b>2</b></root>")).await;
    check(action, xml(json!({"a": [1]})), json!("<root><a>1</a></root>")).await;
    let declared = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<r><a>1</a></r>";
    check(action, json!({"json": {"a": 1}, "root": "r"}), json!(declared)).await;
    let message = "`a b` cannot be the name of an element or attribute of XML";
    check_fails(action, xml(json!({"r": {"a b": 1}})), message).await;
    check_fails(
        action,
        xml(json!({"r": {"@x": []}})),
        "`@x` must be a text, a number or a truth, not a list",
    )
    .await;
    let message = "`a` holds the character \\u{1}, which XML cannot";
    check_fails(action, xml(json!({"a": "\u{1}"})), message).await;
}

#[tokio::test]
async fn html_becomes_text() {
    let action = "utility.ConvertHTMLToText";
    for (html, expected) in [
        ("<p>Dear <b>cust</b>omer,</p>\n<p>it is\n ready.<br>Bye</p>", "Dear customer,\n\nit is ready.\nBye"),
        ("<ul><li>one<li>two &amp; three</ul>after", "- one\n- two & three\n\nafter"),
        ("<style>p > a {}</style><SCRIPT>if (a < b) alert('</p>')</SCRIPT >x<!-- > y -->z", "xz"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("1 < 2 &lt; 3 &unknown; &#x41;&#66; &copy", "1 < 2 < 3 &unknown; AB &copy"),
        ("<a title=\"x > y\" href='http://a.example'>here</a>", "here"),
        ("text <unfinished tag", "text"),
        ("", ""),
    ] {
        check(action, json!({"html": html}), json!(expected)).await;
    }
    let html = "Pay <a href='https://evil.example/?a=1&amp;b'>your bank</a>, <a href=\"http://x.example\">http://x.example</a> \
                <a href=#top>up</a> <a href=/p><img></a>!";
    let expected = "Pay your bank (https://evil.example/?a=1&b), http://x.example up /p!";
    check(action, json!({"html": html, "include_links": true}), json!(expected)).await;
}

#[tokio::test]
async fn html_of_any_kind_takes_little_time() {
    for piece in ["<", "<a ", "<!--", "<script>", "</", "&", "<a href='", "<pre>", "<ul><li>", "</script>"] {
        let html = piece.repeat(50_000);
        run("utility.ConvertHTMLToText", json!({"html": html, "include_links": true})).await.unwrap();
    }
}

#[tokio::test]
async fn markdown_becomes_html_that_does_nothing() {
    let action = "utility.ConvertMarkdownToHTML";
    let table = "<table><thead><tr><th>a</th></tr></thead><tbody>\n<tr><td>1</td></tr>\n</tbody></table>\n";
    for (markdown, expected) in [
        ("Host **web-1**", "<p>Host <strong>web-1</strong></p>\n"),
        ("| a |\n|---|\n| 1 |", table),
        ("a <script>x</script>", "<p>a &lt;script&gt;x&lt;/script&gt;</p>\n"),
        ("[x](https://a.example)", "<p><a href=\"https://a.example\">x</a></p>\n"),
        ("[x](/a:b)", "<p><a href=\"/a:b\">x</a></p>\n"),
        ("[x](javascript:alert(1))", "<p><a href=\"\">x</a></p>\n"),
        ("[x](<java&Tab;script:alert(1)>)", "<p><a href=\"\">x</a></p>\n"),
        ("![x](data:text/html,y)", "<p><img src=\"\" alt=\"x\" /></p>\n"),
        ("<javascript:alert(1)>", "<p><a href=\"\">javascript:alert(1)</a></p>\n"),
    ] {
        check(action, json!({"markdown": markdown}), json!(expected)).await;
    }
    let output =
        run(action, json!({"markdown": "<div onclick=x>\n\n<img src=x onerror=y>\n"})).await.unwrap();
    assert!(
        !output.as_str().unwrap().contains("<div") && !output.as_str().unwrap().contains("<img"),
        "{output}"
    );
    let message = "input `markdown` has more than 1048576 bytes";
    check_fails(action, json!({"markdown": "x".repeat(1024 * 1024 + 1)}), message).await;
}
