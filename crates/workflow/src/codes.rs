//! Every diagnostic code there is. `docs/workflow-format.md` explains each of them, held by a test.
//!
//! A code never changes its meaning once it has been released: editors and scripts match on it.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $code;)*
        /// All of them, in the order of this file.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

codes! {
    /// The document has more bytes than the limit.
    DOCUMENT_TOO_LARGE = "document_too_large";
    /// Lists and maps are nested deeper than the limit.
    TOO_DEEP = "too_deep";
    /// More values than the limit, aliases counted each time they are used.
    TOO_MANY_NODES = "too_many_nodes";
    /// The text is not YAML.
    YAML_SYNTAX = "yaml_syntax";
    /// A tab where YAML wants spaces.
    TAB_INDENTATION = "tab_indentation";
    /// One key twice in one map.
    DUPLICATE_KEY = "duplicate_key";
    /// A list or a map as a key.
    COMPLEX_KEY = "complex_key";
    /// `{{ x }}` without quotes, which YAML reads as a map.
    UNQUOTED_EXPRESSION = "unquoted_expression";
    /// `*name` without an `&name` before it.
    UNKNOWN_ALIAS = "unknown_alias";
    /// An alias inside the value it stands for.
    RECURSIVE_ALIAS = "recursive_alias";
    /// A second document after `---`.
    SEVERAL_DOCUMENTS = "several_documents";
    /// More problems were found than are reported.
    MORE_PROBLEMS = "more_problems";

    /// The document is empty, or is no map.
    NOT_A_WORKFLOW = "not_a_workflow";
    /// A part of the format of 2021 that has no counterpart.
    LEGACY_FORMAT = "legacy_format";
    /// A `goto` of the format of 2021 that branches do not say exactly.
    LEGACY_GOTO = "legacy_goto";
    /// No `workflow`, or nothing in it.
    MISSING_WORKFLOW = "missing_workflow";
    /// An entry of `workflow` is not a section with steps.
    SECTION_SHAPE = "section_shape";
    /// More than one section.
    SEVERAL_SECTIONS = "several_sections";
    /// A value is of another kind than its key wants.
    WRONG_TYPE = "wrong_type";
    /// An unknown key that looks like a known one.
    NEAR_MISS_KEY = "near_miss_key";
    /// An `automation_type` that does not exist.
    UNKNOWN_AUTOMATION_TYPE = "unknown_automation_type";

    /// An input that is a bare value.
    INPUT_NOT_A_DEFINITION = "input_not_a_definition";
    /// An input without a type, or with one that does not exist.
    UNKNOWN_INPUT_TYPE = "unknown_input_type";
    /// A select without options.
    MISSING_OPTIONS = "missing_options";
    /// A default that its own type refuses.
    BAD_DEFAULT = "bad_default";
    /// Inputs on a workflow that nobody calls with inputs.
    UNUSED_INPUTS = "unused_inputs";
    /// An output without a value.
    OUTPUT_SHAPE = "output_shape";
    /// Triggers that are not lists of maps with their keys.
    TRIGGER_SHAPE = "trigger_shape";
    /// A trigger category that does not exist or does not fit `automation_type`.
    TRIGGER_CATEGORY = "trigger_category";
    /// A trigger that lacks an input, or has one that it cannot have.
    TRIGGER_INPUT = "trigger_input";
    /// A scheduled or event workflow without a trigger.
    MISSING_TRIGGER = "missing_trigger";
    /// A schedule that is not five cron fields.
    BAD_CRON = "bad_cron";
    /// A required package that is no name with versions, or too many of them.
    INVALID_REQUIREMENT = "invalid_requirement";
    /// Packages at a step that runs no Python code.
    STRAY_REQUIREMENTS = "stray_requirements";
    /// Packages of a workflow without a step that runs Python code.
    IDLE_REQUIREMENTS = "idle_requirements";
    /// A `concurrency` without a limit, or with a part that it cannot have.
    CONCURRENCY_SHAPE = "concurrency_shape";

    /// A step without `id`.
    MISSING_ID = "missing_id";
    /// An id that cannot stand in a step path.
    INVALID_ID = "invalid_id";
    /// Two steps with one id.
    DUPLICATE_ID = "duplicate_id";
    /// A step without `action`.
    MISSING_ACTION = "missing_action";
    /// More steps than the limit.
    TOO_MANY_STEPS = "too_many_steps";
    /// `connection` instead of `connections`.
    SINGULAR_CONNECTION = "singular_connection";
    /// A setting, of a step or of the workflow, with a value it cannot have.
    INVALID_SETTING = "invalid_setting";
    /// Steps under an action that takes none.
    UNEXPECTED_CHILDREN = "unexpected_children";
    /// Children of a switch other than labels, or two defaults.
    SWITCH_CHILDREN = "switch_children";
    /// A label whose value an earlier one has.
    DUPLICATE_LABEL = "duplicate_label";
    /// Children of a parallel other than branches, or too many of them.
    PARALLEL_CHILDREN = "parallel_children";
    /// A parallel whose branches are to be waited for in a way that there is not.
    PARALLEL_SHAPE = "parallel_shape";
    /// Children of an if other than one true and one false branch.
    IF_CHILDREN = "if_children";
    /// An if with one branch only, a switch without labels, a parallel without branches.
    MISSING_BRANCH = "missing_branch";
    /// A branch outside an if or a parallel, a label outside a switch.
    STRAY_BRANCH = "stray_branch";
    /// `Variables` that are not a list of `{Name, Type, Value}`.
    SET_VARIABLES_SHAPE = "set_variables_shape";
    /// A variable `Type` that does not exist.
    UNKNOWN_VARIABLE_TYPE = "unknown_variable_type";
    /// A condition that is not `{match, sentence: [{lvalue, op, rvalue}]}`.
    CONDITION_SHAPE = "condition_shape";
    /// A comparison that does not exist.
    UNKNOWN_OPERATOR = "unknown_operator";
    /// A loop over something that cannot be gone through, or with more turns at a time than there may be.
    FOR_SHAPE = "for_shape";
    /// The loop's list was guessed from the only input there is.
    ASSUMED_LIST = "assumed_list";
    /// A catch with no step before it.
    IDLE_CATCH = "idle_catch";
    /// A loop whose condition always holds.
    ENDLESS_LOOP = "endless_loop";
    /// An item is to come to the end of something that is no variable.
    APPEND_LIST_SHAPE = "append_list_shape";
    /// A wait without a length or a point of time that can be read.
    SLEEP_SHAPE = "sleep_shape";
    /// An end that is neither completed nor failed.
    END_RUN_SHAPE = "end_run_shape";
    /// A call of another workflow by what is no id, or with a setting it cannot have.
    SUBFLOW_SHAPE = "subflow_shape";
    /// A workflow that calls itself.
    SELF_CALL = "self_call";
    /// Something the format knows and this version does not run.
    NOT_AVAILABLE_YET = "not_available_yet";

    /// An action that is not in the catalog.
    UNKNOWN_ACTION = "unknown_action";
    /// A required parameter that is missing or empty.
    MISSING_PARAMETER = "missing_parameter";
    /// A parameter that the action does not have.
    UNKNOWN_PARAMETER = "unknown_parameter";
    /// A value that is none of the parameter's options.
    INVALID_OPTION = "invalid_option";
    /// A connection of a type that the action does not take.
    UNKNOWN_CONNECTION_TYPE = "unknown_connection_type";
    /// No connection where the action needs one.
    MISSING_CONNECTION = "missing_connection";
    /// A runner group that the workspace does not have.
    UNKNOWN_RUNNER_GROUP = "unknown_runner_group";
    /// A runner group at a step that no runner carries out.
    IDLE_RUNNER_GROUP = "idle_runner_group";

    /// An expression that does not parse.
    EXPRESSION_SYNTAX = "expression_syntax";
    /// A reference to a step that does not exist.
    UNKNOWN_STEP = "unknown_step";
    /// A reference to a step that has not run yet.
    LATER_STEP = "later_step";
    /// A reference into a branch that is not taken.
    OTHER_BRANCH_STEP = "other_branch_step";
    /// A reference to an input that is not declared.
    UNKNOWN_INPUT = "unknown_input";
    /// A reference to a variable that no step sets.
    UNKNOWN_VARIABLE = "unknown_variable";
    /// A reference to something that is no scope.
    UNKNOWN_SCOPE = "unknown_scope";
    /// An expression that fails when it is evaluated, or where it is reached.
    EXPRESSION_FAULT = "expression_fault";
    /// A member that what it is read of does not have.
    UNKNOWN_MEMBER = "unknown_member";
    /// A comparison of types that are never equal.
    NEVER_EQUAL = "never_equal";
    /// A `let` variable that is never read.
    UNUSED_LET = "unused_let";
}
