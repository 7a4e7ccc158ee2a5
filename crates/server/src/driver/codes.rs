//! Why a step fails before or between its actions, as far as the driver decides it.

macro_rules! codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        $(pub(super) const $name: &str = $code;)*
        /// Every code with its meaning.
        pub(crate) const ALL: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    CONNECTION_NOT_FOUND = "connection_not_found", "The workspace has no connection of the name that the step gives.";
    CONNECTION_TYPE_MISMATCH = "connection_type_mismatch", "The connection is not of the type that the step names it for.";
    CONNECTION_INACTIVE = "connection_inactive", "The connection is deactivated.";
    CONNECTION_UNUSABLE = "connection_unusable", "The connection's secrets cannot be opened; the log says why.";
    STORAGE_UNAVAILABLE = "storage_unavailable", "The database did not answer when the connection was looked up.";
    RUNNER_LOST = "runner_lost", "No runner takes the step.";
    NOT_RESTORABLE = "not_restorable", "The run cannot be read back from its journal; the log says why.";
    DRIVER_FAILED = "driver_failed", "The server failed while it drove the run; the log says why.";
}
