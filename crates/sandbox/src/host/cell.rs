//! A cell as the host sees it: a first process and a program's process in namespaces of their own, at one of four
//! stages. Each is used for one program.

use std::os::fd::{AsFd as _, OwnedFd};

use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::init::{self, Inherited, Spec};
use super::namespaces::{fork_into, write_maps};
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
}

impl Cell {
    /// Starts the first process; the cell builds itself from there.
    pub(super) fn start(spec: Spec, inherited: &Inherited<'_>) -> Outcome<Self> {
        let (init_socket, init_end) = wire::pair().context("make a socket")?;
        let (step_socket, step_end) = wire::pair().context("make a socket")?;
        let flags = CloneFlags::CLONE_NEWUSER
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWUTS;
        let Some(init) = fork_into(flags)? else { init::be(&spec, inherited, init_end, step_end) };
        drop(init_end);
        let map = inherited.place.cell_map();
        let mapped = write_maps(init, &map, &map, false)
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
        })
    }

    /// Hands the program over.
    pub(super) fn go(&mut self) -> Outcome {
        let Some((order, descriptors)) = &mut self.order else { return Ok(()) };
        let go = Go {
            memory_bytes: order.limits.memory_bytes,
            processes: order.limits.processes,
            file_bytes: order.limits.file_bytes,
            cpu_s: order.limits.cpu.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX - 1),
            packages: order.packages.is_some(),
            guarded: order.guarded,
        };
        let descriptors = std::mem::take(descriptors);
        let borrowed: Vec<_> = descriptors.iter().map(|descriptor| descriptor.as_fd()).collect();
        wire::send(self.step_socket.as_fd(), &go, &borrowed).context("hand over the program")?;
        self.stage = Stage::Running;
        Ok(())
    }

    /// Whether it holds more memory than its program may.
    pub(super) fn is_over_memory(&self) -> bool {
        let Some((order, _)) = &self.order else { return false };
        let processes: Vec<Pid> = [Some(self.init), self.step].into_iter().flatten().collect();
        memory::held_bytes(&processes) > order.limits.memory_bytes.saturating_add(MEMORY_SLACK_BYTES)
    }

    /// Kills everything in it.
    pub(super) fn kill(&self) {
        // It may be gone already, and is reaped by the host alone.
        let _ = kill(self.init, Signal::SIGKILL);
    }
}

/// What an interpreter and the first process hold before a program does anything.
const MEMORY_SLACK_BYTES: u64 = 48 * 1024 * 1024;
