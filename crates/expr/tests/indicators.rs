//! The functions on indicators, with text as people and machines write it.

#![allow(clippy::unwrap_used)] // helpers of tests, which may

use std::fmt::Write as _;

use expr::{Context, Expression, Map, Value};

fn evaluate(source: &str, text: &str) -> Value {
    let scope = Map::from_iter([("text".into(), Value::from(text))]);
    let mut rng = types::SeededRng::from_u64(1);
    let now = types::Timestamp::from_millis(0);
    Expression::parse(source).unwrap().evaluate(&mut Context::new(&scope, now, &mut rng)).unwrap()
}

/// Holds that `function` finds `wanted` in the text.
#[track_caller]
fn check(function: &str, text: &str, wanted: &[&str]) {
    assert_eq!(
        evaluate(&format!("{function}(text)"), text),
        Value::from_iter(wanted.iter().copied()),
        "{text}"
    );
}

#[test]
fn ips_are_told_from_times_versions_and_code() {
    check("extract_ips", "src=10.0.0.1, dst=[2001:db8::1]:443.", &["10.0.0.1", "2001:db8::1"]);
    check("extract_ips", "10.0.0.1:80->10.0.0.2:443 (10.0.0.1)", &["10.0.0.1", "10.0.0.2"]);
    check("extract_ips", "fe80::1%eth0 ::ffff:10.0.0.1 ::1", &["fe80::1", "::ffff:10.0.0.1", "::1"]);
    check("extract_ips", "net 192.0.2.0/24, http://192.0.2.7:8080/x", &["192.0.2.0", "192.0.2.7"]);
    check(
        "extract_ips",
        "client: 2001:DB8:0:0:0:0:0:1: refused, peer:2001:db8::2",
        &["2001:DB8:0:0:0:0:0:1", "2001:db8::2"],
    );
    check(
        "extract_ips",
        "at 12:30:45 from aa:bb:cc:dd:ee:ff by std::vec::Vec v1.2.3.4.5 256.1.1.1 08.8.8.8",
        &[],
    );
    check("extract_ips", "4.3.2.1.in-addr.example and 10.0.0.1.example", &[]);
    check(
        "extract_ips",
        "1[.]2[.]3[.]4 1.2.3(.)5 hxxp://1[.]2.3.6/ 2001[:]db8[:][:]9",
        &["1.2.3.4", "1.2.3.5", "1.2.3.6", "2001:db8::9"],
    );
}

#[test]
fn urls_end_where_their_sentence_goes_on() {
    check(
        "extract_urls",
        "See https://a.example/x?y=1, (http://b.example/p_(1)) and <https://c.example/>!",
        &["https://a.example/x?y=1", "http://b.example/p_(1)", "https://c.example/"],
    );
    check(
        "extract_urls",
        "[md](https://a.example/a) **https://b.example** \"https://c.example\" 'https://d.example'.",
        &["https://a.example/a", "https://b.example", "https://c.example", "https://d.example"],
    );
    check(
        "extract_urls",
        "https://a.example,https://b.example;http://c.example/a,b;c",
        &["https://a.example", "https://b.example", "http://c.example/a,b;c"],
    );
    check(
        "extract_urls",
        "https://[2001:db8::1]:8443/x http://user@h.example:80: ftp://f.example/. HTTPS://X.example",
        &[
            "https://[2001:db8::1]:8443/x",
            "http://user@h.example:80",
            "ftp://f.example/",
            "HTTPS://X.example",
        ],
    );
    check(
        "extract_urls",
        "hxxps://bad[.]example/a hXXp[:]//b(.)example fxp://c.example/d",
        &["https://bad.example/a", "http://b.example", "ftp://c.example/d"],
    );
    check(
        "extract_urls",
        "https://müller.example/straße?q=é。 http:// https://. javascript://a",
        &["https://müller.example/straße?q=é"],
    );
}

#[test]
fn domains_are_hosts_and_no_files() {
    check(
        "extract_domains",
        "a.example. Mail b@c.example, www.müller.de xn--mller-kva.de",
        &["a.example", "c.example", "www.müller.de", "xn--mller-kva.de"],
    );
    check(
        "extract_domains",
        "https://u.example/p.q/r.html?s=t.u#v.w then x.example",
        &["u.example", "x.example"],
    );
    check("extract_domains", "run setup.exe, read report.PDF, 1.2.3.4, 3.14, x..y", &[]);
    check("extract_domains", "bad[.]evil[dot]com hxxp://a[.]b.example", &["bad.evil.com", "a.b.example"]);
}

#[test]
fn mail_addresses_may_be_in_any_script() {
    check(
        "extract_emails",
        "Ann <ann@b.example>, bob+x@müller.de; o'neil@c.example.",
        &["ann@b.example", "bob+x@müller.de", "o'neil@c.example"],
    );
    check(
        "extract_emails",
        "x@y @z.example a@ 'd@e.example' mailto:f@g.example?subject=h",
        &["d@e.example", "f@g.example"],
    );
    check("extract_emails", "evil[@]bad[.]com evil(at)worse[dot]com", &["evil@bad.com", "evil@worse.com"]);
}

#[test]
fn hashes_are_told_by_their_length() {
    let digest = |len: usize| "0123456789abcdefABCDEF"[..].chars().cycle().take(len).collect::<String>();
    for len in [32, 40, 64, 96, 128] {
        check("extract_hashes", &format!("(sha: {}, {}a)", digest(len), digest(len)), &[&digest(len)]);
    }
    check("extract_hashes", "123e4567-e89b-12d3-a456-426614174000 zz41d8cd98f00b204e9800998ecf8427e", &[]);
}

#[test]
fn what_can_be_clicked_is_defanged_and_nothing_else() {
    for (text, wanted) in [
        ("see http://1.2.3.4:80/x.y", "see hxxp://1[.]2[.]3[.]4:80/x.y"),
        ("FTP://a.b.c/d.e?x=f.g", "FXP://a[.]b[.]c/d.e?x=f.g"),
        ("https://u:p@a.example", "hxxps://u:p[@]a[.]example"),
        ("evil.com, me@evil.com", "evil[.]com, me[@]evil[.]com"),
        ("agent v1.2.3, 7.5 points", "agent v1.2.3, 7.5 points"),
    ] {
        assert_eq!(evaluate("defang(text)", text), Value::from(wanted));
    }
}

#[test]
fn what_is_defanged_comes_back() {
    for text in [
        "ftp://a.b.c/d.e",
        "http://a.example/x",
        "https://10.0.0.1/?q=b.c",
        "me@b.example and www.müller.de.",
    ] {
        let defanged = evaluate("defang(text)", text);
        assert!(!defanged.as_str().unwrap().contains("http"), "{defanged:?}");
        assert_eq!(evaluate("refang(defang(text))", text), Value::from(text));
    }
    assert_eq!(evaluate("refang(text)", "a [link] (see list[0])"), Value::from("a [link] (see list[0])"));
}

#[test]
fn long_texts_made_to_be_slow_are_searched() {
    // In quadratic time this test would take hours.
    let mut texts = Vec::new();
    for part in
        ["http://a)", ")", "a.", "a@", "1.", "::", "[.]", "http://", "a.b/", ",http://a", "0", "h", "x@a.b,"]
    {
        texts.push(part.repeat(20_000 / part.len()));
        let mut text = String::from("http://a.example");
        let _ = write!(text, "{}", part.repeat(20_000 / part.len()));
        texts.push(text);
    }
    for text in texts {
        for function in ["ips", "urls", "domains", "emails", "hashes"] {
            evaluate(&format!("len(extract_{function}(text))"), &text);
        }
        evaluate("refang(defang(text))", &text);
    }
}
