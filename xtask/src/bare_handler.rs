//! The yardstick of `cargo xtask bench`: the same web framework, runtime and allocator as the server, with
//! a handler that knows its answer already. What the real server loses against it is what our code costs.

use std::path::PathBuf;

use axum::{Router, http::header::CONTENT_TYPE, routing::get};

use crate::failure::{Context, Outcome};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Address and port to listen on.
    #[arg(long)]
    listen: String,
    /// File with the JSON to answer.
    #[arg(long)]
    body: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let body = std::fs::read(&arguments.body).context(format!("read `{}`", arguments.body.display()))?;
    // Never freed: it lives as long as the process, and a request costs no copy.
    let body: &'static [u8] = Box::leak(body.into_boxed_slice());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start tokio")?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(&arguments.listen)
            .await
            .context(format!("listen on `{}`", arguments.listen))?;
        let answer = move || async move { ([(CONTENT_TYPE, "application/json")], body) };
        axum::serve(listener, Router::new().fallback(get(answer))).await.context("serve")
    })
}
