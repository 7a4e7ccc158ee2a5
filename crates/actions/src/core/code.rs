//! `core.python`, `core.pythonV2`, `core.bash` and `core.javascript`: code that stands in the step.

use futures_util::future::BoxFuture;
use sandbox::Language;
use serde_json::{Value as Json, json};

use crate::code::{self, Script};
use crate::{ActionContext, ActionError, ActionSpec, Effect, Idempotency, InputType, Parameter};

/// An action whose input `code` is run.
pub(crate) struct Code {
    full_name: &'static str,
    display_name: &'static str,
    description: &'static str,
    language: Language,
    /// An older name, that documents use and lists need not offer.
    hidden: bool,
}

/// `core.python`.
pub(crate) const PYTHON: Code = Code { full_name: "core.python", hidden: true, ..PYTHON_V2 };

/// `core.pythonV2`.
pub(crate) const PYTHON_V2: Code = Code {
    full_name: "core.pythonV2",
    display_name: "Python",
    description: "Runs Python code in a sandbox. It sees the run as `context` and may set `context.variables`. What it \
                  returns, else what it prints, is the output.",
    language: Language::Python,
    hidden: false,
};

/// `core.javascript`.
pub(crate) const JAVASCRIPT: Code = Code {
    full_name: "core.javascript",
    display_name: "JavaScript",
    description: "Runs JavaScript code in a sandbox. It sees the run as `context` and may set `context.variables`. What \
                  it returns, else what it prints with `console.log`, is the output.",
    language: Language::JavaScript,
    hidden: false,
};

/// `core.bash`.
pub(crate) const BASH: Code = Code {
    full_name: "core.bash",
    display_name: "Bash",
    description: "Runs a bash script in a sandbox. What it prints is the output; it fails with an exit code other than 0.",
    language: Language::Bash,
    hidden: false,
};

impl Effect for Code {
    fn spec(&self) -> ActionSpec {
        let code = Parameter::new("code", "Code", InputType::Textarea, "The code.").required();
        let mut parameters = vec![code];
        // The JavaScript engine knows no network at all.
        if self.language != Language::JavaScript {
            parameters.push(code::network_parameter());
        }
        ActionSpec {
            parameters,
            hidden: self.hidden,
            idempotency: Idempotency::UnlessNetwork,
            example_output: json!({"score": 7}),
            ..ActionSpec::pure(self.full_name, self.display_name, "Code", self.description)
        }
    }

    fn run<'a>(&'a self, cx: ActionContext<'a>) -> BoxFuture<'a, Result<Json, ActionError>> {
        Box::pin(async move {
            let code = code::text(cx.inputs, "code")?;
            let document = match self.language {
                Language::Bash => String::new(),
                // Put together as text: nobody reads it before the program does.
                _ => format!(r#"{{"do":"step","context":{}}}"#, cx.context.unwrap_or("null")),
            };
            let script = Script { language: self.language, code, document };
            code::run(&cx, script).await.map(code::output)
        })
    }
}
