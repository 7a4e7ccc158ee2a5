//! The real server, killed and stopped in the middle of its work, and started again: no run is lost, none gets
//! stuck, nothing that is in the journal is done again.

#![allow(clippy::unwrap_used, clippy::panic)] // a helper that fails fails its test
#![allow(clippy::print_stdout)] // the seed and how far it came are shown when a test fails

mod doctored;
mod doubt;
mod full;
mod hang_up;
mod journal;
mod load;
mod outage;
mod proxy;
mod remote;
mod restart;
mod rounds;
mod runner_code;
mod runner_limits;
mod runner_namespace;
mod runner_network;
mod runner_tls;
mod runners;
mod server;
mod stop;
mod tables;
mod tls;
mod tool;
mod two;
mod verdict;
