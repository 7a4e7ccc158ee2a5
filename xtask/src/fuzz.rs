//! `cargo xtask fuzz`: a scratch server, called through every operation that its own description names. The calls are made
//! by `xtask/fuzz/fuzz_api.py` with schemathesis.

use std::process::Command;

use crate::failure::Outcome;
use crate::pip::Tool;
use crate::process::{Product, WORKSPACE_ID};
use crate::scratch::Scratch;
use crate::shell::{self, Profile};

const SCHEMATHESIS: Tool = Tool { package: "schemathesis==4.32.5", name: "schemathesis", dependencies: true };
/// Fewer calls than this would say too little.
const CALLS_MIN: u32 = 3000;

pub(crate) fn run() -> Outcome {
    shell::build_nictate(Profile::Debug)?;
    SCHEMATHESIS.ensure()?;
    let scratch = Scratch::make(&std::env::temp_dir(), "fuzz")?;
    let product = Product::new(scratch.path().join("data"), None)?.debug();
    let _server = product.start()?;
    let mut python = Command::new("python3");
    python
        .arg(shell::root().join("xtask/fuzz/fuzz_api.py"))
        .args([product.url(""), WORKSPACE_ID.to_owned(), CALLS_MIN.to_string()])
        .env("NICTATE_API_KEY", product.client().api_key)
        .env("PYTHONPATH", SCHEMATHESIS.folder())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    shell::run(&mut python)
}
