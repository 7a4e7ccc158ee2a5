//! `cargo xtask crashtest`: the real binary, killed again and again under load, for as many rounds as one likes. The
//! same tests run two rounds on each database with all the others; this one is for a night, or for a seed that failed.

use crate::failure::Outcome;
use crate::postgres::{Durability, Postgres};
use crate::shell::{self, cargo};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many rounds on each database; in each the server is killed six times.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Where the server stores what it does.
    #[arg(long, value_enum, default_value_t = Database::Both)]
    database: Database,
    /// The first round's seed, for when things happen; each round after takes the next. Without it: a random one, which
    /// is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Build with optimizations.
    #[arg(long)]
    release: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
    Both,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut test = cargo(["test", "--package", "nictate", "--test", "crash", "--quiet"]);
    if arguments.release {
        test.arg("--release");
    }
    // One after the other, so that the tables are read as they come.
    test.args(["--", "--exact", "--nocapture", "--test-threads=1"]);
    if arguments.database != Database::Postgres {
        test.arg("rounds::no_kill_breaks_a_promise_on_sqlite");
    }
    let postgres = match arguments.database {
        Database::Sqlite => None,
        Database::Postgres | Database::Both => Some(Postgres::start(Durability::Real)?),
    };
    if let Some(postgres) = &postgres {
        test.arg("rounds::no_kill_breaks_a_promise_on_postgresql")
            .env("NICTATE_TEST_POSTGRES_URL", postgres.url());
    }
    test.env("NICTATE_TEST_CRASH_ROUNDS", arguments.rounds.to_string());
    if let Some(seed) = arguments.seed {
        test.env("NICTATE_TEST_SEED", seed.to_string());
    }
    shell::run(&mut test)
}
