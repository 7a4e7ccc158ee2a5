//! Load with wrk, and the reading of its answer. The two sides take turns, so that a machine that slows
//! down in between slows both.

use std::path::Path;
use std::process::Command;

use crate::bench::median;
use crate::failure::{Failure, Outcome};
use crate::shell;

const ROUNDS: usize = 3;
const THREADS_MAX: u32 = 2;

/// What is asked.
pub(crate) struct Urls {
    pub(crate) bare: String,
    pub(crate) real: String,
}

/// Median requests a second.
pub(crate) struct Comparison {
    pub(crate) bare: f64,
    pub(crate) real: f64,
}

/// Asks both sides in turn, `ROUNDS` times for `seconds` each.
pub(crate) fn compare(urls: &Urls, api_key: &str, seconds: u32) -> Outcome<Comparison> {
    let (mut bare, mut real) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(requests_per_second(&urls.bare, api_key, seconds)?);
        real.push(requests_per_second(&urls.real, api_key, seconds)?);
    }
    Ok(Comparison { bare: median(&mut bare), real: median(&mut real) })
}

/// Asks with what `script` puts into the headers; how many answers there were a second, which are refusals.
pub(crate) fn refusals(url: &str, script: &Path, seconds: u32) -> Outcome<f64> {
    let mut command = wrk(url, "", 32, seconds);
    speed(&shell::output(command.arg("--script").arg(script))?)
}

/// What one side did under load.
pub(crate) struct Load {
    pub(crate) per_second: f64,
    /// Median milliseconds from a request to its answer.
    pub(crate) median_ms: f64,
}

/// Posts what `script` says, on so many connections for `seconds`.
pub(crate) fn post(url: &str, api_key: &str, script: &Path, connections: u32, seconds: u32) -> Outcome<Load> {
    let mut wrk = wrk(url, api_key, connections, seconds);
    wrk.arg("--latency").args(["--timeout", "60s"]).arg("--script").arg(script);
    let report = shell::output(&mut wrk)?;
    let median_ms =
        median_ms(&report).ok_or_else(|| Failure::new(format!("`wrk` gave no median:\n{report}")))?;
    Ok(Load { per_second: parse(&report)?, median_ms })
}

fn requests_per_second(url: &str, api_key: &str, seconds: u32) -> Outcome<f64> {
    parse(&shell::output(&mut wrk(url, api_key, 32, seconds))?)
}

fn wrk(url: &str, api_key: &str, connections: u32, seconds: u32) -> Command {
    let threads = connections.min(THREADS_MAX).to_string();
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", &threads, "--connections", &connections.to_string()]);
    wrk.args(["--duration", &format!("{seconds}s"), "--header", &format!("BLINK-API-KEY: {api_key}"), url]);
    wrk
}

/// The middle of the times that wrk lists, `50%    1.23ms`.
fn median_ms(report: &str) -> Option<f64> {
    let text = report.lines().find_map(|line| line.trim().strip_prefix("50%"))?.trim();
    for (unit, in_one_ms) in [("us", 1_000.0), ("ms", 1.0), ("s", 0.001)] {
        if let Some(number) = text.strip_suffix(unit).and_then(|number| number.parse::<f64>().ok()) {
            return Some(number / in_one_ms);
        }
    }
    None
}

/// The speed that wrk reports. Answers other than 2xx make it worthless: then it is an error.
fn parse(report: &str) -> Outcome<f64> {
    let value = |label: &str| report.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    if let Some(count) = value("Non-2xx or 3xx responses:") {
        return Err(Failure::new(format!("{count} answers were no success:\n{report}")));
    }
    speed(report)
}

/// The speed that wrk reports, whatever was answered.
fn speed(report: &str) -> Outcome<f64> {
    let value = |label: &str| report.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    if let Some(counts) = value("Socket errors:") {
        return Err(Failure::new(format!("connections failed: {counts}")));
    }
    value("Requests/sec:")
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| Failure::new(format!("`wrk` gave no speed:\n{report}")))
}

#[cfg(test)]
mod tests {
    use super::{median_ms, parse};

    const REPORT: &str =
        "  120 requests in 1.00s, 2.00MB read\nRequests/sec:  61234.56\nTransfer/sec: 2.0MB\n";

    #[test]
    fn the_speed_is_read_from_the_report() {
        assert_eq!(parse(REPORT).unwrap(), 61234.56);
    }

    #[test]
    fn the_median_is_read_in_each_unit() {
        let report = |time: &str| format!("  Latency Distribution\n     50%  {time}\n     75%    9.00ms\n");
        for (time, ms) in [("830.00us", 0.83), ("1.25ms", 1.25), ("2.00s", 2_000.0)] {
            assert_eq!(median_ms(&report(time)), Some(ms));
        }
        assert_eq!(median_ms(REPORT), None);
    }

    #[test]
    fn a_speed_of_refusals_is_an_error() {
        let report = format!("{REPORT}  Non-2xx or 3xx responses: 120\n");
        assert!(parse(&report).unwrap_err().to_string().starts_with("120 answers were no success"));
        let report = format!("{REPORT}  Socket errors: connect 0, read 3, write 0, timeout 0\n");
        assert!(parse(&report).unwrap_err().to_string().starts_with("connections failed: connect 0, read 3"));
    }
}
