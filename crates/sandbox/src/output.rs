//! What a program prints, read as it comes: kept within the limit for both streams together, told line by line.

use std::io;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;

use crate::Stream;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes of a line that is told; a longer one is told in pieces.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// One stream of a program.
pub(crate) struct Output {
    stream: Stream,
    pipe: Option<Receiver>,
    chunk: Vec<u8>,
    pub(crate) kept: Vec<u8>,
    /// Where in `kept` the line begins that is not told yet.
    told: usize,
}

impl Read {
    /// What may still come after this, of what might before.
    pub(crate) fn leaves(&self, left: u64) -> u64 {
        match self {
            Self::Some(count) => left.saturating_sub(*count),
            Self::TooMuch => 0,
            Self::End => left,
        }
    }
}

/// What reading has brought.
#[derive(PartialEq, Eq)]
pub(crate) enum Read {
    /// So many bytes, which are kept.
    Some(u64),
    /// More than there may be; nothing is left, and what was within the limit is kept.
    TooMuch,
    /// The end.
    End,
}

impl Output {
    pub(crate) fn new(stream: Stream, pipe: Receiver) -> Self {
        Self { stream, pipe: Some(pipe), chunk: vec![0; CHUNK_BYTES], kept: Vec::new(), told: 0 }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Reads once. `left` is what both streams may still have. Can be cancelled without loss.
    pub(crate) async fn read(&mut self, left: u64) -> Read {
        let Some(pipe) = &mut self.pipe else { return std::future::pending().await };
        let count = match pipe.read(&mut self.chunk).await {
            Ok(0) | Err(_) => {
                self.pipe = None;
                return Read::End;
            }
            Ok(count) => count,
        };
        let fits = usize::try_from(left).unwrap_or(usize::MAX).min(count);
        self.kept.extend_from_slice(self.chunk.get(..fits).unwrap_or_default());
        if fits < count { Read::TooMuch } else { Read::Some(fits as u64) }
    }

    /// Tells the lines that are complete; at the end the last one too.
    pub(crate) fn tell(&mut self, on_line: &(dyn Fn(Stream, &str) + Send + Sync), at_end: bool) {
        loop {
            let open = self.kept.get(self.told..).unwrap_or_default();
            let (line, skipped) = match open.iter().take(LINE_BYTES_MAX + 1).position(|byte| *byte == b'\n') {
                Some(length) => (length, length + 1),
                None if open.len() > LINE_BYTES_MAX => (LINE_BYTES_MAX, LINE_BYTES_MAX),
                None if at_end && !open.is_empty() => (open.len(), open.len()),
                None => return,
            };
            let text = String::from_utf8_lossy(open.get(..line).unwrap_or_default());
            on_line(self.stream, text.strip_suffix('\r').unwrap_or(&text));
            self.told += skipped;
        }
    }
}

/// The result, read until its end or until it is larger than it may be; then the rest is dropped.
pub(crate) struct ResultPipe {
    pipe: Option<Receiver>,
    bytes_max: usize,
    chunk: Vec<u8>,
    pub(crate) kept: Vec<u8>,
    pub(crate) too_large: bool,
}

impl ResultPipe {
    /// `bytes_max` counts the first byte, which says what the rest is.
    pub(crate) fn new(pipe: Receiver, bytes_max: usize) -> Self {
        Self { pipe: Some(pipe), bytes_max, chunk: vec![0; CHUNK_BYTES], kept: Vec::new(), too_large: false }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Reads once. Can be cancelled without loss.
    pub(crate) async fn read(&mut self) {
        let Some(pipe) = &mut self.pipe else { return std::future::pending().await };
        match pipe.read(&mut self.chunk).await {
            Ok(0) | Err(_) => self.pipe = None,
            Ok(count) if self.kept.len() + count > self.bytes_max => self.too_large = true,
            Ok(count) => self.kept.extend_from_slice(self.chunk.get(..count).unwrap_or_default()),
        }
    }
}

/// A pipe whose reading end is ours and whose writing end is the program's.
pub(crate) fn pipe() -> io::Result<(Receiver, std::os::fd::OwnedFd)> {
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    Ok((Receiver::from_owned_fd(read)?, write))
}
