use super::*;

fn shown(text: &str) -> String {
    match text.parse::<Requirement>() {
        Ok(requirement) => {
            let shown = requirement.to_string();
            assert_eq!(Requirement::parse(&shown).as_ref(), Ok(&requirement), "{text}");
            shown
        }
        Err(error) => format!("{error}: {}", text.get(error.range.clone()).unwrap_or("?")),
    }
}

#[test]
fn what_means_the_same_has_one_form() {
    for (text, expected) in [
        ("requests", "requests"),
        (" Py__YAML.x ", "py-yaml-x"),
        ("requests[socks, Use_Chardet,socks] >= 2.31, < 3", "requests[socks,use-chardet]>=2.31,<3"),
        ("a[]", "a"),
        ("a (>=1,!=1.5.*)", "a>=1,!=1.5.*"),
        ("a===1.0", "a===1.0"),
        ("a~=1.0.post1", "a~=1.0.post1"),
        ("a==1!2.0+cpu", "a==1!2.0+cpu"),
        ("a;python_version<\"3.12\"", "a ; python_version < '3.12'"),
        (
            "a>1 ; (os_name=='posix' or 'x' not in platform_version) and sys_platform != \"it's\"",
            "a>1 ; (os_name == 'posix' or 'x' not in platform_version) and sys_platform != \"it's\"",
        ),
    ] {
        assert_eq!(shown(text), expected);
    }
}

#[test]
fn what_is_no_plain_requirement_is_refused_where_it_goes_wrong() {
    for (text, expected) in [
        ("", "is empty: "),
        ("-r x.txt", "is an option of an installer; only packages are named: -r x.txt"),
        (" --index-url=x", "is an option of an installer; only packages are named: --index-url=x"),
        ("a @ b", "names an address; packages come from the index alone: @ b"),
        ("a @ https://x.example/a.whl", "names an address; packages come from the index alone: ://"),
        ("git+https://x.example/a", "names an address; packages come from the index alone: ://"),
        ("./a", "names a file or an address; packages come from the index alone: /"),
        ("..", "names a file or an address; packages come from the index alone: ."),
        ("a.d/b.whl", "names a file or an address; packages come from the index alone: /"),
        ("c:\\a", "names a file or an address; packages come from the index alone: \\"),
        ("a==${VERSION}", "names a variable of the environment; it must stand as it is: $"),
        ("a=={{ inputs.v }}", "holds an expression; packages are known before a run: {{"),
        ("a\nb", "holds a control character: \n"),
        ("a\0", "holds a control character: \0"),
        ("a --hash=sha256:00", "goes on after what can be read: --hash=sha256:00"),
        ("a b", "goes on after what can be read: b"),
        ("a # b", "goes on after what can be read: # b"),
        ("_a", "does not begin with a name: _a"),
        ("ä", "does not begin with a name: ä"),
        ("a[b", "has extras that are not closed with `]`: "),
        ("a[b,]", "has an extra without a name: ]"),
        ("a==", "has no version after `==`: "),
        ("a=1", "goes on after what can be read: =1"),
        ("a>=1.*", "has no version after `>=`: "),
        ("a==*", "has no version after `==`: "),
        ("a>=1,", "has nothing after a comma: "),
        ("a>=1,b", "has nothing after a comma: b"),
        ("a(>=1", "has a parenthesis that is not closed, or nothing in it: "),
        ("a()", "has a parenthesis that is not closed, or nothing in it: )"),
        ("a;", "has a marker that lacks a name or a text in quotes: "),
        ("a; extra == 'x'", "has a marker about `extra`, which there is not: extra == 'x'"),
        ("a; os_name", "has a marker without a comparison: "),
        ("a; os_name == 'x\\'", "has a marker that lacks a name or a text in quotes: 'x\\'"),
        (
            "a; os_name == 'x' nor os_name == 'y'",
            "has a marker with a word other than `and` and `or`: nor os_name == 'y'",
        ),
        ("a; (os_name == 'x'", "has a marker that is not closed: "),
        ("a; os_name not == 'x'", "has a marker without a comparison: == 'x'"),
    ] {
        assert_eq!(shown(text), expected, "{text:?}");
    }
}

#[test]
fn a_requirement_is_short_and_its_marker_shallow() {
    let long = format!("a=={}", "1".repeat(REQUIREMENT_BYTES_MAX - 3));
    assert_eq!(shown(&long), long);
    assert_eq!(shown(&format!("{long}1")).split(": ").next(), Some("has `201` bytes, more than `200`"));
    let nested = |depth: usize| format!("a;{}os_name=='x'{}", "(".repeat(depth), ")".repeat(depth));
    assert!(shown(&nested(16)).starts_with("a ; (((("));
    assert!(shown(&nested(17)).starts_with("has a marker that is nested too deep: ("));
}

#[test]
fn only_an_exact_version_pins() {
    let pinned = |text: &str| Requirement::parse(text).unwrap().pinned().map(str::to_owned);
    assert_eq!(pinned("a==1.0 ; os_name == 'x'").as_deref(), Some("1.0"));
    for text in ["a", "a>=1", "a==1.*", "a==1,==2", "a===1"] {
        assert_eq!(pinned(text), None, "{text}");
    }
}
