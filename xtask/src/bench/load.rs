//! Load with wrk, and the reading of its answer. The two sides take turns, so that a machine that slows
//! down in between slows both.

use std::process::Command;

use crate::bench::median;
use crate::failure::{Failure, Outcome};
use crate::shell;

const ROUNDS: usize = 3;

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

fn requests_per_second(url: &str, api_key: &str, seconds: u32) -> Outcome<f64> {
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "2", "--connections", "32", "--duration", &format!("{seconds}s")]);
    wrk.args(["--header", &format!("BLINK-API-KEY: {api_key}"), url]);
    parse(&shell::output(&mut wrk)?)
}

/// The speed that wrk reports. Answers other than 2xx make it worthless: then it is an error.
fn parse(report: &str) -> Outcome<f64> {
    let value = |label: &str| report.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    if let Some(count) = value("Non-2xx or 3xx responses:") {
        return Err(Failure::new(format!("{count} answers were no success:\n{report}")));
    }
    if let Some(counts) = value("Socket errors:") {
        return Err(Failure::new(format!("connections failed: {counts}")));
    }
    value("Requests/sec:")
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| Failure::new(format!("`wrk` gave no speed:\n{report}")))
}

#[cfg(test)]
mod tests {
    use super::parse;

    const REPORT: &str =
        "  120 requests in 1.00s, 2.00MB read\nRequests/sec:  61234.56\nTransfer/sec: 2.0MB\n";

    #[test]
    fn the_speed_is_read_from_the_report() {
        assert_eq!(parse(REPORT).unwrap(), 61234.56);
    }

    #[test]
    fn a_speed_of_refusals_is_an_error() {
        let report = format!("{REPORT}  Non-2xx or 3xx responses: 120\n");
        assert!(parse(&report).unwrap_err().to_string().starts_with("120 answers were no success"));
        let report = format!("{REPORT}  Socket errors: connect 0, read 3, write 0, timeout 0\n");
        assert!(parse(&report).unwrap_err().to_string().starts_with("connections failed: connect 0, read 3"));
    }
}
