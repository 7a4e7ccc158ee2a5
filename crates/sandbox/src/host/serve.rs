//! The host's loop: takes orders from the runner, keeps cells ready, hands programs over, reports how they ended. It
//! never looks at a program, its context or its output.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::time::TimeValLike as _;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use super::cell::{Cell, Over, Stage};
use super::init::{Inherited, InitSays, Spec};
use super::javascript::Engine;
use super::namespaces::Place;
use super::reduced::{self, Folders};
use super::step::CONFINED;
use super::zygote::{self, Fork, Zygote, ZygoteSays};
use super::{Context as _, Outcome, probe, root};
use crate::Language;
use crate::report::Report;
use crate::wire::{self, FromHost, Order, Setup, Status, ToHost};

/// Kinds of cells that are kept ready; the one used longest ago gives way.
const KINDS_MAX: usize = 4;
/// Milliseconds between two looks at what running programs hold in memory.
const LOOK_MS: u16 = 25;
/// Milliseconds between two looks for cells that are gone, while some go.
const REAP_MS: u16 = 10;

/// The host, inside its namespaces.
pub(super) struct Host {
    socket: OwnedFd,
    setup: Setup,
    place: Place,
    root: PathBuf,
    /// Of the reduced form.
    folders: Option<Folders>,
    readable: Vec<PathBuf>,
    python_prelude: OwnedFd,
    javascript_prelude: OwnedFd,
    engine: Option<Engine>,
    zygote: Option<Zygote>,
    cells: BTreeMap<u64, Cell>,
    /// Python's processes by the cell that they are in.
    steps: HashMap<i32, u64>,
    /// Kinds of cells that were used last, the latest at the end.
    kinds: VecDeque<Spec>,
    next: u64,
    /// First processes that are killed and not yet gone.
    going: HashSet<Pid>,
    /// Those that are gone although nobody killed them. Their numbers may be others' by now.
    gone: HashSet<Pid>,
    /// When it was last looked at memory, in milliseconds of the machine's time since its start.
    looked_ms: i64,
}

#[derive(Clone, Copy)]
enum Source {
    Runner,
    Zygote,
    Init(u64),
    Step(u64),
}

impl Host {
    /// Prepares the root and tells the runner what there is.
    pub(super) fn new(
        socket: OwnedFd,
        setup: Setup,
        place: Place,
        report: Report,
        python_prelude: OwnedFd,
        javascript_prelude: OwnedFd,
    ) -> Outcome<Self> {
        let (root, folders) = if place.namespaces {
            (root::prepare(setup.python.as_ref())?, None)
        } else {
            (PathBuf::new(), Some(Folders::make()?))
        };
        let readable = root::readable(setup.python.as_ref());
        wire::send(socket.as_fd(), &FromHost::Ready { report }, &[])
            .context("tell that the host is there")?;
        Ok(Self {
            socket,
            setup,
            place,
            root,
            folders,
            readable,
            python_prelude,
            javascript_prelude,
            engine: None,
            zygote: None,
            cells: BTreeMap::new(),
            steps: HashMap::new(),
            kinds: VecDeque::new(),
            next: 0,
            going: HashSet::new(),
            gone: HashSet::new(),
            looked_ms: 0,
        })
    }

    /// Serves until the runner is gone.
    pub(super) fn serve(mut self) -> Outcome {
        loop {
            for source in self.wait()? {
                match source {
                    Source::Runner => {
                        if !self.hear_runner()? {
                            self.cells.values().for_each(Cell::kill);
                            return Ok(());
                        }
                    }
                    Source::Zygote => self.hear_zygote()?,
                    Source::Init(cell) => self.hear_init(cell)?,
                    Source::Step(cell) => self.hear_step(cell)?,
                }
            }
            self.look_at_memory()?;
            self.reap()?;
            self.refill();
        }
    }

    /// Who has something to say.
    fn wait(&self) -> Outcome<Vec<Source>> {
        let mut sources = vec![Source::Runner];
        let mut polled = vec![PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        if let Some(zygote) = &self.zygote {
            sources.push(Source::Zygote);
            polled.push(PollFd::new(zygote.socket.as_fd(), PollFlags::POLLIN));
        }
        let mut running = false;
        for (id, cell) in &self.cells {
            running |= cell.stage == Stage::Running;
            sources.push(Source::Init(*id));
            polled.push(PollFd::new(cell.init_socket.as_fd(), PollFlags::POLLIN));
            if cell.stage == Stage::Confining {
                sources.push(Source::Step(*id));
                polled.push(PollFd::new(cell.step_socket.as_fd(), PollFlags::POLLIN));
            }
        }
        let timeout = match (!self.going.is_empty(), running) {
            (true, _) => PollTimeout::from(REAP_MS),
            (false, true) => PollTimeout::from(LOOK_MS),
            (false, false) => PollTimeout::NONE,
        };
        match poll(&mut polled, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno).context("wait"),
        }
        let said = polled.iter().map(|one| one.revents().is_some_and(|events| !events.is_empty()));
        Ok(sources.into_iter().zip(said).filter_map(|(source, said)| said.then_some(source)).collect())
    }

    /// Whether the runner is still there.
    fn hear_runner(&mut self) -> Outcome<bool> {
        let heard = wire::receive::<ToHost>(self.socket.as_fd()).context("hear the runner")?;
        let Some((message, descriptors)) = heard else { return Ok(false) };
        match message {
            ToHost::Run(order) => {
                let id = order.id;
                if let Err(why) = self.run(order, descriptors) {
                    self.tell(&FromHost::Failed { id, why }, &[])?;
                }
            }
            ToHost::Kill { id } => {
                let of = |cell: &Cell| cell.order.as_ref().is_some_and(|(order, _)| order.id == id);
                let found = self.cells.iter().find(|(_, cell)| of(cell)).map(|(id, _)| *id);
                if let Some(cell) = found {
                    self.end(cell, Status::Signaled(libc::SIGKILL))?;
                }
            }
        }
        Ok(true)
    }

    fn run(&mut self, order: Order, descriptors: Vec<OwnedFd>) -> Outcome {
        let spec = Spec {
            language: order.language,
            tmp_bytes: order.limits.tmp_bytes,
            packages: order.packages.clone(),
            guarded: order.guarded,
        };
        self.kinds.retain(|kind| *kind != spec);
        self.kinds.push_back(spec.clone());
        if self.kinds.len() > KINDS_MAX {
            self.kinds.pop_front();
        }
        let free = |cell: &Cell| cell.order.is_none() && cell.spec == spec;
        let ready = self.cells.iter().find(|(_, cell)| free(cell) && cell.stage == Stage::Ready);
        // One that is on its way is sooner there than a new one.
        let coming = self.cells.iter().find(|(_, cell)| free(cell));
        let id = match ready.or(coming).map(|(id, _)| *id) {
            Some(id) => id,
            None => self.start_cell(spec)?,
        };
        let Some(cell) = self.cells.get_mut(&id) else { return Ok(()) };
        cell.order = Some((order, descriptors));
        if cell.stage == Stage::Ready { self.go(id) } else { Ok(()) }
    }

    fn start_cell(&mut self, spec: Spec) -> Outcome<u64> {
        match spec.language {
            Language::Python => self.start_zygote()?,
            Language::JavaScript if self.engine.is_none() => {
                self.engine = Some(Engine::warm(&self.javascript_prelude)?);
            }
            Language::JavaScript | Language::Bash => {}
        }
        self.next += 1;
        let folders = self.folders.as_ref();
        let folder = folders.map(|folders| folders.make_cell(self.next, self.place)).transpose()?;
        let inherited = Inherited {
            place: self.place,
            root: &self.root,
            engine: self.engine.as_ref(),
            reduced: folder.map(|folder| (folder, &self.readable[..])),
        };
        let cell = Cell::start(spec, &inherited)?;
        self.cells.insert(self.next, cell);
        Ok(self.next)
    }

    fn start_zygote(&mut self) -> Outcome {
        if self.zygote.is_none() {
            let python = self.setup.python.as_ref().ok_or("there is no Python on this machine")?;
            // With mounts it does not matter where it lies; without, its folders must be open to others.
            if let (false, Some(uid)) = (self.place.namespaces, self.place.step_uid())
                && !probe::can_list(uid, &python.folders)
            {
                let shown = python.executable.display();
                return Err(format!("`{shown}` lies where the uid of programs, `{uid}`, may not read"));
            }
            self.zygote = Some(Zygote::start(python, &self.python_prelude)?);
        }
        Ok(())
    }

    fn go(&mut self, id: u64) -> Outcome {
        let Some(cell) = self.cells.get_mut(&id) else { return Ok(()) };
        let Some((order, _)) = &cell.order else { return Ok(()) };
        let started = FromHost::Started { id: order.id };
        if let Err(why) = cell.go() {
            return self.fail(id, why);
        }
        let listener = cell.listener.take();
        let listener: Vec<_> = listener.iter().map(|listener| listener.as_fd()).collect();
        self.tell(&started, &listener)
    }

    fn hear_init(&mut self, id: u64) -> Outcome {
        let Some(cell) = self.cells.get_mut(&id) else { return Ok(()) };
        let heard = wire::receive::<InitSays>(cell.init_socket.as_fd());
        let (message, descriptors) = match heard {
            Ok(Some(heard)) => heard,
            // It was killed from outside, or by the kernel for want of memory.
            Ok(None) if cell.stage == Stage::Running => return self.end(id, Status::Signaled(libc::SIGKILL)),
            Ok(None) => return self.fail(id, "the cell's first process died".to_owned()),
            Err(error) => return self.fail(id, error.to_string()),
        };
        match message {
            InitSays::Built { namespaces, rules, listener } => {
                if let Err(why) = self.built(id, [namespaces, rules, listener], descriptors) {
                    return self.fail(id, why);
                }
                Ok(())
            }
            InitSays::Broken { why } => self.fail(id, why),
            InitSays::Ended { status } if cell.stage == Stage::Running => self.end(id, status),
            InitSays::Ended { .. } => self.fail(id, "the program's process died early".to_owned()),
        }
    }

    fn built(&mut self, id: u64, parts: [bool; 3], mut descriptors: Vec<OwnedFd>) -> Outcome {
        let [_, rules, listener] = parts;
        let Some(cell) = self.cells.get_mut(&id) else { return Ok(()) };
        cell.stage = Stage::Confining;
        if listener {
            cell.listener = descriptors.pop();
        }
        let step_end = cell.step_end.take();
        if cell.spec.language != Language::Python {
            return Ok(());
        }
        let rules_fd = if rules { descriptors.pop() } else { None };
        let borrowed = descriptors.iter().chain(&step_end).chain(&rules_fd);
        let borrowed: Vec<BorrowedFd<'_>> = borrowed.map(|descriptor| descriptor.as_fd()).collect();
        let fork = Fork {
            cell: id,
            filter: zygote::filter_of(self.place, cell.spec.guarded),
            rules: rules_fd.is_some(),
            folder: cell.folder.clone(),
            uid: self.place.step_uid(),
        };
        let zygote = self.zygote.as_ref().ok_or("the interpreter died")?;
        zygote.fork(&fork, &borrowed)
    }

    fn hear_step(&mut self, id: u64) -> Outcome {
        let Some(cell) = self.cells.get_mut(&id) else { return Ok(()) };
        match wire::receive_bytes(cell.step_socket.as_fd()) {
            Ok(Some((bytes, _))) if bytes == CONFINED => {
                cell.stage = Stage::Ready;
                self.go(id)
            }
            Ok(Some(_)) => self.fail(id, "the program's process said something else".to_owned()),
            Ok(None) => self.fail(id, "the program's process died early".to_owned()),
            Err(error) => self.fail(id, error.to_string()),
        }
    }

    fn hear_zygote(&mut self) -> Outcome {
        let Some(zygote) = &self.zygote else { return Ok(()) };
        match wire::receive::<ZygoteSays>(zygote.socket.as_fd()) {
            Ok(Some((ZygoteSays::Forked { cell, pid }, _))) => {
                if let Some(known) = self.cells.get_mut(&cell) {
                    known.step = Some(Pid::from_raw(pid));
                    self.steps.insert(pid, cell);
                }
                Ok(())
            }
            Ok(Some((ZygoteSays::Refused { cell, why }, _))) => self.fail(cell, why),
            Ok(Some((ZygoteSays::Ended { pid, status }, _))) => match self.steps.remove(&pid) {
                Some(cell) => match self.cells.get(&cell).map(|cell| cell.stage) {
                    Some(Stage::Running) => self.end(cell, status),
                    Some(_) => self.fail(cell, "the program's process died early".to_owned()),
                    None => Ok(()),
                },
                None => Ok(()),
            },
            Ok(None) | Err(_) => self.lose_zygote(),
        }
    }

    /// All of its processes are tied to it and die too.
    fn lose_zygote(&mut self) -> Outcome {
        if let Some(zygote) = self.zygote.take() {
            // It is dead, or of no use.
            let _ = nix::sys::signal::kill(zygote.pid, nix::sys::signal::Signal::SIGKILL);
        }
        self.steps.clear();
        let of_python = self.cells.iter().filter(|(_, cell)| cell.spec.language == Language::Python);
        let ids: Vec<u64> = of_python.map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(order) = self.remove(id) {
                self.tell(&FromHost::Lost { id: order.id }, &[])?;
            }
        }
        // Not kept ready for its own sake: an interpreter that cannot start would be started for ever.
        self.kinds.retain(|kind| kind.language != Language::Python);
        Ok(())
    }

    /// The program has ended, and what it started ends with it.
    fn end(&mut self, id: u64, status: Status) -> Outcome {
        let out_of_memory = self.cells.get(&id).is_some_and(|cell| cell.out_of_memory);
        match self.remove(id) {
            Some(order) => self.tell(&FromHost::Ended { id: order.id, status, out_of_memory }, &[]),
            None => Ok(()),
        }
    }

    /// The cell cannot be used.
    fn fail(&mut self, id: u64, why: String) -> Outcome {
        let kind = self.cells.get(&id).map(|cell| cell.spec.clone());
        // What fails once would fail for ever if it were kept ready.
        self.kinds.retain(|other| Some(other) != kind.as_ref());
        match self.remove(id) {
            Some(order) => self.tell(&FromHost::Failed { id: order.id, why }, &[]),
            None => Ok(()),
        }
    }

    fn remove(&mut self, id: u64) -> Option<Order> {
        let cell = self.cells.remove(&id)?;
        if !self.gone.remove(&cell.init) {
            cell.kill();
            self.going.insert(cell.init);
        }
        if let Some(folder) = &cell.folder {
            reduced::remove(folder);
        }
        cell.order.map(|(order, _)| order)
    }

    fn look_at_memory(&mut self) -> Outcome {
        let now_ms = clock_gettime(ClockId::CLOCK_MONOTONIC).context("read the clock")?.num_milliseconds();
        if now_ms < self.looked_ms + i64::from(LOOK_MS) {
            return Ok(());
        }
        self.looked_ms = now_ms;
        let running = self.cells.iter().filter(|(_, cell)| cell.stage == Stage::Running);
        let over: Vec<_> = running.filter_map(|(id, cell)| Some((*id, cell.is_over()?))).collect();
        for (id, over) in over {
            if let Some(cell) = self.cells.get_mut(&id) {
                cell.out_of_memory = over == Over::Memory;
            }
            self.end(id, Status::Signaled(libc::SIGKILL))?;
        }
        Ok(())
    }

    /// Clears the table of processes. As the first process of a pid namespace the host also inherits orphans.
    fn reap(&mut self) -> Outcome {
        loop {
            let pid = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) => pid,
                Ok(WaitStatus::StillAlive) => return Ok(()),
                Err(nix::errno::Errno::ECHILD) => {
                    self.going.clear();
                    return Ok(());
                }
                Ok(_) | Err(nix::errno::Errno::EINTR) => continue,
                Err(errno) => return Err(errno).context("wait for the cells that go"),
            };
            if !self.going.remove(&pid) && self.cells.values().any(|cell| cell.init == pid) {
                self.gone.insert(pid);
            }
        }
    }

    /// Prepares cells of the kinds that were used last, and gives up those of others.
    fn refill(&mut self) {
        let kinds: Vec<Spec> = self.kinds.iter().rev().cloned().collect();
        let unused = |cell: &Cell| cell.order.is_none();
        let old = self.cells.iter().filter(|(_, cell)| unused(cell) && !kinds.contains(&cell.spec));
        let old: Vec<u64> = old.map(|(id, _)| *id).collect();
        for id in old {
            self.remove(id);
        }
        for kind in kinds {
            let free = self.cells.values().filter(|cell| unused(cell) && cell.spec == kind).count();
            for _ in free..self.setup.prepared {
                // The next program of this kind will say why.
                if self.start_cell(kind.clone()).is_err() {
                    self.kinds.retain(|other| *other != kind);
                    break;
                }
            }
        }
    }

    fn tell(&self, message: &FromHost, descriptors: &[BorrowedFd<'_>]) -> Outcome {
        wire::send(self.socket.as_fd(), message, descriptors).context("tell the runner")
    }
}
