//! The exit codes. They are part of the command line's contract: scripts branch on them, so a number never
//! changes its meaning. The reference page lists them from here.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked for.
    Ok,
    /// It could not, for a reason that has no number of its own.
    Failed,
    /// The command line itself is wrong.
    Usage,
    /// What it names does not exist.
    NotFound,
    /// No key, a wrong key, or a key whose user may not.
    Denied,
    /// A workflow's run failed, was cancelled, timed out, stands still, or was not over in the time given.
    RunIncomplete,
    /// A document, an input or an attribute is not valid.
    Invalid,
    /// No answer from the server.
    Unreachable,
    /// A folder and the server have both changed since they were the same.
    Conflict,
    /// There is something to change, and it was not asked for or not confirmed.
    Pending,
}

impl Exit {
    /// Every code with what it means, for the reference page.
    pub(crate) const ALL: [(Self, &'static str); 10] = [
        (Self::Ok, "The command did what it was asked for."),
        (Self::Failed, "It failed for a reason that has no code of its own."),
        (Self::Usage, "The command line is wrong: an unknown flag, a missing argument."),
        (Self::NotFound, "What the command names does not exist, or the caller cannot see it."),
        (Self::Denied, "No API key, a wrong or revoked one, or one whose user may not do this."),
        (
            Self::RunIncomplete,
            "The run did not complete: it failed, was cancelled, timed out, is paused, or was not over in time.",
        ),
        (Self::Invalid, "A workflow document, an input, an attribute or a configuration is not valid."),
        (Self::Unreachable, "The server does not answer at its address."),
        (
            Self::Conflict,
            "A folder and the server have both changed since the last `pull` or `push`; nothing was changed.",
        ),
        (
            Self::Pending,
            "There are changes to push: with `--dry-run --exit-code`, or because nobody could be asked.",
        ),
    ];

    /// The number that the process ends with.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Denied => 4,
            Self::RunIncomplete => 5,
            Self::Invalid => 6,
            Self::Unreachable => 7,
            Self::Conflict => 8,
            Self::Pending => 9,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_list_is_in_the_order_of_the_codes() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(codes, (0..10).collect::<Vec<u8>>());
    }
}
