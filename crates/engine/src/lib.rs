//! The execution state machine: execution + event + now -> commands.
