//! Why steps and runs fail, as far as the engine decides it. Workflows and dashboards match on these names, so
//! they never change. Actions have codes of their own (`actions::ErrorCode`).

macro_rules! codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $code;)*
        /// Every code with its meaning.
        pub const ALL: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    EXPRESSION_ERROR = "expression_error", "An expression failed; the message quotes it.";
    CONDITION_ERROR = "condition_error", "A comparison of a condition failed, such as a pattern that is none.";
    VARIABLE_TYPE_ERROR = "variable_type_error", "A variable's value is not of its declared type and cannot be read as one.";
    VARIABLE_TOO_LARGE = "variable_too_large", "A variable is larger than is kept.";
    CONTEXT_TOO_LARGE = "context_too_large", "What a code step may read of its run is more than is handed over.";
    OUTPUT_TOO_LARGE = "output_too_large", "A step's output is larger than is kept.";
    FILE_NAME_ERROR = "file_name_error", "The file that a step's output is to be saved to cannot be called that.";
    LOOP_LIST_ERROR = "loop_list_error", "A loop was given nothing it can go through.";
    LOOP_TOO_LONG = "loop_too_long", "A loop has more turns than are allowed.";
    CONCURRENCY_ERROR = "concurrency_error", "A loop's `max_concurrency` is no number of turns at a time that is allowed.";
    JOIN_ERROR = "join_error", "The `join` of an `internal.parallel` asks for what cannot be, or too few branches succeeded.";
    TOO_MANY_STRANDS = "too_many_strands", "More branches and concurrent turns at a time than one run may have.";
    SLEEP_ERROR = "sleep_error", "A wait is for no length of time from 0 to 14 days, and until no point in time within them.";
    END_RUN_ERROR = "end_run_error", "`internal.EndRun` names a way to end that there is not.";
    ENDED_AS_FAILED = "ended_as_failed", "The workflow itself ended the run as failed.";
    STEP_TIMEOUT = "step_timeout", "The runner did not say how the step went, long after its time was over; the action may be done twice.";
    ATTEMPTS_LOST = "attempts_lost", "So many attempts of the step were lost with their runners that it is not tried again.";
    STEP_CANCELLED = "step_cancelled", "The runner stopped the step.";
    RESOLVED_AS_FAILED = "resolved_as_failed", "Somebody said that the step, on which nobody else could decide, has failed.";
    SUBFLOW_ERROR = "subflow_error", "A setting of the call of another workflow is not what it must be; the message quotes it.";
    SUBFLOW_TIMEOUT = "subflow_timeout", "The run that the step called did not end within the time that the step waits; it is cancelled.";
    OUTPUT_ERROR = "output_error", "An output of the workflow cannot be evaluated or is too large.";
    STEP_LIMIT = "step_limit", "The run has started more steps than one run may.";
    JOURNAL_LIMIT = "journal_limit", "The run has put more values into its journal than one run may.";
    EXECUTION_TIMEOUT = "execution_timeout", "The run took longer than it may.";
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_code_stands_twice() {
        let names: std::collections::BTreeSet<&str> = super::ALL.iter().map(|(code, _)| *code).collect();
        assert_eq!(names.len(), super::ALL.len());
    }
}
