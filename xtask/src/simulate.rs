//! `cargo xtask simulate`: the engine's deterministic simulation over many seeds, in a release build. The same test
//! runs ten thousand of them with all the others; this one is for a night, or for one seed that failed.

use crate::failure::Outcome;
use crate::shell::{self, cargo};
use crate::stopwatch::Stopwatch;

const BUILD: [&str; 6] = ["test", "--release", "--package", "engine", "--test", "simulation"];
const TEST: &str = "no_seed_breaks_a_promise";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0)]
    start: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    shell::run(cargo(BUILD).arg("--no-run"))?;
    let stopwatch = Stopwatch::start();
    let mut test = cargo(BUILD);
    test.args(["--quiet", "--", "--exact", "--nocapture", TEST])
        .env("NICTATE_SIMULATE_START", arguments.start.to_string())
        .env("NICTATE_SIMULATE_SEEDS", arguments.seeds.to_string());
    shell::run(&mut test)?;
    println!(
        "{} seeds, {:.0} a second",
        arguments.seeds,
        arguments.seeds as f64 / stopwatch.elapsed().as_secs_f64()
    );
    Ok(())
}
