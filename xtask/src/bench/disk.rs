//! What one durable write costs on this disk: the floor under every commit of both databases.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::bench::median;
use crate::failure::{Context, Outcome};
use crate::stopwatch::Stopwatch;

const WRITES: usize = 200;
const WRITE_BYTES: usize = 4096;

/// Median milliseconds of a 4 KiB write followed by fsync, appending to one file.
pub(crate) fn flushed_write_ms(folder: &Path) -> Outcome<f64> {
    let mut file = File::create(folder.join("flushed")).context("create a file to flush")?;
    let block = [7; WRITE_BYTES];
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let stopwatch = Stopwatch::start();
        file.write_all(&block).context("write to the disk")?;
        file.sync_all().context("flush to the disk")?;
        times.push(stopwatch.elapsed_ms());
    }
    Ok(median(&mut times))
}
