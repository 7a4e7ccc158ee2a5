//! What simulated runs are of: documents compiled like anybody's, what they are given, and what their effects answer.

use std::sync::Arc;
use std::time::Duration;

use engine::{EffectResult, Start, StepError};
use expr::{Map, Value};
use serde_json::json;
use types::WorkflowId;
use workflow::plan::Plan;
use workflow::{ActionSignature, Catalog};

use crate::dice::Dice;
use crate::store::RunId;
use crate::workflows::Document;

/// An effect that may be done twice without harm.
pub(crate) const REPEATABLE: &str = "test.repeatable";
/// An effect that sets a variable too, and may be done twice without harm.
pub(crate) const ASSIGNING: &str = "test.assigning";
/// An effect that must happen once at most.
pub(crate) const ONCE: &str = "test.once";
/// A workflow that is not there.
pub(crate) const NOBODY: &str = "01920000-0000-7000-8000-00000000dead";

struct TestCatalog;

impl Catalog for TestCatalog {
    fn action(&self, full_name: &str) -> Option<ActionSignature<'_>> {
        self.action_names().contains(&full_name).then_some(ActionSignature {
            parameters: &[],
            connection_types: &[],
            connection_optional: true,
        })
    }

    fn action_names(&self) -> Vec<&str> {
        vec![
            REPEATABLE,
            ASSIGNING,
            ONCE,
            "internal.SetVariables",
            "internal.ifCondition",
            "internal.ifTrueBranch",
            "internal.ifFalseBranch",
            "internal.for",
            "internal.while",
            "internal.parallel",
            "internal.parallelBranch",
            "internal.switchCaseExpression",
            "internal.switchCaseLabel",
            "internal.switchCaseDefaultLabel",
            "internal.catch",
            "internal.append_list",
            "internal.print",
            "internal.Sleep",
            "internal.EndRun",
        ]
    }
}

/// Whether the action may be done twice without harm.
pub(crate) fn is_repeatable(action: &str) -> bool {
    action == REPEATABLE || action == ASSIGNING
}

/// What an effect answers: always the same for the same step and inputs, whichever attempt asks.
pub(crate) fn answer(action: &str, path: &str, inputs: &Value) -> EffectResult {
    let text = format!("{path} {}", inputs.to_json());
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let output = Value::from(json!({"n": hash % 89, "said": path}));
    match hash % 11 {
        0 => {
            EffectResult::Failed { error: StepError::new("no_luck", format!("`{path}` has no luck")), output }
        }
        1 => EffectResult::Succeeded(Value::Nil),
        _ if action == ASSIGNING => EffectResult::Assigned {
            output,
            variables: [("a".into(), Value::from(json!(hash % 17)))].into_iter().collect(),
        },
        _ => EffectResult::Succeeded(output),
    }
}

/// Seconds that a run may take which has too little time.
const HASTE_S: u64 = 10;

/// A workflow that others call.
pub(crate) struct Callee {
    pub(crate) workflow: WorkflowId,
    document: Document,
    plan: Arc<Plan>,
}

impl Callee {
    /// Up to two, of which the second may call the first.
    pub(crate) fn random(dice: &mut Dice) -> Vec<Self> {
        let mut callees = Vec::new();
        for place in 0..dice.between(0, 2) {
            let document = Document::random(dice, &callees);
            let plan = compile(&document.text);
            callees.push(Self { workflow: WorkflowId::of_name(&format!("callee {place}")), document, plan });
        }
        callees
    }
}

fn compile(text: &str) -> Arc<Plan> {
    let (plan, diagnostics) = workflow::compile(text, &TestCatalog);
    Arc::new(plan.unwrap_or_else(|| panic!("{diagnostics:?}\n{text}")))
}

/// What a run is of: one that somebody asks for, one that a step calls, or one that goes on from another.
pub(crate) struct Request {
    /// The same in every world in which it comes about.
    pub(crate) name: String,
    pub(crate) document: String,
    pub(crate) plan: Arc<Plan>,
    pub(crate) start: Start,
    /// What it does depends on which of its strands is faster, or on how long another run takes: no two runs of it need
    /// be the same.
    pub(crate) is_race: bool,
    /// The run that called it.
    pub(crate) parent: Option<RunId>,
    /// The run that it goes on from.
    pub(crate) restarted_from: Option<RunId>,
}

impl Request {
    pub(crate) fn random(dice: &mut Dice, callees: &[Callee], run: i64) -> Self {
        let document = Document::random(dice, callees);
        let plan = compile(&document.text);
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&dice.below(u64::MAX).to_le_bytes());
        let inputs: Map = [("n".into(), Value::Int(dice.between(0, 9)))].into_iter().collect();
        // Most have time enough, some have too little.
        let run_time = Duration::from_secs(if dice.one_in(12) { HASTE_S } else { 7200 });
        let start = Start { inputs, event: Value::Nil, metadata: Map::new(), seed, run_time };
        let Document { text: document, is_race } = document;
        Self { name: run.to_string(), document, plan, start, is_race, parent: None, restarted_from: None }
    }

    /// The run that a step of `caller` calls. Whatever attempt does, its randomness is the same.
    pub(crate) fn called(callee: &Callee, caller: &Self, path: &str, inputs: &Value) -> Self {
        let inputs = match inputs {
            Value::Map(inputs) => inputs.as_ref().clone(),
            _ => Map::new(),
        };
        let name = format!("{}/{path}", caller.name);
        let mut seed = caller.start.seed;
        let mixed =
            name.bytes().fold(u64::from(seed[0]) + 1, |hash, byte| hash.wrapping_mul(31) ^ u64::from(byte));
        for (at, byte) in seed.iter_mut().zip(mixed.to_le_bytes()) {
            *at ^= byte;
        }
        let start = Start {
            inputs,
            event: Value::Nil,
            metadata: Map::new(),
            seed,
            run_time: Duration::from_secs(7200),
        };
        Self {
            name,
            document: callee.document.text.clone(),
            plan: Arc::clone(&callee.plan),
            start,
            is_race: callee.document.is_race,
            parent: None,
            restarted_from: None,
        }
    }

    /// The same once more.
    pub(crate) fn again(&self) -> Self {
        Self {
            name: self.name.clone(),
            document: self.document.clone(),
            plan: Arc::clone(&self.plan),
            start: self.start.clone(),
            is_race: self.is_race,
            parent: self.parent,
            restarted_from: self.restarted_from,
        }
    }

    /// It has too little time for what it may have to do.
    pub(crate) fn is_hasty(&self) -> bool {
        self.start.run_time.as_secs() == HASTE_S
    }
}
