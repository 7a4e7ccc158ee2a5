//! Expressions in the code of bash steps.

#![allow(clippy::unwrap_used)] // helpers of tests, which may

mod code;

use std::process::{Command, Stdio};

use expr::{Rendering, Value};
use proptest::prelude::*;
use serde_json::json;

/// The program that `source` gives with `x` as that value.
fn program(source: &str, x: impl Into<Value>) -> Result<String, String> {
    code::program(Rendering::Bash, source, x.into())
}

#[track_caller]
fn check(source: &str, x: impl Into<Value>, wanted: &str) {
    assert_eq!(program(source, x).as_deref(), Ok(wanted), "{source}");
}

#[track_caller]
fn refused(source: &str, x: impl Into<Value>, why: &str) {
    let error = program(source, x).unwrap_err();
    assert!(error.contains(why), "{source}: {error}");
}

/// What bash prints for a program, and whether nothing was left in the folder where it ran.
fn run(program: &str) -> (Vec<u8>, bool) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("bash")
        .args(["--noprofile", "--norc", "-c", program])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.stdout, folder.path().read_dir().unwrap().next().is_none())
}

/// Programs that print the value, each with it in another place.
const PLACES: &[&str] = &[
    "printf %s {{ x }}",
    "printf %s ''{{ x }}\"\"",
    "a={{ x }}; printf %s \"$a\"",
    "printf %s \"{{ x }}\"",
    "printf %s '{{ x }}'",
    "printf %s $'{{ x }}'",
    "printf %s \"$(printf '%s.' {{ x }})\" | head -c -1",
    "a=\"$(printf '%s.' \"{{ x }}\")\"; printf %s \"${a%.}\"",
    "a=({{ x }} \"{{ x }}\"); printf %s \"${a[1]}\"",
    "# {{ x }}\nprintf %s {{ x }}",
    "f() { printf %s \"$1\"; }; f {{ x }} # {{ x }}\n",
    "case {{ x }} in {{ x }}) printf %s {{ x }};; esac",
    "[[ {{ x }} == {{ x }} ]] && printf %s '{{ x }}'",
    "[[ a{{ x }} =~ ^a{{ x }}$ ]] && printf %s {{ x }}",
    "[ {{ x }} = \"{{ x }}\" ] && printf %s {{ x }}",
    "( printf %s {{ x }} )",
    "head -c -1 <<< {{ x }}",
    "cat <<EOF | head -c -1\n{{ x }}\nEOF\n",
    "head -c -1 <<'EOF'\n{{ x }}\nEOF\n",
    "head -c -2 <<EOF >&1\n{{ x }}$(echo a)\nEOF\n",
    "a=$(cat <<EOF\n{{ x }}.\nEOF\n); printf %s \"${a%.}\"",
    "a=$(cat <<'EOF'\n{{ x }}.\nEOF\n); printf %s \"${a%.}\"",
    "echo $((1 + 2)) >&2; printf %s {{ x }}",
    "b=`echo 'a'`; printf %s \"${b:+a}\" >&2; printf %s {{ x }}",
    "printf %s \\\n  {{ x }}",
    "eval 'a=1'; printf %s {{ x }}",
    "for a in 1 {{ x }}; do :; done; printf %s \"$a\"",
];

const ODD: &[&str] = &[
    "",
    "a",
    "'",
    "\"",
    "`touch hit`",
    "$(touch hit)",
    "${PATH}",
    "\\",
    "\\\\",
    "a\\\n",
    "\n",
    "a\ntouch hit\n",
    "'; touch hit; '",
    "\"; touch hit; \"",
    ") touch hit; (",
    "#",
    "-n",
    "--",
    "~",
    "*",
    "!!",
    "é ß 漢 \u{1f600} \u{a0}\u{2028}",
    "{a,b}",
    "\t",
    "\r\n",
    // Not U+0001 and U+007F, before which bash 5.2 itself puts a U+0001 in `a=("…")`.
    "\u{2}\u{1b}[0m",
    "a[$(touch hit)]",
    "EO",
    "$'\\n'",
    "<(touch hit)",
    "& touch hit &",
    "]]",
    ";;",
    "esac",
];

#[track_caller]
fn prints_it(source: &str, value: &str) {
    let program = program(source, value).unwrap();
    let (printed, clean) = run(&program);
    assert!(clean, "a command ran: {program}");
    assert_eq!(String::from_utf8_lossy(&printed), value, "{program}");
}

#[test]
fn bash_prints_odd_values_as_they_are() {
    for source in PLACES {
        for value in ODD {
            // A substitution of bash drops what it cannot hold at its end, and the program adds a dot there.
            prints_it(source, value);
        }
    }
}

/// Values of pieces that mean something to bash.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![prop::sample::select(ODD).prop_map(str::to_owned), "[a-z $'\"\\\\`\n(){};]{0,4}"];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// Pieces of programs, whole ones and such that leave something open.
const PIECES: &[&str] = &[
    "echo ",
    "'",
    "\"",
    "$(",
    ")",
    "`",
    "\n",
    "<<EOF\n",
    "\nEOF\n",
    "<<'EOF'\n",
    "<<-EOF\n",
    " #",
    "\\",
    "${a:-",
    "}",
    "$((",
    "))",
    "((",
    " [[ ",
    " ]] ",
    " case a in ",
    "a) ",
    ";; esac\n",
    "$'",
    "$\"",
    "(",
    "{ ",
    ";",
    "$",
    "a[",
    "]",
    "=",
    " <(",
    "$$",
    "{{ x }}",
    " {{ x }} ",
    "\"{{ x }}\"",
    "'{{ x }}'",
    "\\\n",
    "case",
    "EOF",
    " ",
    "if ",
    "then ",
    "fi\n",
    "\t",
    "!",
    "?(",
    "+(",
    "<<<",
    "<<",
    "|",
    "&&",
    "-eq",
    "=~",
    "1",
    "${#a}",
    "$a",
    "cat ",
    "\"$(",
    ")\"",
    "\n# it's\n",
    "f() {\n",
    "}\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bash_prints_every_value_as_it_is(place in prop::sample::select(PLACES), value in value()) {
        prints_it(place, &value);
    }

    #[test]
    fn no_value_becomes_code_whatever_the_program(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 1..14),
        value in value(),
    ) {
        let source = format!("{} {{{{ x }}}}", pieces.concat());
        if let Ok(program) = program(&source, value.as_str()) {
            prop_assert!(run(&program).1, "a command ran: {program}");
        }
    }
}

#[test]
fn values_look_as_they_do_in_a_text() {
    check("{{ x }}", Value::Nil, "''");
    check("a={{ x }}", true, "a='true'");
    check("a={{ x }} {{ x }}", 1.5, "a='1.5' '1.5'");
    check("jq . <<< {{ x }}", json(json!({"a": [null, "it's"]})), "jq . <<< '{\"a\":[null,\"it'\\''s\"]}'");
    check("--name={{ x }}", "v", "--name='v'");
    check("\"a {{ x }}\"", "\\\"$`!'", "\"a \\\\\\\"\\$\\`!'\"");
    check("# {{ x }}\n{{ x }}", "a\nb", "# a b\n'a\nb'");
}

fn json(json: serde_json::Value) -> Value {
    Value::from(json)
}

#[test]
fn where_bash_counts_there_are_whole_numbers_alone() {
    check("echo $(( {{ x }} + 1 ))", 5, "echo $(( 5 + 1 ))");
    check("echo $((1-{{ x }}))", -5, "echo $((1-(-5)))");
    check("(( n > {{ x }} )) && a[{{ x }}]=1", 7.0, "(( n > 7 )) && a[7]=1");
    check(
        "for ((i = 0; i < {{ x }}; i++)); do :; done; echo {{ x }}",
        2,
        "for ((i = 0; i < 2; i++)); do :; done; echo '2'",
    );
    check("echo ${a[1]} a[{{ x }}]", -1, "echo ${a[1]} a[-1]");
    check("a[$(echo {{ x }})]=1", -1, "a[$(echo -1)]=1");
    check("[[ $n -eq {{ x }} ]]", 5, "[[ $n -eq '5' ]]");
    for source in [
        "$(( {{ x }} ))",
        "(( {{ x }} ))",
        "a[{{ x }}]=1",
        "a[\"{{ x }}\"]=1",
        "a[$(echo {{ x }})]=1",
        "$(( $(echo {{ x }}) ))",
    ] {
        refused(source, "1", "only be a whole number, not string");
        refused(source, 1.5, "only be a whole number, not float");
        refused(source, Value::Nil, "only be a whole number, not nil");
    }
    refused("[[ $n -eq {{ x }} ]]", "a[$(touch hit)]", "`-eq`");
    refused("[[ {{ x }} -gt 5 ]]", "a[$(touch hit)]", "`-gt` works on");
    refused("[[ -v \"{{ x }}\" ]]", "a[$(touch hit)]", "only a whole number");
    refused("$((a{{ x }}))", 1, "right after a name");
    refused("let n={{ x }}", "a[$(touch hit)]", "`let` takes its arguments for code");
    refused("if eval \"$(echo {{ x }})\"; then :; fi", "a", "`eval` takes its arguments for code");
    check("eval :; echo {{ x }}", "a", "eval :; echo 'a'");
}

#[test]
fn a_value_does_not_end_its_here_document() {
    check("cat <<EOF\n{{ x }}\nEOF\n{{ x }}", "$a", "cat <<EOF\n\\$a\nEOF\n'$a'");
    check(
        "cat <<'EOF'; cat <<-\\B\n{{ x }}\nEOF\n{{ x }}\n\tB\n",
        "$a",
        "cat <<'EOF'; cat <<-\\B\n$a\nEOF\n$a\n\tB\n",
    );
    for source in
        ["cat <<'EOF'\n{{ x }}\nEOF\n", "cat <<EOF\n{{ x }}\nEOF\n", "cat <<\"EOF\"\na\n{{ x }}a\nEOF\n"]
    {
        refused(source, "a\nEOF\ntouch hit", "the value would end the here-document `EOF`");
        refused(source, "EOF", "the value would end");
    }
    refused("cat <<EOF\nE{{ x }}F\nEOF\n", "O", "the value would end");
    refused("cat <<EOF\n{{ x }}F\ntouch\nEOF\n", "EO", "the value would end");
    refused("cat <<-EOF\n{{ x }}\n\tEOF\n", "\tEOF", "begins with a tab");
    refused("cat <<-EOF\n{{ x }}\n\tEOF\n", "a\n\tb", "begins with a tab");
    refused("a=$(cat <<EOF\n{{ x }}\nEOF\n)", "EOF) touch hit", "the value would end");
}

#[test]
fn where_nothing_is_certainly_safe_there_can_be_no_expression() {
    insta::assert_snapshot!(program("echo ${a:-{{ x }}}", "a").unwrap_err(), @r"
    an expression cannot stand in `${ … }` of bash (line 1, column 11)
    1 | echo ${a:-{{ x }}}
                  ^^^^^^^
        give it a name before: `name={{ … }}`
    ");
    insta::assert_snapshot!(program("a=$(case b in b) echo {{ x }};; esac)", "a").unwrap_err(), @r"
    it cannot be told for certain how bash reads this place, after `case` inside of parentheses (line 1, column 23)
    1 | a=$(case b in b) echo {{ x }};; esac)
                              ^^^^^^^
        give it a name before: `name={{ … }}`
    ");
    for (source, why) in [
        ("echo `echo {{ x }}`", "between backquotes"),
        ("echo `echo # {{ x }}`", "after a `#` between backquotes"),
        ("echo \\{{ x }}", "after a backslash"),
        ("echo \"\\{{ x }}\"", "after a backslash"),
        ("echo $'\\x{{ x }}'", "after a backslash"),
        ("echo ${{ x }}", "after a `$`"),
        ("echo \"${{ x }}\"", "after a `$`"),
        ("echo \"$a{{ x }}\"", "write `${name}`"),
        ("echo $${{ x }}", "after a `$`"),
        ("echo $\"{{ x }}\"", "after a text in `$\"…\"`"),
        ("echo $[ {{ x }} ]", "after `$[`"),
        ("echo !({{ x }})", "after an extended pattern"),
        ("echo $((a) + {{ x }})", "may be no arithmetic"),
        ("echo $((echo a) | cat; {{ x }})", "may be no arithmetic"),
        ("cat << {{ x }}", "after `<<` without a plain word"),
        ("cat << $(a) \n{{ x }}", "after `<<` without a plain word"),
        ("cat <<EOF \"\n\" {{ x }}\nEOF\n", "between a here-document and its text"),
        ("echo $(cat <<EOF) {{ x }}\nEOF\n", "that end before the text of their here-document"),
        ("cat <<EOF\n`a` {{ x }}\nEOF\n", "after a substitution in a here-document"),
        ("cat <<EOF\n${a:-\"b\"} {{ x }}\nEOF\n", "after a substitution in a here-document"),
        ("cat <<EOF\n$a{{ x }}\nEOF\n", "write `${name}`"),
        ("cat <<EOF\n\\{{ x }}\nEOF\n", "after a backslash"),
        ("$( # {{ x }}\n)", "in a comment inside of parentheses"),
        ("ca\\\nse {{ x }}", "a word that goes on on the next line"),
        ("echo [[ {{ x }}", "`[[` that is no command"),
        ("[[ a ; {{ x }}", "without its `]]`"),
        ("[[ a )) {{ x }}", "a `)` in `[[ … ]]`"),
        ("[[ (a ]] {{ x }}", "`]]` inside of parentheses"),
        ("[[ a << {{ x }}", "`<<` in `[[ … ]]`"),
        ("[[ a # {{ x }}", "a `#` in `[[ … ]]`"),
        ("echo ${ {{ x }}; }", "a substitution in `${ …; }`"),
        ("echo \"${a:-'b'}\" {{ x }}", "what stands in `${ … }`"),
        ("echo [a b] {{ x }}", "a `[` in a word"),
        ("echo $\\\n(a) {{ x }}", "a `$` at the end of a line"),
        ("\0 {{ x }}", "the character NUL"),
    ] {
        refused(source, "a", why);
    }
    refused("echo {{ x }}", "a\0b", "the character NUL");
}
