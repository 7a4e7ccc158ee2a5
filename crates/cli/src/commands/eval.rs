//! `nictate eval EXPR`: the value of an expression as JSON, or what is wrong with it and where.

mod batch;
mod editor;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use expr::{Context, Expression, Map, Problem, Rendering, Shape, Template, Value};
use types::{Clock as _, Rng, SeededRng, SystemClock, SystemRng, Timestamp};

use crate::args::{EvalArgs, Language};
use crate::exit::Exit;
use crate::failure::{Context as _, Failure, Outcome};
use crate::printer::Printer;

/// Bytes of the file with what an expression sees.
const ENV_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of an expression or a template, from stdin or as a line of a batch; a longer one is refused.
const SOURCE_BYTES_MAX: u64 = expr::limits::TEMPLATE_BYTES_MAX as u64;

pub(crate) fn run(args: &EvalArgs, printer: &Printer) -> Outcome {
    let dash = Path::new("-");
    let takes_stdin = [
        args.expression.as_deref() == Some("-"),
        args.env.as_deref() == Some(dash),
        args.batch.as_deref() == Some(dash),
    ];
    if takes_stdin.into_iter().filter(|takes| *takes).count() > 1 {
        return Err(Failure::new(Exit::Usage, "stdin can be read only once: `-` stands for two things"));
    }
    let mut evaluator = Evaluator::new(args)?;
    if let Some(path) = &args.batch {
        return batch::run(path, &mut evaluator, printer);
    }
    let source = match args.expression.as_deref() {
        Some("-") => read_text(dash, "the expression", SOURCE_BYTES_MAX)?,
        given => given.unwrap_or_default().to_owned(),
    };
    if args.check || args.complete.is_some() {
        // Without an environment nothing is known of the roots, which is not to say that there are none.
        let env = match args.env {
            Some(_) => Shape::of(&Value::from(evaluator.env)),
            None => Shape::Any,
        };
        return Ok(match args.complete {
            Some(position) => editor::complete(&source, position, args.template, &env, printer),
            None => editor::check(&source, args.template, &env, printer),
        });
    }
    let value = evaluator.evaluate(&source).map_err(|error| explained(error, &source))?;
    printer.line(&json(&value).map_err(|message| Failure::new(Exit::Invalid, message))?);
    Ok(Exit::Ok)
}

/// What every expression of one call is evaluated with.
struct Evaluator {
    env: Map,
    /// How a template is rendered; none if it is an expression.
    template: Option<Rendering>,
    now: Option<Timestamp>,
    rng: Box<dyn Rng>,
}

impl Evaluator {
    fn new(args: &EvalArgs) -> Outcome<Self> {
        Ok(Self {
            env: args.env.as_deref().map(read_env).transpose()?.unwrap_or_default(),
            template: args.template.then_some(rendering(args.language)),
            now: args.now.map(|now| Timestamp::from_millis(now.as_millisecond())),
            rng: match args.seed {
                Some(seed) => Box::new(SeededRng::from_u64(seed)),
                None => Box::new(SystemRng),
            },
        })
    }

    fn evaluate(&mut self, source: &str) -> Result<Value, expr::Error> {
        let now = self.now.unwrap_or_else(|| SystemClock.now());
        let mut context = Context::new(&self.env, now, &mut *self.rng);
        match self.template {
            Some(rendering) => Template::parse(source)?.render_with(&mut context, rendering),
            None => Expression::parse(source)?.evaluate(&mut context),
        }
    }
}

fn rendering(language: Option<Language>) -> Rendering {
    match language {
        None => Rendering::Text,
        Some(Language::Python) => Rendering::Python,
        Some(Language::Bash) => Rendering::Bash,
        Some(Language::JavaScript) => Rendering::JavaScript,
    }
}

/// The value as one line of JSON, or why it has none.
fn json(value: &Value) -> Result<String, String> {
    if !value.is_finite() {
        return Err("the result holds an infinity or a NaN, which JSON cannot express".to_owned());
    }
    Ok(value.to_json().to_string())
}

/// The error with the place it is about.
fn explained(error: expr::Error, source: &str) -> Failure {
    let problem = Problem::from(error);
    let (message, excerpt) = drawn(&problem, source);
    let failure = Failure::new(Exit::Invalid, message).details(excerpt);
    match problem.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The sentence on a problem and the lines that show its place; its hint is left to the caller.
fn drawn(problem: &Problem, source: &str) -> (String, Vec<String>) {
    let drawn = Problem { hint: None, ..problem.clone() }.explain(source);
    let mut lines = drawn.lines().map(str::to_owned);
    (lines.next().unwrap_or_default(), lines.collect())
}

fn read_env(path: &Path) -> Outcome<Map> {
    let text = read_text(path, "the environment", ENV_BYTES_MAX)?;
    let reading = || format!("read the environment `{}` as JSON", path.display());
    match serde_json::from_str(&text).context(Exit::Invalid, reading)? {
        Value::Map(map) => Ok(std::sync::Arc::unwrap_or_clone(map)),
        other => {
            let message = format!("the environment is a JSON object, not {}", other.type_name());
            Err(Failure::new(Exit::Invalid, message).hint("its members are the roots: `{\"inputs\": {…}}`"))
        }
    }
}

fn read_text(path: &Path, what: &str, bytes_max: u64) -> Outcome<String> {
    let reading = || format!("read {what} from `{}`", path.display());
    let mut bytes = Vec::new();
    open(path, what)?.take(bytes_max + 1).read_to_end(&mut bytes).context(Exit::Invalid, reading)?;
    if bytes.len() as u64 > bytes_max {
        return Err(Failure::new(Exit::Invalid, format!("{what} is longer than {bytes_max} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(Exit::Invalid, format!("{what} is no text in UTF-8: byte {at} is not valid"))
    })
}

/// The file, or stdin for `-`.
fn open(path: &Path, what: &str) -> Outcome<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let opening = || format!("read {what} from `{}`", path.display());
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error).context(Exit::NotFound, opening),
        opened => Ok(Box::new(opened.context(Exit::Invalid, opening)?)),
    }
}
