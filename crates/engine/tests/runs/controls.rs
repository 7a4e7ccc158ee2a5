//! What people decide about a run: pause and resume, steps that only they can decide on, completion.
//!
//! Every story is told twice: to a run that lives through it, and to one that is read back after each commit.

use std::sync::Arc;
use std::time::Duration;

use engine::{
    Command, Control, Decision, Dispatch, EffectResult, Entry, Event, Execution, NewInputs, Refusal,
    RunState, Start, StepError,
};
use expr::{Map, Value};
use serde_json::{Value as Json, json};
use types::Timestamp;
use workflow::plan::Plan;

use crate::support::{START, document, ended, plan, round_trip};

const RUN_TIME: Duration = Duration::from_secs(3600);

struct Story {
    plan: Arc<Plan>,
    execution: Execution,
    journal: Vec<Entry>,
    /// It is read back after each commit.
    is_cut: bool,
    now: Timestamp,
    /// What was handed out last.
    dispatched: Vec<Dispatch>,
    timers: Vec<(String, Timestamp)>,
    deadline: Option<Timestamp>,
}

/// Tells the story of a run of these steps.
fn told(steps: &str, story: impl Fn(&mut Story)) {
    let plan = plan(&document(
        steps,
        "outputs: {a: {value: '{{ steps.S1.output }}'}, b: {value: '{{ steps.S2.output }}'}}\n",
    ));
    for is_cut in [false, true] {
        let start = Start {
            inputs: Map::new(),
            event: Value::Nil,
            metadata: Map::new(),
            seed: [7; 32],
            run_time: RUN_TIME,
        };
        let (execution, first) = Execution::start(Arc::clone(&plan), start, START);
        let (journal, dispatched, timers) = (Vec::new(), Vec::new(), Vec::new());
        let (plan, now) = (Arc::clone(&plan), START);
        let mut run = Story { plan, execution, journal, is_cut, now, dispatched, timers, deadline: None };
        run.take(first);
        run.happens(Event::Continue);
        story(&mut run);
    }
}

impl Story {
    fn happens(&mut self, event: Event) {
        let mut commands = self.execution.advance(event, self.now);
        while self.take(commands) {
            commands = self.execution.advance(Event::Continue, self.now);
        }
        let read_back = Execution::restore(Arc::clone(&self.plan), &self.journal).unwrap();
        assert_eq!(format!("{read_back:?}"), format!("{:?}", self.execution));
        if self.is_cut {
            self.execution = read_back;
        }
    }

    fn take(&mut self, commands: Vec<Command>) -> bool {
        let mut goes_on = false;
        self.dispatched.clear();
        for command in commands {
            match command {
                Command::Append(entry) => self.journal.push(round_trip(&entry)),
                Command::Dispatch(dispatch) => self.dispatched.push(dispatch),
                Command::SetTimer { path, due } => self.timers.push((path, due)),
                Command::SetDeadline(deadline) => self.deadline = Some(deadline),
                Command::Continue => goes_on = true,
                Command::CancelAttempt { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        goes_on
    }

    fn decide(&mut self, control: Control) {
        assert_eq!(self.execution.refusal(&control), None);
        self.happens(Event::Decided(control));
    }

    /// It is refused, and changes nothing.
    fn refuses(&mut self, control: Control) -> Refusal {
        let refusal = self.execution.refusal(&control).unwrap();
        let lines = self.journal.len();
        self.happens(Event::Decided(control));
        assert_eq!(self.journal.len(), lines);
        refusal
    }

    fn succeeds(&mut self, path: &str, attempt: u32, output: &str) {
        let result = EffectResult::Succeeded(Value::from(output));
        self.happens(Event::EffectFinished { path: path.into(), attempt, result });
    }

    fn fails(&mut self, path: &str, attempt: u32) {
        let result =
            EffectResult::Failed { error: StepError::new("http_status", "no answer"), output: Value::Nil };
        self.happens(Event::EffectFinished { path: path.into(), attempt, result });
    }

    fn is_lost(&mut self, path: &str, attempt: u32) {
        self.happens(Event::AttemptLost { path: path.into(), attempt, repeatable: false });
    }

    fn later(&mut self, by: Duration) {
        self.now = self.now.saturating_add(by);
    }

    fn state(&self) -> RunState {
        self.execution.state()
    }

    /// Path, attempt and inputs of what was handed out by the last event.
    fn handed_out(&self) -> Vec<(&str, u32, Json)> {
        self.dispatched.iter().map(|d| (&*d.path, d.attempt, d.inputs.to_json())).collect()
    }
}

fn pause() -> Control {
    Control::Pause { reason: "lunch".into() }
}

fn resume() -> Control {
    Control::Resume { inputs: None, by: "ann".into() }
}

fn resume_with(step: Option<&str>, inputs: Json) -> Control {
    let Value::Map(inputs) = Value::from(inputs) else { panic!("inputs are a map") };
    let new = NewInputs { step: step.map(str::to_owned), inputs: (*inputs).clone() };
    Control::Resume { inputs: Some(new), by: "ann".into() }
}

fn resolve(step: Option<&str>, decision: Decision) -> Control {
    Control::Resolve { step: step.map(str::to_owned), decision, by: "ann".into() }
}

fn done(output: &str) -> Decision {
    Decision::Done { output: Value::from(output) }
}

fn complete() -> Control {
    Control::Complete { reason: "it is enough".into() }
}

const TWO: &str = "- {id: S1, action: test.effect, inputs: {a: 1, b: 2}}\n- {id: S2, action: test.effect, inputs: {a: '{{ steps.S1.output }}', b: 2}}";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_paused_run_ends_what_is_under_way_and_begins_nothing() {
    told(TWO, |run| {
        run.decide(pause());
        assert_eq!(run.state(), RunState::Paused);
        assert_eq!(run.refuses(pause()), Refusal::PausedAlready);
        run.succeeds("S1", 1, "one");
        assert_eq!((run.state(), run.handed_out()), (RunState::Paused, vec![]));
        run.happens(Event::Continue);
        assert_eq!(run.handed_out(), []);
        run.decide(resume());
        assert_eq!(run.handed_out(), [("S2", 1, json!({"a": "one", "b": 2}))]);
        assert_eq!((run.state(), run.refuses(resume())), (RunState::Running, Refusal::NotPaused));
        run.succeeds("S2", 1, "two");
        assert_eq!(ended(&run.execution).outputs, json!({"a": "one", "b": "two"}));
        assert_eq!(run.refuses(pause()), Refusal::Ended);
    });
}

#[test]
fn the_step_before_which_a_run_is_paused_can_get_other_inputs() {
    told(TWO, |run| {
        run.decide(pause());
        run.succeeds("S1", 1, "one");
        let elsewhere = run.refuses(resume_with(Some("S1"), json!({"b": 3})));
        assert_eq!(elsewhere, Refusal::NoStep(Some("S1".into())));
        run.decide(resume_with(None, json!({"b": 3})));
        assert_eq!(run.handed_out(), [("S2", 1, json!({"a": "one", "b": 3}))]);
    });
    // A step that the engine itself runs has none.
    told("- {id: S1, action: test.effect}\n- {id: S2, action: internal.print, inputs: {text: x}}", |run| {
        run.decide(pause());
        run.succeeds("S1", 1, "one");
        assert_eq!(run.refuses(resume_with(None, json!({"text": "y"}))), Refusal::NoStep(None));
    });
}

#[test]
fn a_pause_between_attempts_is_held_and_its_inputs_can_be_replaced() {
    told(
        "- {id: S1, action: test.effect, inputs: {a: 1}, retry: {attempts: 3}}\n- {id: S2, action: test.effect}",
        |run| {
            run.fails("S1", 1);
            let (_, due) = run.timers.pop().unwrap();
            run.decide(pause());
            run.now = due;
            run.happens(Event::TimerFired { path: "S1".into() });
            assert_eq!(run.handed_out(), []);
            run.later(HOUR);
            run.decide(resume_with(Some("S1"), json!({"a": 2})));
            assert_eq!(run.handed_out(), [("S1", 2, json!({"a": 2}))]);
            // What was counted before counts still.
            run.fails("S1", 2);
            run.now = run.timers.pop().unwrap().1;
            run.happens(Event::TimerFired { path: "S1".into() });
            assert_eq!(run.handed_out(), [("S1", 3, json!({"a": 2}))]);
            run.fails("S1", 3);
            assert_eq!(run.state(), RunState::Failed);
        },
    );
}

#[test]
fn waits_hold_while_a_run_is_paused() {
    told(
        "- {id: S1, action: internal.Sleep, inputs: {duration: 1h}}\n- {id: S2, action: test.effect}",
        |run| {
            assert_eq!(run.timers.pop(), Some(("S1".into(), START.saturating_add(HOUR))));
            run.later(10 * MINUTE);
            run.decide(pause());
            run.later(2 * HOUR);
            run.happens(Event::TimerFired { path: "S1".into() });
            assert_eq!((run.state(), &run.timers[..]), (RunState::Paused, &[][..]));
            run.decide(resume());
            let due = START.saturating_add(3 * HOUR);
            assert_eq!((run.state(), run.timers.pop()), (RunState::Waiting, Some(("S1".into(), due))));
            run.now = due;
            run.happens(Event::TimerFired { path: "S1".into() });
            assert_eq!(run.handed_out().len(), 1);
        },
    );
    // A point in time does not move.
    told(
        "- {id: S1, action: internal.Sleep, inputs: {until: '2023-11-15T00:00:00Z'}}\n- {id: S2, action: test.effect}",
        |run| {
            let (_, due) = run.timers.pop().unwrap();
            run.decide(pause());
            run.later(48 * HOUR);
            run.decide(resume());
            assert_eq!(run.timers.pop(), Some(("S1".into(), due)));
            run.happens(Event::TimerFired { path: "S1".into() });
            assert_eq!(run.handed_out().len(), 1);
        },
    );
}

#[test]
fn paused_time_is_no_run_time() {
    told(TWO, |run| {
        run.later(10 * MINUTE);
        run.decide(pause());
        run.later(5 * HOUR);
        run.happens(Event::DeadlineReached);
        assert_eq!(run.state(), RunState::Paused);
        run.succeeds("S1", 1, "one");
        run.decide(resume());
        let deadline = START.saturating_add(RUN_TIME + 5 * HOUR);
        assert_eq!(run.deadline, Some(deadline));
        run.later(10 * MINUTE);
        run.succeeds("S2", 1, "two");
        assert_eq!(run.execution.net_runtime_ms(), 20 * 60 * 1000);
    });
    told(TWO, |run| {
        run.decide(pause());
        run.later(5 * HOUR);
        run.decide(resume());
        run.later(HOUR);
        run.happens(Event::DeadlineReached);
        assert_eq!(run.state(), RunState::TimedOut);
    });
}

#[test]
fn a_step_in_doubt_is_resolved_and_not_simply_resumed() {
    told(TWO, |run| {
        run.is_lost("S1", 1);
        assert_eq!(run.state(), RunState::Paused);
        assert_eq!(run.refuses(resume()), Refusal::InDoubt(vec!["S1".into()]));
        run.decide(resolve(None, Decision::Retry { inputs: Map::new() }));
        assert_eq!(run.handed_out(), [("S1", 2, json!({"a": 1, "b": 2}))]);
        // The old attempt's report is late.
        run.succeeds("S1", 1, "late");
        assert_eq!(run.handed_out(), []);
        run.succeeds("S1", 2, "again");
        assert_eq!(run.handed_out(), [("S2", 1, json!({"a": "again", "b": 2}))]);
        assert_eq!(run.refuses(resolve(None, done("x"))), Refusal::NoStep(None));
    });
    told(TWO, |run| {
        run.is_lost("S1", 1);
        run.decide(resume_with(None, json!({"b": 7})));
        assert_eq!(run.handed_out(), [("S1", 2, json!({"a": 1, "b": 7}))]);
        assert_eq!(run.dispatched[0].replacements, 1);
        run.succeeds("S1", 2, "one");
        assert_eq!(run.dispatched[0].replacements, 0, "of the next step's nothing was replaced");
    });
    told(TWO, |run| {
        run.is_lost("S1", 1);
        run.decide(resolve(Some("S1"), done("by hand")));
        assert_eq!(run.handed_out(), [("S2", 1, json!({"a": "by hand", "b": 2}))]);
        assert_eq!(ended(&run.execution).results, json!({"S1": 1, "S2": 0}));
    });
    told(TWO, |run| {
        run.is_lost("S1", 1);
        run.decide(resolve(None, Decision::Failed { message: "the vendor says no".into() }));
        let ended = ended(&run.execution);
        assert_eq!(ended.error.as_deref(), Some("resolved_as_failed: the vendor says no"));
        assert_eq!((ended.state, ended.results), (RunState::Failed, json!({"S1": 2})));
    });
    told(&TWO.replace("b: 2}}\n", "b: 2}, continue_on_error: true}\n"), |run| {
        run.is_lost("S1", 1);
        run.decide(resolve(None, Decision::Failed { message: "no".into() }));
        assert_eq!(run.handed_out().len(), 1, "it is tolerated");
    });
}

#[test]
fn a_run_that_is_also_paused_stays_so_when_its_doubt_is_resolved() {
    told(TWO, |run| {
        run.decide(pause());
        run.is_lost("S1", 1);
        run.decide(resolve(None, Decision::Retry { inputs: Map::new() }));
        assert_eq!((run.state(), run.handed_out()), (RunState::Paused, vec![]));
        run.decide(resume());
        assert_eq!(run.handed_out().len(), 1);
    });
}

#[test]
fn a_step_whose_attempts_are_used_up_pauses_the_run_if_it_says_so() {
    let steps = "- {id: S1, action: test.effect, inputs: {a: 1}, retry: {attempts: 2, initial_backoff: 0, on_exhausted: pause}}\n- {id: S2, action: test.effect}";
    told(steps, |run| {
        let mut attempt = 0;
        for round in 0..3 {
            for _ in 0..2 {
                attempt += 1;
                run.fails("S1", attempt);
                run.happens(Event::TimerFired { path: "S1".into() });
            }
            assert_eq!(run.state(), RunState::Paused, "round {round}");
            assert_eq!(ended(&run.execution).results, json!({"S1": 2}));
            if round == 0 {
                run.decide(resume());
                assert_eq!(run.handed_out(), [("S1", 3, json!({"a": 1}))]);
            } else if round == 1 {
                run.decide(resume_with(None, json!({"a": 2})));
                assert_eq!(run.handed_out(), [("S1", 5, json!({"a": 2}))]);
            }
        }
        run.decide(resolve(None, done("by hand")));
        assert_eq!(run.handed_out()[0].0, "S2");
    });
    // One attempt is one, too.
    told(&steps.replace("attempts: 2", "attempts: 1"), |run| {
        run.fails("S1", 1);
        assert_eq!(run.state(), RunState::Paused);
        run.happens(Event::CancelRequested { reason: "enough".into() });
        assert_eq!(ended(&run.execution).results, json!({"S1": 4}));
    });
}

#[test]
fn of_several_steps_in_doubt_one_has_to_be_named() {
    let steps = "- id: S3\n  action: internal.for\n  inputs: {list: 2, max_concurrency: 2}\n  steps:\n    - {id: S1, action: test.effect}\n- {id: S2, action: internal.print, inputs: {text: x}}";
    told(steps, |run| {
        let both = vec!["S3[0].S1".to_owned(), "S3[1].S1".to_owned()];
        assert_eq!(run.execution.pending_effects().count(), 2);
        for path in &both {
            run.is_lost(path, 1);
        }
        let any = run.refuses(resolve(None, done("x")));
        assert_eq!(any, Refusal::SeveralSteps(both.clone()));
        assert_eq!(run.refuses(resolve(Some("S1"), done("x"))), any);
        assert_eq!(run.refuses(resume()), Refusal::InDoubt(both.clone()));
        run.decide(resolve(Some(&both[1]), done("x")));
        assert_eq!(run.state(), RunState::Paused, "the other one is in doubt still");
        assert_eq!(run.refuses(resolve(Some(&both[1]), done("x"))), Refusal::NoStep(Some(both[1].clone())));
        run.decide(resolve(Some("S1"), done("y")));
        assert_eq!(run.state(), RunState::Completed);
    });
}

#[test]
fn a_run_is_completed_by_hand_with_the_outputs_that_there_are() {
    told(TWO, |run| {
        run.succeeds("S1", 1, "one");
        run.decide(complete());
        let ended = ended(&run.execution);
        assert_eq!((ended.state, ended.error), (RunState::Completed, None));
        assert_eq!(ended.results, json!({"S1": 1, "S2": 4}));
        assert_eq!(ended.outputs["a"], "one");
        run.succeeds("S2", 1, "late");
        assert_eq!(run.refuses(complete()), Refusal::Ended);
    });
    // Also one that nobody can decide on.
    told(TWO, |run| {
        run.is_lost("S1", 1);
        run.decide(complete());
        assert_eq!(run.state(), RunState::Completed);
    });
}

#[test]
fn an_output_by_hand_is_bounded_as_any_other() {
    told(TWO, |run| {
        run.is_lost("S1", 1);
        let long = "x".repeat(types::limits::STEP_OUTPUT_BYTES_MAX);
        assert!(matches!(run.refuses(resolve(None, done(&long))), Refusal::Output(_)));
    });
}

#[test]
fn a_server_that_stops_takes_note_of_a_decision_and_begins_nothing() {
    told(TWO, |run| {
        run.is_lost("S1", 1);
        let control = resolve(None, Decision::Retry { inputs: Map::new() });
        let commands = run.execution.absorb(Event::Decided(control), run.now);
        assert!(!commands.iter().any(|command| matches!(command, Command::Dispatch(_))));
        run.take(commands);
        run.happens(Event::TimerFired { path: "S1".into() });
        assert_eq!(run.handed_out().len(), 1, "it goes on when it is read back");
    });
}
