//! Which inputs of which actions are text of a program. A value that an expression gives becomes a literal there,
//! never code, and some of these programs see the run as `context`.

use expr::Rendering;

/// One input that is text of a program.
#[derive(Clone, Copy, Debug)]
pub struct CodeInput {
    /// The action's full name.
    pub action: &'static str,
    /// The input.
    pub input: &'static str,
    /// How values become literals in it.
    pub rendering: Rendering,
    /// The program is given the run's `inputs`, `steps`, `variables`, `event` and `metadata`.
    pub sees_run: bool,
}

/// All of them; an action has one at most.
pub const CODE_INPUTS: [CodeInput; 7] = [
    CodeInput::python("core.python", "code", true),
    CodeInput::python("core.pythonV2", "code", true),
    CodeInput { action: "core.javascript", input: "code", rendering: Rendering::JavaScript, sees_run: true },
    CodeInput { action: "core.bash", input: "code", rendering: Rendering::Bash, sees_run: false },
    CodeInput::python("array.ArraySort", "key", false),
    CodeInput::python("array.ArrayFilter", "filterFunction", false),
    CodeInput::python("array.GetArrayItem", "filterFunction", false),
];

impl CodeInput {
    const fn python(action: &'static str, input: &'static str, sees_run: bool) -> Self {
        Self { action, input, rendering: Rendering::Python, sees_run }
    }

    /// That of `action`, if it has one.
    pub fn of(action: &str) -> Option<&'static Self> {
        CODE_INPUTS.iter().find(|code| code.action == action)
    }
}
