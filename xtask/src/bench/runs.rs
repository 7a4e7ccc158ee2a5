//! What a run costs: whole workflows over the public API, from the call to the durable end. Every run and each of
//! its steps stays in the history.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::failure::{Context, Failure, Outcome};
use crate::stopwatch::Stopwatch;

use super::load::{self, Load};
use crate::process::{Process, Product, WORKSPACE_ID, first_id, success};

/// Steps of the workflow that is one long line of them.
const LINEAR_STEPS: usize = 1_000;
const LOOP_TURNS: usize = 100;
/// Code steps of a run, as other products are measured with.
const CODE_STEPS: usize = 40;
const FIBO: &str = "def fibo(n):\n  return n if n < 2 else fibo(n - 1) + fibo(n - 2)\nprint(fibo(10))";
/// Runs that wait when their server is killed.
const IN_FLIGHT: usize = 1_000;
/// Seconds that they wait: longer than it takes to start them all.
const WAIT_S: usize = 8;
const RESUME_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Seconds of load before each measurement.
const WARM_UP_S: u32 = 1;
const SYNC: &str = "/draft/execute?run_sync=true&timeout=60";
const ASYNC: &str = "/draft/execute";

/// One measured thing: what, and the figure.
pub(crate) type Row = (String, String);

/// Runs everything on one database. `tool` is the address of a server that the steps may ask.
pub(crate) fn measure(
    product: &Product,
    folder: &Path,
    tool: &str,
    flushed_write_ms: f64,
    seconds: u32,
) -> Outcome<Vec<Row>> {
    let server = product.start()?;
    let bench = Bench { product, folder, seconds, flushed_write_ms };
    let pure = bench.pure()?;
    let mut rows = Vec::new();
    rows.push((
        "set variables, print: one at a time, median until it has ended".to_owned(),
        bench.latency(&pure)?,
    ));
    rows.push(("the same, 64 at a time".to_owned(), bench.throughput(&pure, SYNC, 64)?));
    let refused = bench.workflow("refused", &requests("http://10.0.0.1/"))?;
    rows.push((
        "3 effects that the runner refuses to carry out, 64 at a time".to_owned(),
        bench.throughput(&refused, SYNC, 64)?,
    ));
    let asked = bench.workflow("asked", &requests(&format!("http://{tool}/")))?;
    rows.push((
        "3 requests to a server on this machine, 64 at a time".to_owned(),
        bench.throughput(&asked, SYNC, 64)?,
    ));
    rows.extend(bench.remote()?);
    rows.extend(bench.code()?);
    let linear = bench.workflow("linear", &linear())?;
    rows.push(("a step of 1,000 that set a variable".to_owned(), bench.per_step(&linear)?));
    let turns = bench.workflow("loop", &turns())?;
    rows.push(("a loop of 100 turns that set a variable".to_owned(), bench.latency(&turns)?));
    rows.push(("accepted durably, 250 callers at a time".to_owned(), bench.throughput(&pure, ASYNC, 250)?));
    rows.push((
        "1,000 waiting runs, their server killed: from its start to their end".to_owned(),
        bench.resume(server)?,
    ));
    Ok(rows)
}

/// A running server to put load on.
pub(crate) struct Bench<'b> {
    pub(crate) product: &'b Product,
    /// For what the load generator reads.
    pub(crate) folder: &'b Path,
    /// Of each measurement.
    pub(crate) seconds: u32,
    pub(crate) flushed_write_ms: f64,
}

impl Bench<'_> {
    /// The path of a workflow that sets a variable and prints it, which has run once.
    pub(crate) fn pure(&self) -> Outcome<String> {
        self.workflow("pure", &pure())
    }

    /// Runs that end each second, 64 at a time.
    pub(crate) fn runs_per_second(&self, path: &str) -> Outcome<f64> {
        Ok(self.load(&format!("{path}{SYNC}"), 64)?.per_second)
    }

    /// Stores a workflow and runs it once, which compiles it and shows that it works; its path.
    fn workflow(&self, name: &str, steps: &str) -> Outcome<String> {
        let path = self.store(name, steps)?;
        let first = format!("{path}{SYNC}");
        success(&first, self.product.client().post(&first, "{}")?)?;
        Ok(path)
    }

    /// Runs of one step that does nothing, carried out by the embedded runner and by one in another process.
    fn remote(&self) -> Outcome<Vec<Row>> {
        let step = request_step(1, "http://10.0.0.1/");
        let near = self.workflow("near", &step)?;
        let runner = self.product.start_runner("bench")?;
        let far = self.store_for("far", "bench", &step)?;
        let first = format!("{far}{SYNC}");
        success(&first, self.product.client().post(&first, "{}")?)?;
        let rows = vec![
            (
                "1 effect that the embedded runner refuses: one at a time, median until the run has ended"
                    .to_owned(),
                self.latency(&near)?,
            ),
            ("the same through a remote runner on this machine".to_owned(), self.latency(&far)?),
            (
                "1 effect that the embedded runner refuses, 64 at a time".to_owned(),
                self.throughput(&near, SYNC, 64)?,
            ),
            (
                "the same through a remote runner on this machine, 64 at a time".to_owned(),
                self.throughput(&far, SYNC, 64)?,
            ),
        ];
        drop(runner);
        Ok(rows)
    }

    /// Runs whose steps are code, each in a fresh sandbox.
    fn code(&self) -> Outcome<Vec<Row>> {
        let python = self.workflow("python", &code(1, "core.pythonV2", "print(1)"))?;
        let bash = self.workflow("bash", &code(1, "core.bash", "echo 1"))?;
        let in_a_row: String = (1..=CODE_STEPS).map(|id| code(id, "core.pythonV2", FIBO)).collect();
        let in_a_row = self.workflow("code in a row", &in_a_row)?;
        Ok(vec![
            (
                "a Python step, `print(1)`: one at a time, median until the run has ended".to_owned(),
                self.latency(&python)?,
            ),
            ("the same, 32 at a time".to_owned(), self.throughput(&python, SYNC, 32)?),
            ("a bash step, `echo 1`: one at a time".to_owned(), self.latency(&bash)?),
            (format!("{CODE_STEPS} Python steps one after another, `fibo(10)`"), self.latency(&in_a_row)?),
        ])
    }

    fn store(&self, name: &str, steps: &str) -> Outcome<String> {
        self.store_for(name, "", steps)
    }

    /// The same for the runners of a group.
    fn store_for(&self, name: &str, group: &str, steps: &str) -> Outcome<String> {
        let workflows = format!("/api/v1/workspace/{WORKSPACE_ID}/playbooks");
        let playbook =
            format!("name: {name}\nrunner: '{group}'\nworkflow:\n  - section: Steps\n    steps:\n{steps}");
        let body = serde_json::json!({"name": name, "playbook": playbook}).to_string();
        let path = format!("{workflows}/ui");
        let id = first_id(&success(&path, self.product.client().post(&path, &body)?)?)?;
        Ok(format!("{workflows}/{id}"))
    }

    fn load(&self, path: &str, connections: u32) -> Outcome<Load> {
        let script = self.folder.join("post.lua");
        let text = "wrk.method = 'POST'\nwrk.body = '{}'\nwrk.headers['Content-Type'] = 'application/json'\n";
        fs::write(&script, text).context("write the script of the load")?;
        let post = |seconds| {
            let key = self.product.client().api_key;
            load::post(&self.product.url(path), &key, &script, connections, seconds)
        };
        // A database that has just begun makes its files as it goes, and prepares each statement on each connection.
        post(WARM_UP_S)?;
        post(self.seconds)
    }

    fn latency(&self, path: &str) -> Outcome<String> {
        let ms = self.load(&format!("{path}{SYNC}"), 1)?.median_ms;
        Ok(format!("{ms:.2} ms, {:.1} flushed writes", ms / self.flushed_write_ms))
    }

    fn per_step(&self, path: &str) -> Outcome<String> {
        let ms = self.load(&format!("{path}{SYNC}"), 1)?.median_ms;
        Ok(format!("{:.1} us", ms * 1_000.0 / LINEAR_STEPS as f64))
    }

    fn throughput(&self, path: &str, how: &str, connections: u32) -> Outcome<String> {
        let per_second = self.load(&format!("{path}{how}"), connections)?.per_second;
        let per_write = per_second * self.flushed_write_ms / 1_000.0;
        Ok(format!("{per_second:.0}/s, {per_write:.2} a flushed write"))
    }

    /// Runs that wait are left by a killed server; all are due when the next one starts.
    fn resume(&self, server: Process) -> Outcome<String> {
        let waiting = self.store("waiting", &waiting())?;
        let path = format!("{waiting}{ASYNC}");
        for _ in 0..IN_FLIGHT {
            success(&path, self.product.client().post(&path, "{}")?)?;
        }
        server.kill();
        sleep(Duration::from_secs(WAIT_S as u64));
        let stopwatch = Stopwatch::start();
        let server = self.product.start()?;
        let ready_ms = stopwatch.elapsed_ms();
        while self.completed(&waiting)? < IN_FLIGHT {
            if stopwatch.elapsed() > RESUME_TIMEOUT {
                let done = self.completed(&waiting)?;
                return Err(Failure::new(format!("{done} of {IN_FLIGHT} runs were resumed")));
            }
            sleep(POLL_INTERVAL);
        }
        let all_ms = stopwatch.elapsed_ms();
        drop(server);
        Ok(format!("{all_ms:.0} ms, ready after {ready_ms:.0} ms"))
    }

    /// Completed runs of the workflow.
    fn completed(&self, workflow: &str) -> Outcome<usize> {
        let id = workflow.rsplit('/').next().unwrap_or_default();
        let q = format!(
            "%7B%22filter%22%3A%7B%22playbook_id%22%3A%22{id}%22%2C%22state%22%3A%22Completed%22%7D%2C%22limit%22%3A1%7D"
        );
        let path = format!("/api/v1/workspace/{WORKSPACE_ID}/executions?q={q}");
        let body = success(&path, self.product.client().get(&path)?)?;
        let page: serde_json::Value = serde_json::from_str(&body).context("read a page of runs")?;
        let total = page.get("total").and_then(serde_json::Value::as_u64);
        total.map(|total| total as usize).ok_or_else(|| Failure::new(format!("no `total` in `{body}`")))
    }
}

fn step(id: usize, action: &str, inputs: &str) -> String {
    format!("      - {{id: S{id}, action: {action}, inputs: {inputs}}}\n")
}

fn set_variable(id: usize) -> String {
    let value = format!("{{Variables: [{{Name: x, Type: Number, Value: '{{{{ {id} }}}}'}}]}}");
    step(id, "internal.SetVariables", &value)
}

fn pure() -> String {
    format!("{}{}", set_variable(1), step(2, "internal.print", "{text: 'x is {{ variables.x }}'}"))
}

fn requests(url: &str) -> String {
    (1..=3).map(|id| request_step(id, url)).collect()
}

fn request_step(id: usize, url: &str) -> String {
    format!(
        "      - {{id: S{id}, action: http.requestV2, continue_on_error: true, inputs: {{url: '{url}'}}}}\n"
    )
}

fn code(id: usize, action: &str, code: &str) -> String {
    step(id, action, &serde_json::json!({"code": code}).to_string())
}

fn linear() -> String {
    (1..=LINEAR_STEPS).map(set_variable).collect()
}

fn turns() -> String {
    format!(
        "      - id: L1\n        action: internal.for\n        inputs: {{list: {LOOP_TURNS}}}\n        steps:\n    {}",
        set_variable(1)
    )
}

fn waiting() -> String {
    let wait = step(1, "internal.Sleep", &format!("{{Mode: Time, Amount: {WAIT_S}, Unit: Seconds}}"));
    format!("{wait}{}", step(2, "internal.print", "{text: awake}"))
}
