//! The deterministic simulation: a seed makes workflows, servers, runners, a clock and all that befalls them,
//! and lets it happen on one thread. The same seed tells the same story on every machine.
//!
//! `cargo xtask simulate` runs many seeds in a release build.
#![allow(clippy::unwrap_used, clippy::panic)] // a test's helpers fail by panicking

mod calls;
mod commit;
mod dice;
mod driver;
mod events;
mod hands;
mod ledger;
mod mutation;
mod reference;
mod requests;
mod runner;
mod server;
mod store;
mod workflows;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mutation::Mutation;
use world::World;

/// The promise that a seed breaks, if it does.
fn broken_by(seed: u64, mutation: Option<Mutation>) -> Option<String> {
    broken_in(&mut World::new(seed, mutation))
}

fn broken_in(world: &mut World) -> Option<String> {
    catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|_| Some("the engine panics".to_owned()))
}

/// What happened, in order, and how to see it again.
fn story_of(seed: u64, mutation: Option<Mutation>, broken: &str) -> String {
    let mut world = World::new(seed, mutation);
    world.story = Some(Vec::new());
    let _ = catch_unwind(AssertUnwindSafe(|| world.run()));
    let documents: Vec<&str> = world.requests.iter().map(|request| request.document.as_str()).collect();
    let story = world.story.unwrap_or_default().join("\n");
    format!(
        "{}\n{story}\n\nseed {seed}: {broken}\nagain: cargo xtask simulate --start {seed} --seeds 1",
        documents.join("\n")
    )
}

/// Fails with the story of the first seed that breaks a promise.
fn check(seeds: Range<u64>) {
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let first_of = |worker: usize| {
        let mut share = seeds.clone().skip(worker).step_by(workers);
        share.find_map(|seed| broken_by(seed, None).map(|broken| (seed, broken)))
    };
    let found: Vec<(u64, String)> = std::thread::scope(|scope| {
        let at_work: Vec<_> = (0..workers).map(|worker| scope.spawn(move || first_of(worker))).collect();
        at_work.into_iter().filter_map(|worker| worker.join().unwrap()).collect()
    });
    if let Some((seed, broken)) = found.into_iter().min() {
        panic!("{}", story_of(seed, None, &broken));
    }
}

/// `cargo xtask simulate` names other seeds.
#[test]
fn no_seed_breaks_a_promise() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
    };
    let start = number("NICTATE_SIMULATE_START", 0);
    check(start..start.saturating_add(number("NICTATE_SIMULATE_SEEDS", 10_000)));
}

#[test]
fn whatever_can_go_wrong_does() {
    const WANTED: [&str; 31] = [
        "answer of a commit lost",
        "attempt lost",
        "attempt overdue",
        "call",
        "call given up",
        "call waited for again",
        "call without waiting",
        "cancelled",
        "clock goes back",
        "clock jumps ahead",
        "commit refused",
        "decided by hand",
        "completed",
        "crash",
        "failed",
        "file",
        "freeze",
        "not begun",
        "paused",
        "report lost",
        "report to a paused run",
        "resolved",
        "restarted",
        "runner died",
        "runs adopted",
        "runs taken over",
        "stale owner fenced",
        "stale report",
        "stop",
        "timed_out",
        "unwanted run stopped late",
    ];
    let mut seen = BTreeMap::new();
    for seed in 0..600 {
        let mut world = World::new(seed, None);
        assert_eq!(broken_in(&mut world), None);
        for (what, times) in world.ledger.seen {
            *seen.entry(what).or_insert(0) += times;
        }
    }
    for what in WANTED {
        assert!(seen.get(what).is_some_and(|times| *times >= 10), "`{what}` hardly happens: {seen:?}");
    }
}

#[test]
fn every_breakage_of_the_protocol_is_noticed() {
    const SEEDS_MAX: u64 = 10_000;
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut unnoticed = Vec::new();
    for mutation in Mutation::ALL {
        match (0..SEEDS_MAX).find_map(|seed| broken_by(seed, Some(mutation)).map(|broken| (seed, broken))) {
            Some((seed, broken)) => println!("{mutation:?}: seed {seed}: {broken}"),
            None => unnoticed.push(mutation),
        }
    }
    std::panic::set_hook(hook);
    assert!(unnoticed.is_empty(), "{unnoticed:?} are not noticed within {SEEDS_MAX} seeds");
}
