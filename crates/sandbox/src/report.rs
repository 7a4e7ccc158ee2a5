//! Which walls the kernel lets us build, in words for the log and for `nictate doctor`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The first version of the file rules that knows truncation.
const LANDLOCK_LEAST: u32 = 3;

/// A wall between a program and the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A user namespace: no privileges, another uid.
    User,
    /// A mount namespace: a read-only root of few folders.
    Mount,
    /// A pid namespace: sees and signals only itself, dies as a whole.
    Pid,
    /// A network namespace without interfaces.
    Network,
    /// A namespace for System V and POSIX queues.
    Ipc,
    /// A host name of its own.
    Uts,
    /// A list of allowed system calls.
    Seccomp,
    /// Limits of each process.
    Rlimits,
    /// `/proc` of the own pid namespace.
    Proc,
    /// File rules of the kernel, as a second wall.
    Landlock,
    /// One control group around all programs.
    Cgroup,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::User,
        Self::Mount,
        Self::Pid,
        Self::Network,
        Self::Ipc,
        Self::Uts,
        Self::Seccomp,
        Self::Rlimits,
        Self::Proc,
        Self::Landlock,
        Self::Cgroup,
    ];

    /// Whether programs are refused without it.
    pub fn is_required(self) -> bool {
        !matches!(self, Self::Proc | Self::Landlock | Self::Cgroup)
    }

    /// As it is written in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Mount => "mount",
            Self::Pid => "pid",
            Self::Network => "network",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::Seccomp => "seccomp",
            Self::Rlimits => "rlimits",
            Self::Proc => "proc",
            Self::Landlock => "landlock",
            Self::Cgroup => "cgroup",
        }
    }
}

/// Whether a part is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// It is, in this form if there are several.
    Present(Option<String>),
    /// It is not, for this reason.
    Absent(String),
}

/// What the kernel allows. Displayed as one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Each part once, in the order of [`Part::ALL`].
    pub parts: Vec<(Part, PartState)>,
}

impl Report {
    /// Whether this part is there.
    pub fn has(&self, part: Part) -> bool {
        self.parts.iter().any(|(other, state)| *other == part && matches!(state, PartState::Present(_)))
    }

    /// The required parts that are not there, with the reasons.
    pub fn missing(&self) -> impl Iterator<Item = (Part, &str)> {
        self.parts.iter().filter_map(|(part, state)| match state {
            PartState::Absent(why) if part.is_required() => Some((*part, why.as_str())),
            _ => None,
        })
    }

    /// Whether programs can be run in the reduced form: without namespaces, behind system calls, limits and file rules
    /// alone. Those have to be of a kind that also covers truncation.
    pub fn allows_reduced(&self) -> bool {
        let rules = self.parts.iter().find_map(|(part, state)| match (part, state) {
            (Part::Landlock, PartState::Present(Some(version))) => version.parse::<u32>().ok(),
            _ => None,
        });
        self.has(Part::Seccomp) && self.has(Part::Rlimits) && rules >= Some(LANDLOCK_LEAST)
    }

    /// Whether programs can be run with every required part.
    pub fn is_full(&self) -> bool {
        self.missing().next().is_none()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.is_full() { "full" } else { "reduced" };
        write!(formatter, "{level}:")?;
        for (part, state) in &self.parts {
            match state {
                PartState::Present(None) => write!(formatter, " {}", part.name())?,
                PartState::Present(Some(form)) => write!(formatter, " {}({form})", part.name())?,
                PartState::Absent(_) => {}
            }
        }
        let mut separator = "; without";
        for (part, state) in &self.parts {
            if let PartState::Absent(why) = state {
                write!(formatter, "{separator} {} ({why})", part.name())?;
                separator = ",";
            }
        }
        Ok(())
    }
}
