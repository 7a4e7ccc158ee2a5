//! A program as one file without a name: lengths, code, context, input files. Written by the runner, read by the
//! confined process, so that neither host nor interpreter ever holds a step's data.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::Program;

/// What a confined process reads.
pub(crate) struct Payload {
    pub(crate) code: String,
    pub(crate) context: Vec<u8>,
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// A file without a name with these contents, read from its beginning.
pub(crate) fn anonymous(parts: &[&[u8]]) -> io::Result<File> {
    let mut file = File::from(memfd_create("nictate", MFdFlags::MFD_CLOEXEC)?);
    for part in parts {
        file.write_all(part)?;
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// The program as a file: three lengths (code, context, count of files), two for each file (name, content), all as
/// eight bytes little-endian; then code, context, and each name with its content.
pub(crate) fn write(program: &Program) -> io::Result<File> {
    let mut lengths = vec![program.code.len(), program.context.len(), program.files.len()];
    for (name, content) in &program.files {
        lengths.extend([name.len(), content.len()]);
    }
    let head: Vec<u8> = lengths.iter().flat_map(|length| (*length as u64).to_le_bytes()).collect();
    let mut parts = vec![&head[..], program.code.as_bytes(), &program.context];
    for (name, content) in &program.files {
        parts.extend([name.as_bytes(), content.as_slice()]);
    }
    anonymous(&parts)
}

/// Reads what [`write`] wrote.
pub(crate) fn read(file: OwnedFd) -> io::Result<Payload> {
    let mut bytes = Vec::new();
    File::from(file).read_to_end(&mut bytes)?;
    let mut rest = Rest(&bytes);
    let (code, context, count) = (rest.length()?, rest.length()?, rest.length()?);
    let mut sizes = Vec::new();
    for _ in 0..count {
        sizes.push((rest.length()?, rest.length()?));
    }
    let code = rest.text(code)?;
    let context = rest.take(context)?.to_vec();
    let mut files = Vec::new();
    for (name, content) in sizes {
        files.push((rest.text(name)?, rest.take(content)?.to_vec()));
    }
    Ok(Payload { code, context, files })
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> io::Result<&'a [u8]> {
        let split = self.0.split_at_checked(length);
        let (taken, rest) = split.ok_or_else(|| io::Error::other("the program's file is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn length(&mut self) -> io::Result<usize> {
        let bytes = self.take(8)?.try_into().map_err(io::Error::other)?;
        usize::try_from(u64::from_le_bytes(bytes)).map_err(io::Error::other)
    }

    fn text(&mut self, length: usize) -> io::Result<String> {
        String::from_utf8(self.take(length)?.to_vec()).map_err(io::Error::other)
    }
}
