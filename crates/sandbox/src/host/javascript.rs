//! JavaScript: an engine that is started once in the host with the prelude loaded, and of which each program gets a
//! copy by fork. It has no modules, no files and no network of its own; what it prints are lines of `console`.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;

use rquickjs::function::Func;
use rquickjs::{CatchResultExt as _, CaughtError, Coerced, Context, Function, Promise, Runtime, Value};
use serde_json::json;

use super::{Context as _, Outcome, memory};
use crate::payload::Payload;

/// What runs before the prelude: `console`, on top of one function.
const CONSOLE: &str = include_str!("console.js");
/// The prelude if the owner gives none.
pub(crate) const PRELUDE: &str = include_str!("prelude.js");
/// Bytes of the stack that a program may use.
const STACK_BYTES: usize = 512 * 1024;
/// Characters of a stack trace that are kept.
const TRACE_CHARS_MAX: usize = 16 * 1024;

/// First byte of a result: what `run` returned, nothing, an exception, no memory left.
pub(super) const RETURNED: u8 = b'R';
pub(super) const NOTHING: u8 = b'N';
pub(super) const RAISED: u8 = b'E';
pub(super) const NO_MEMORY: u8 = b'M';

/// An engine with the prelude loaded.
pub(super) struct Engine {
    runtime: Runtime,
    context: Context,
    /// Address space of the host with the engine.
    pub(super) mapped_bytes: u64,
}

impl Engine {
    /// Starts it, and loads the prelude from this file.
    pub(super) fn warm(prelude: &OwnedFd) -> Outcome<Self> {
        let prelude = prelude.try_clone().context("read the JavaScript prelude")?;
        let prelude = std::io::read_to_string(File::from(prelude)).context("read the JavaScript prelude")?;
        let runtime = Runtime::new().context("start the JavaScript engine")?;
        runtime.set_max_stack_size(STACK_BYTES);
        let context = Context::full(&runtime).context("start the JavaScript engine")?;
        context.with(|context| {
            let print = Func::from(|stream: i32, text: String| {
                // A program whose output nobody reads any more is about to be killed.
                let _ = match stream {
                    2 => writeln!(std::io::stderr(), "{text}"),
                    _ => write_line(&text),
                };
            });
            context.globals().set("__print", print).context("give `console`")?;
            for text in [CONSOLE, &prelude] {
                context.eval::<(), _>(text).catch(&context).context("load the JavaScript prelude")?;
            }
            Ok::<_, String>(())
        })?;
        Ok(Self { runtime, context, mapped_bytes: memory::mapped_bytes() })
    }

    /// Runs a program and writes its result. The exit code for the process.
    pub(super) fn run(&self, payload: &Payload, memory_bytes: u64, result: &mut File) -> Outcome<i32> {
        self.runtime.set_memory_limit(usize::try_from(memory_bytes).unwrap_or(usize::MAX));
        let document = String::from_utf8_lossy(&payload.context);
        let frame = self.context.with(|context| {
            let run: Function<'_> = match context.globals().get("run") {
                Ok(run) => run,
                Err(error) => return raised(&format!("the prelude has no `run`: {error}"), ""),
            };
            let returned = run.call::<_, Value<'_>>((payload.code.as_str(), document.as_ref()));
            let settled = returned.and_then(|value| match value.as_promise() {
                Some(promise) => Promise::finish::<Value<'_>>(promise),
                None => Ok(value),
            });
            // What was put off and is not waited for runs too, as it would elsewhere.
            while context.execute_pending_job() {}
            match settled.catch(&context) {
                Ok(value) if value.is_undefined() || value.is_null() => vec![NOTHING],
                Ok(value) => match value.get::<Coerced<String>>() {
                    Ok(text) => [&[RETURNED], text.as_bytes()].concat(),
                    Err(error) => raised(&format!("the result is no text: {error}"), ""),
                },
                Err(caught) => failure(&caught),
            }
        });
        result.write_all(&frame).context("write the result")?;
        Ok(0)
    }
}

fn write_line(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

fn failure(caught: &CaughtError<'_>) -> Vec<u8> {
    match caught {
        CaughtError::Exception(exception) => {
            let kind = exception.get::<_, String>("name").unwrap_or_else(|_| "Error".to_owned());
            let message = exception.message().unwrap_or_default();
            if kind == "InternalError" && message == "out of memory" {
                return vec![NO_MEMORY];
            }
            let stack = exception.stack().unwrap_or_default();
            raised(&format!("{kind}: {message}"), &stack)
        }
        // Without memory for an exception the engine throws `null`.
        CaughtError::Value(value) if value.is_null() => vec![NO_MEMORY],
        CaughtError::Value(value) => match value.get::<Coerced<String>>() {
            Ok(text) => raised(&format!("thrown: {}", text.0), ""),
            Err(_) => raised("thrown: a value that is no text", ""),
        },
        CaughtError::Error(error) => raised(&error.to_string(), ""),
    }
}

fn raised(message: &str, traceback: &str) -> Vec<u8> {
    let cut = |text: &str| text.chars().take(TRACE_CHARS_MAX).collect::<String>();
    let text = json!({ "message": cut(message), "traceback": cut(traceback) }).to_string();
    [&[RAISED], text.as_bytes()].concat()
}
