//! What the runner's process and the host process say to each other: JSON in packets of a Unix socket, with
//! descriptors beside them. Both ends are one version of one program, so there is no version here.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
    socketpair,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Language, Limits, Part, Report};

/// Bytes of a packet. What can be larger travels in files without a name.
pub(crate) const PACKET_BYTES_MAX: usize = 32 * 1024;
/// Descriptors beside a packet.
const DESCRIPTORS_MAX: usize = 12;

/// The first packet to a host, with two descriptors: the preludes of Python and of JavaScript.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// The interpreter, if there is one.
    pub(crate) python: Option<PythonHome>,
    /// Cells per language to prepare ahead.
    pub(crate) prepared: usize,
    /// Whether the reduced form is accepted.
    pub(crate) reduced: bool,
    /// Parts to leave out.
    pub(crate) without: Vec<Part>,
}

/// A Python installation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PythonHome {
    /// The interpreter itself, not a shim.
    pub(crate) executable: PathBuf,
    /// The folders that it needs.
    pub(crate) folders: Vec<PathBuf>,
    /// For the log.
    pub(crate) version: String,
}

/// To the host.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToHost {
    /// Run this; with four descriptors: the program's file, where stdout, stderr and the result go.
    Run(Order),
    /// Kill it, if it still runs.
    Kill { id: u64 },
}

/// A program to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) language: Language,
    pub(crate) limits: Limits,
    pub(crate) packages: Option<PathBuf>,
    pub(crate) guarded: bool,
}

/// From the host.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromHost {
    /// The answer to the setup.
    Ready { report: Report },
    /// The program has its code; with the proxy's listening socket if its network is guarded.
    Started { id: u64 },
    /// It is gone, with all that it started.
    Ended { id: u64, status: Status, out_of_memory: bool },
    /// It was not run.
    Failed { id: u64, why: String },
    /// What it was forked from died, and it with that.
    Lost { id: u64 },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Exited(i32),
    Signaled(i32),
}

/// To a program's process, once it is confined; with the order's four descriptors.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Go {
    pub(crate) memory_bytes: u64,
    pub(crate) processes: u32,
    pub(crate) file_bytes: u64,
    pub(crate) cpu_s: u64,
    /// Where they are, as the program sees it.
    pub(crate) packages: Option<PathBuf>,
    pub(crate) guarded: bool,
}

/// Two connected ends, closed on exec.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

/// Sends one packet. [`io::ErrorKind::WouldBlock`] if the socket does not block and is full.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    message: &impl Serialize,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    send_bytes(socket, &serde_json::to_vec(message)?, descriptors)
}

/// As [`send`], of bytes as they are.
pub(crate) fn send_bytes(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let raw: Vec<RawFd> = descriptors.iter().map(|descriptor| descriptor.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &[][..] } else { &rights[..] };
    loop {
        let parts = [IoSlice::new(bytes)];
        match sendmsg::<()>(socket.as_raw_fd(), &parts, control, MsgFlags::MSG_NOSIGNAL, None) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// One packet and its descriptors; `None` when the other end is closed.
pub(crate) fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    match receive_bytes(socket)? {
        Some((bytes, descriptors)) => Ok(Some((serde_json::from_slice(&bytes)?, descriptors))),
        None => Ok(None),
    }
}

/// As [`receive`], of bytes as they are.
pub(crate) fn receive_bytes(socket: BorrowedFd<'_>) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; PACKET_BYTES_MAX];
    let mut control = nix::cmsg_space!([RawFd; DESCRIPTORS_MAX]);
    let mut descriptors = Vec::new();
    let length = loop {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags) {
            Ok(message) => {
                for part in message.cmsgs()? {
                    if let ControlMessageOwned::ScmRights(raw) = part {
                        // SAFETY: the kernel has just made these descriptors for us; nobody else has them.
                        descriptors.extend(raw.iter().map(|raw| unsafe { OwnedFd::from_raw_fd(*raw) }));
                    }
                }
                if message.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC) {
                    return Err(io::Error::other("a packet was cut off"));
                }
                break message.bytes;
            }
            Err(Errno::EINTR) => {}
            // The other end died with packets of ours unread: it is as gone as if it had closed.
            Err(Errno::ECONNRESET) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        }
    };
    if length == 0 {
        return Ok(None);
    }
    bytes.truncate(length);
    Ok(Some((bytes, descriptors)))
}
