//! What a program does and returns, within limits and beyond them.

mod common;

use common::{run, sandbox};
use sandbox::{End, Language, Program};

#[tokio::test]
async fn python_prints_and_returns() {
    let sandbox = sandbox().await;
    let mut program = Program::new(Language::Python, "print('hello')\nresult = {'n': context['a'] + 1}");
    program.context = b"{\"a\": 41}".to_vec();
    let finished = run(&sandbox, program).await;
    assert_eq!(finished.end, End::Returned, "{finished:?}");
    assert_eq!(finished.stdout, b"hello\n");
    assert_eq!(finished.result.as_deref(), Some(&b"{\"n\": 42}"[..]));
}

#[tokio::test]
async fn bash_prints_and_exits() {
    let sandbox = sandbox().await;
    let finished = run(&sandbox, Program::new(Language::Bash, "echo hello; echo bad >&2; exit 3")).await;
    assert_eq!(finished.end, End::Exited { code: 3 }, "{finished:?}");
    assert_eq!((finished.stdout, finished.stderr), (b"hello\n".to_vec(), b"bad\n".to_vec()));
}

#[tokio::test]
async fn javascript_prints_and_returns() {
    let sandbox = sandbox().await;
    let mut program =
        Program::new(Language::JavaScript, "console.log('hello', [1]); result = {n: context.a + 1}");
    program.context = b"{\"a\": 41}".to_vec();
    let finished = run(&sandbox, program).await;
    assert_eq!(finished.end, End::Returned, "{finished:?}");
    assert_eq!(finished.stdout, b"hello [1]\n");
    assert_eq!(finished.result.as_deref(), Some(&b"{\"n\":42}"[..]));
}
