//! What a query may use. The evaluator has no bounds of its own, so they are looked at from below: at each step, by
//! way of the table that it looks every step up in ([`super::program`]), and wherever a value is made, copied,
//! compared or gone through.
//!
//! A query that goes too far is unwound: an error could be caught by its own `try`. The state belongs to the thread,
//! which evaluates one query and ends.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use regex::Regex;

/// Steps of one query.
pub(super) const STEPS_MAX: u64 = 10_000_000;
/// Bytes of the values that are there at a time.
pub(super) const LIVE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Levels of lists and maps in a value.
pub(super) const DEPTH_MAX: u32 = 120;
/// Bytes of the thread's stack. Only what is used takes memory.
pub(super) const STACK_BYTES: usize = 256 * 1024 * 1024;
/// Bytes of the stack that calls within calls may use; the rest is for what is done below the last step.
const CALLS_BYTES_MAX: usize = 96 * 1024 * 1024;
/// Bytes of work on texts that count as one step.
const BYTES_PER_STEP: usize = 64;
/// Regular expressions that are kept for the next use.
const PATTERNS_MAX: usize = 64;

/// Why a query was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// From outside: its time is up, or nobody waits for it.
    Cancelled,
    Steps,
    Memory,
    Depth,
    Stack,
}

/// The use that this thread's query has made of what it may use.
#[derive(Default)]
struct Usage {
    steps: Cell<u64>,
    live_bytes: Cell<usize>,
    /// An address near the beginning of the stack.
    stack_base: Cell<usize>,
    now_seconds: Cell<f64>,
    cancelled: RefCell<Arc<AtomicBool>>,
    patterns: RefCell<HashMap<(String, String), Regex>>,
}

thread_local! {
    static USAGE: Usage = Usage::default();
}

/// Begins the query of this thread, which `cancelled` stops. `now_seconds` is the time since 1970.
pub(super) fn begin(cancelled: Arc<AtomicBool>, now_seconds: f64) {
    USAGE.with(|usage| {
        usage.stack_base.set(here());
        usage.now_seconds.set(now_seconds);
        *usage.cancelled.borrow_mut() = cancelled;
    });
}

/// The time, in seconds since 1970.
pub(super) fn now_seconds() -> f64 {
    USAGE.with(|usage| usage.now_seconds.get())
}

/// One step of the evaluator: the place for what is not seen otherwise, calls within calls.
pub(super) fn call() {
    let depth = USAGE.with(|usage| usage.stack_base.get().saturating_sub(here()));
    if depth > CALLS_BYTES_MAX {
        stop(Stop::Stack);
    }
    steps(1);
}

/// So much work has been done.
pub(super) fn steps(count: u64) {
    let stopped = USAGE.with(|usage| {
        let steps = usage.steps.get().saturating_add(count);
        usage.steps.set(steps);
        if steps > STEPS_MAX {
            Some(Stop::Steps)
        } else {
            usage.cancelled.borrow().load(Ordering::Relaxed).then_some(Stop::Cancelled)
        }
    });
    if let Some(why) = stopped {
        stop(why);
    }
}

/// A text of so many bytes has been gone through.
pub(super) fn text_work(bytes: usize) {
    steps(1 + (bytes / BYTES_PER_STEP) as u64);
}

/// A value with so many levels is to be made.
pub(super) fn check_depth(depth: u32) -> u32 {
    if depth > DEPTH_MAX {
        stop(Stop::Depth);
    }
    depth
}

/// Memory that a value takes, from before it is made until it is dropped.
#[derive(Debug)]
pub(super) struct Held(usize);

impl Held {
    pub(super) fn new(bytes: usize) -> Self {
        let mut held = Self(0);
        held.grow(bytes);
        held
    }

    /// The value is about to grow by so many bytes.
    pub(super) fn grow(&mut self, bytes: usize) {
        text_work(bytes);
        let fits = USAGE.with(|usage| {
            let live = usage.live_bytes.get().saturating_add(bytes);
            let fits = live <= LIVE_BYTES_MAX;
            if fits {
                usage.live_bytes.set(live);
            }
            fits
        });
        if !fits {
            stop(Stop::Memory);
        }
        self.0 += bytes;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A thread that ends has no usage any more, and needs none.
        let _ = USAGE.try_with(|usage| usage.live_bytes.set(usage.live_bytes.get().saturating_sub(self.0)));
    }
}

/// The regular expression of that text and those flags: made once, whatever number of texts it is tried on.
pub(super) fn pattern<E>(
    text: &str,
    flags: &str,
    make: impl FnOnce() -> Result<Regex, E>,
) -> Result<Regex, E> {
    let key = (text.to_owned(), flags.to_owned());
    if let Some(known) = USAGE.with(|usage| usage.patterns.borrow().get(&key).cloned()) {
        return Ok(known);
    }
    text_work(text.len() * BYTES_PER_STEP);
    let made = make()?;
    USAGE.with(|usage| {
        let mut patterns = usage.patterns.borrow_mut();
        if patterns.len() == PATTERNS_MAX {
            patterns.clear();
        }
        patterns.insert(key, made.clone());
    });
    Ok(made)
}

fn here() -> usize {
    let local = 0_u8;
    std::ptr::from_ref(&local).addr()
}

/// Unwinds the thread to where the query began. No message is printed for it.
fn stop(why: Stop) -> ! {
    panic::resume_unwind(Box::new(why))
}
