//! A cell as the host sees it: a first process and a program's process in namespaces of their own, at one of four
//! stages. Each is used for one program.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::init::{self, Inherited, Spec};
use super::namespaces::{fork_into, write_maps};
use super::root::PACKAGES;
use super::{Context as _, Outcome, memory};
use crate::wire::{self, Go, Order};

/// How far a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its namespaces and mounts are being made.
    Building,
    /// Its program's process is giving up its rights.
    Confining,
    /// It waits for a program.
    Ready,
    /// It has one.
    Running,
}

/// What a cell has too much of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Memory,
    Processes,
}

/// A cell.
pub(super) struct Cell {
    pub(super) spec: Spec,
    pub(super) stage: Stage,
    /// The first process. When it is killed, all are.
    pub(super) init: Pid,
    pub(super) init_socket: OwnedFd,
    pub(super) step_socket: OwnedFd,
    /// The program's end of `step_socket`, until the interpreter has it.
    pub(super) step_end: Option<OwnedFd>,
    /// The program's process, if the interpreter forked it.
    pub(super) step: Option<Pid>,
    /// What waits for the cell or runs in it, with its descriptors until it runs.
    pub(super) order: Option<(Order, Vec<OwnedFd>)>,
    pub(super) listener: Option<OwnedFd>,
    pub(super) out_of_memory: bool,
    /// Its folder, in the reduced form.
    pub(super) folder: Option<PathBuf>,
}

impl Cell {
    /// Starts the first process; the cell builds itself from there.
    pub(super) fn start(spec: Spec, inherited: &Inherited<'_>) -> Outcome<Self> {
        let (init_socket, init_end) = wire::pair().context("make a socket")?;
        let (step_socket, step_end) = wire::pair().context("make a socket")?;
        let namespaces = CloneFlags::CLONE_NEWUSER
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWUTS;
        let flags = if inherited.place.namespaces { namespaces } else { CloneFlags::empty() };
        let Some(init) = fork_into(flags)? else { init::be(&spec, inherited, init_end, step_end) };
        drop(init_end);
        let map = inherited.place.cell_map();
        let mapped = match inherited.place.namespaces {
            true => write_maps(init, &map, &map, false),
            false => Ok(()),
        };
        let mapped = mapped
            .and_then(|()| wire::send_bytes(init_socket.as_fd(), b"mapped", &[]).context("tell the uids"));
        if let Err(why) = mapped {
            // It waits for the uids and would wait for ever.
            let _ = kill(init, Signal::SIGKILL);
            return Err(why);
        }
        Ok(Self {
            spec,
            stage: Stage::Building,
            init,
            init_socket,
            step_socket,
            step_end: Some(step_end),
            step: None,
            order: None,
            listener: None,
            out_of_memory: false,
            folder: inherited.reduced.as_ref().map(|(folder, _)| folder.clone()),
        })
    }

    /// Hands the program over.
    pub(super) fn go(&mut self) -> Outcome {
        let Some((order, descriptors)) = &mut self.order else { return Ok(()) };
        let go = Go {
            memory_bytes: order.limits.memory_bytes,
            processes: if self.folder.is_some() { REDUCED_PROCESSES_MAX } else { order.limits.processes },
            file_bytes: order.limits.file_bytes,
            cpu_s: order.limits.cpu.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX - 1),
            packages: order.packages.as_ref().map(|packages| match self.folder {
                Some(_) => packages.clone(),
                None => Path::new("/").join(PACKAGES),
            }),
            guarded: order.guarded,
        };
        let descriptors = std::mem::take(descriptors);
        let borrowed: Vec<_> = descriptors.iter().map(|descriptor| descriptor.as_fd()).collect();
        wire::send(self.step_socket.as_fd(), &go, &borrowed).context("hand over the program")?;
        self.stage = Stage::Running;
        Ok(())
    }

    /// Whether it holds more than its program may: of memory, or of processes where no limit of the kernel counts
    /// those of this cell alone.
    pub(super) fn is_over(&self) -> Option<Over> {
        let (order, _) = self.order.as_ref()?;
        let processes: Vec<Pid> = [Some(self.init), self.step].into_iter().flatten().collect();
        let held = memory::held(&processes);
        if held.bytes > order.limits.memory_bytes.saturating_add(MEMORY_SLACK_BYTES) {
            return Some(Over::Memory);
        }
        let own = processes.len();
        let most = usize::try_from(order.limits.processes).unwrap_or(usize::MAX).saturating_add(own);
        (self.folder.is_some() && held.processes > most).then_some(Over::Processes)
    }

    /// Kills everything in it.
    pub(super) fn kill(&self) {
        // It may be gone already, and is reaped by the host alone.
        let _ = kill(self.init, Signal::SIGKILL);
        if self.folder.is_some() {
            // The groups that its processes cannot leave.
            for group in [Some(self.init), self.step].into_iter().flatten() {
                let _ = killpg(group, Signal::SIGKILL);
            }
        }
    }
}

/// The kernel's limit where it counts all processes of a uid, whatever cell they are in.
const REDUCED_PROCESSES_MAX: u32 = 4096;
/// What an interpreter and the first process hold before a program does anything.
const MEMORY_SLACK_BYTES: u64 = 48 * 1024 * 1024;
