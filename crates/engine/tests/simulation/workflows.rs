//! Random workflows, written as documents and compiled like anybody's, and what their effects answer.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use engine::{EffectResult, Start, StepError};
use expr::{Map, Value};
use serde_json::json;
use workflow::plan::Plan;
use workflow::{ActionSignature, Catalog};

use crate::dice::Dice;

/// An effect that may be done twice without harm.
const REPEATABLE: &str = "test.repeatable";
/// An effect that must happen once at most.
const ONCE: &str = "test.once";
/// Blocks within blocks.
const DEPTH_MAX: u64 = 3;

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
    action == REPEATABLE
}

/// What an effect answers: always the same for the same step and inputs, whichever attempt asks.
pub(crate) fn answer(path: &str, inputs: &Value) -> EffectResult {
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
        _ => EffectResult::Succeeded(output),
    }
}

/// Seconds that a run may take which has too little time.
const HASTE_S: u64 = 10;

/// A run that somebody is going to ask for.
pub(crate) struct Request {
    pub(crate) document: String,
    pub(crate) plan: Arc<Plan>,
    pub(crate) start: Start,
    /// What it does depends on which of its strands is faster: no two runs of it need be the same.
    pub(crate) is_race: bool,
}

impl Request {
    pub(crate) fn random(dice: &mut Dice) -> Self {
        let (document, is_race) = Writer::document(dice);
        let (plan, diagnostics) = workflow::compile(&document, &TestCatalog);
        let plan = Arc::new(plan.unwrap_or_else(|| panic!("{diagnostics:?}\n{document}")));
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&dice.below(u64::MAX).to_le_bytes());
        let inputs: Map = [("n".into(), Value::Int(dice.between(0, 9)))].into_iter().collect();
        // Most have time enough, some have too little.
        let run_time = Duration::from_secs(if dice.one_in(12) { HASTE_S } else { 7200 });
        let start = Start { inputs, event: Value::Nil, metadata: Map::new(), seed, run_time };
        Self { document, plan, start, is_race }
    }

    /// It has too little time for what it may have to do.
    pub(crate) fn is_hasty(&self) -> bool {
        self.start.run_time.as_secs() == HASTE_S
    }
}

struct Writer<'d> {
    dice: &'d mut Dice,
    text: String,
    steps: u32,
    /// Strands may get in each other's way.
    may_race: bool,
    /// They do.
    is_race: bool,
    /// What is being written runs in a strand among others.
    in_strand: bool,
}

impl<'d> Writer<'d> {
    fn document(dice: &'d mut Dice) -> (String, bool) {
        let text = "name: random\nworkflow:\n  - section: Steps\n    steps:\n".to_owned();
        let may_race = dice.one_in(4);
        let mut writer = Self { dice, text, steps: 0, may_race, is_race: false, in_strand: false };
        writer.block(6, 0);
        let is_race = writer.is_race;
        let mut text = writer.text;
        text.push_str("inputs:\n  n: {type: number, index: 1}\noutputs:\n");
        for (index, name) in ["a", "b", "log", "items"].iter().enumerate() {
            let _ = writeln!(text, "  {name}: {{value: '{{{{ variables.{name} }}}}', index: {index}}}");
        }
        text.push_str("  last: {value: '{{ steps.last.output }}', index: 5}\n");
        (text, is_race)
    }

    fn line(&mut self, indent: usize, line: &str) {
        let _ = writeln!(self.text, "{:indent$}{line}", "");
    }

    fn block(&mut self, indent: usize, depth: u64) {
        let most = match depth {
            0 => 6,
            _ if self.in_strand => 2,
            _ => 3,
        };
        let steps = self.dice.between(1, most);
        for _ in 0..steps {
            self.step(indent, depth);
        }
    }

    fn step(&mut self, indent: usize, depth: u64) {
        self.steps += 1;
        let id = format!("S{}", self.steps);
        // Where strands must not get in each other's way, none changes what others see or ends the run.
        let alone = !self.in_strand || self.may_race;
        match self.dice.below(if depth < DEPTH_MAX { 28 } else { 16 }) {
            0..=3 | 14 if !alone => self.effect(indent, &id, REPEATABLE),
            0..=2 => self.variables(indent, &id),
            3 => self.leaf(
                indent,
                &id,
                "internal.append_list",
                "list: items, value: '{{ steps.last.output }}'",
            ),
            4..=5 => {
                self.leaf(indent, &id, "internal.print", "text: 'at {{ variables.log }} {{ inputs.n }}'")
            }
            6..=7 => self.sleep(indent, &id),
            8..=10 => self.effect(indent, &id, REPEATABLE),
            11..=13 => self.effect(indent, &id, ONCE),
            14 => self.end_run(indent, &id),
            // It takes what fails before it in its block, if anything does.
            15 => self.catch(indent, &id, depth),
            16..=18 => self.condition(indent, &id, depth),
            19 => self.switch(indent, &id, depth),
            20 => self.repeated(indent, &id, depth),
            21..=23 => self.each(indent, &id, depth),
            24..=25 => self.parallel(indent, &id, depth),
            _ => self.each_at_once(indent, &id, depth),
        }
    }

    /// The steps of a strand. Those that must not get in each other's way end with a catch, since a failure would
    /// cancel others wherever they are.
    fn strand(&mut self, indent: usize, depth: u64) {
        let outside = std::mem::replace(&mut self.in_strand, true);
        self.is_race |= self.may_race;
        self.block(indent, depth);
        if !self.may_race {
            self.steps += 1;
            let id = format!("S{}", self.steps);
            self.line(indent, &format!("- {{id: {id}, action: internal.catch}}"));
        }
        self.in_strand = outside;
    }

    fn parallel(&mut self, indent: usize, id: &str, depth: u64) {
        self.line(indent, &format!("- id: {id}"));
        self.line(indent + 2, "action: internal.parallel");
        let join = if self.may_race { *self.dice.pick(&["all", "any", "2"]) } else { "all" };
        self.line(indent + 2, &format!("inputs: {{join: {join}}}"));
        // Which branch was the first is seen in the output.
        self.line(indent + 2, "discard_output: true");
        if self.dice.one_in(3) {
            self.line(indent + 2, "continue_on_error: true");
        }
        self.line(indent + 2, "steps:");
        for branch in 0..self.dice.between(1, 3) {
            self.line(indent + 4, &format!("- id: {id}b{branch}"));
            self.line(indent + 6, "action: internal.parallelBranch");
            if self.dice.one_in(6) {
                self.line(indent + 6, "when: '{{ inputs.n > 3 }}'");
            }
            self.line(indent + 6, "steps:");
            self.strand(indent + 8, depth + 1);
        }
    }

    fn each_at_once(&mut self, indent: usize, id: &str, depth: u64) {
        let list =
            *self.dice.pick(&["[4, 9]", "'{{ 3 }}'", "'{{ inputs.n }}'", "'{{ {\"x\": 1, \"y\": [2]} }}'"]);
        let most = *self.dice.pick(&["2", "3", "'{{ inputs.n }}'", "'{{ 100 }}'"]);
        self.line(indent, &format!("- id: {id}"));
        self.line(indent + 2, "action: internal.for");
        self.line(
            indent + 2,
            &format!("inputs: {{list: {list}, variable_name: c, max_concurrency: {most}}}"),
        );
        if self.dice.one_in(3) {
            self.line(indent + 2, "continue_on_error: true");
        }
        self.line(indent + 2, "steps:");
        self.strand(indent + 4, depth + 1);
    }

    /// One step without steps of its own, with settings now and then.
    fn leaf(&mut self, indent: usize, id: &str, action: &str, inputs: &str) {
        let settings = match self.dice.below(12) {
            0..=2 => ", continue_on_error: true",
            3 => ", discard_output: true",
            4 => ", when: '{{ (variables.a ?? 0) % 2 == 0 }}'",
            5 if self.dice.one_in(2) => ", mock_output_enabled: true, mock_output: {n: 5}",
            _ => "",
        };
        self.line(indent, &format!("- {{id: {id}, action: {action}, inputs: {{{inputs}}}{settings}}}"));
    }

    fn effect(&mut self, indent: usize, id: &str, action: &str) {
        let given = *self.dice.pick(&[
            "{{ variables.a ?? 0 }}",
            "{{ variables.log ?? \"\" }}",
            "{{ steps.last.output }}",
            "{{ random_uuid() }}",
            "{{ inputs.n + 1 }}",
            "{{ variables.c ?? 0 }}",
        ]);
        self.leaf(indent, id, action, &format!("given: '{given}'"));
        if action == REPEATABLE && self.dice.one_in(3) {
            let retry = *self.dice.pick(&[
                "2",
                "{attempts: 3, initial_backoff: 5}",
                "{attempts: 4, when: 'steps.ID.output.n > 40'}",
                "{attempts: 2, initial_backoff: 0, jitter: 0}",
            ]);
            self.one_more_setting(&format!("retry: {}", retry.replace("ID", id)));
        }
        // Now and then a runner takes longer than that, and says nothing meanwhile.
        if self.dice.one_in(12) {
            self.one_more_setting("timeout: 2");
        }
    }

    /// On the step in the last line.
    fn one_more_setting(&mut self, setting: &str) {
        self.text.truncate(self.text.trim_end().len() - 1);
        let _ = writeln!(self.text, ", {setting}}}");
    }

    fn variables(&mut self, indent: usize, id: &str) {
        let assignment = match self.dice.below(12) {
            0 => "{Name: b, Type: Number, Value: 'not a number'}",
            1 => "{Name: b, Type: String, Value: '{{ random_uuid() }}'}",
            2 => "{Name: b, Type: String, Value: '{{ steps.last.status }}{{ steps.last.error }}'}",
            3 => "{Name: a, Type: Number, Value: '{{ steps.last.output.n ?? 7 }}'}",
            4 => "{Name: b, Type: Number, Value: '{{ \"x\" + 1 }}'}",
            5..=7 => "{Name: a, Type: Number, Value: '{{ (variables.a ?? inputs.n) + 3 }}'}",
            _ => "",
        };
        let log = format!("{{Name: log, Type: String, Value: '{{{{ variables.log }}}}{id} '}}");
        let comma = if assignment.is_empty() { "" } else { ", " };
        let inputs = format!("Variables: [{log}{comma}{assignment}]");
        self.leaf(indent, id, "internal.SetVariables", &inputs);
    }

    fn sleep(&mut self, indent: usize, id: &str) {
        let seconds = match self.dice.below(12) {
            0 => "0".to_owned(),
            1 => "'{{ 99999999 }}'".to_owned(),
            2 => self.dice.between(10_000, 900_000).to_string(),
            _ => self.dice.between(1, 60).to_string(),
        };
        self.leaf(indent, id, "internal.Sleep", &format!("seconds: {seconds}"));
    }

    fn end_run(&mut self, indent: usize, id: &str) {
        let inputs =
            *self.dice.pick(&["", "status: Failed, message: enough", "status: '{{ \"Some\" + \"how\" }}'"]);
        // Not at every turn, or hardly a run would get far.
        let when = *self.dice.pick(&["{{ (variables.a ?? 0) > 12 }}", "{{ inputs.n > 7 }}"]);
        let line = format!("- {{id: {id}, action: internal.EndRun, inputs: {{{inputs}}}, when: '{when}'}}");
        self.line(indent, &line);
    }

    fn condition(&mut self, indent: usize, id: &str, depth: u64) {
        let sentence = *self.dice.pick(&[
            "{lvalue: '{{ variables.a ?? inputs.n }}', op: Greater than, rvalue: '{{ 5 }}'}",
            "{lvalue: '{{ steps.last.output.n }}', op: Less than, rvalue: '{{ 40 }}'}",
            "{lvalue: '{{ inputs.n }}', op: Equals, rvalue: '{{ 3 }}'}",
        ]);
        self.line(indent, &format!("- id: {id}"));
        self.line(indent + 2, "action: internal.ifCondition");
        self.line(indent + 2, &format!("inputs: {{condition: {{match: And, sentence: [{sentence}]}}}}"));
        self.line(indent + 2, "steps:");
        for branch in ["internal.ifTrueBranch", "internal.ifFalseBranch"] {
            self.line(indent + 4, &format!("- id: {id}{}", if branch.contains("True") { "t" } else { "f" }));
            self.line(indent + 6, &format!("action: {branch}"));
            self.line(indent + 6, "steps:");
            self.block(indent + 8, depth + 1);
        }
    }

    fn each(&mut self, indent: usize, id: &str, depth: u64) {
        let (list, small) = match self.dice.below(40) {
            0 => ("{{ 100001 }}", false),
            1 => ("{{ \"nothing\" }}", false),
            2 if !self.in_strand || self.may_race => ("{{ 300 }}", true),
            3..=6 => ("[]", false),
            7..=20 => ("[4, 9]", false),
            21..=30 => ("{{ 3 }}", false),
            _ => ("{{ {\"x\": 1, \"y\": [2]} }}", false),
        };
        let quoted = if list.starts_with("[") { list.to_owned() } else { format!("'{list}'") };
        self.line(indent, &format!("- id: {id}"));
        self.line(indent + 2, "action: internal.for");
        self.line(indent + 2, &format!("inputs: {{list: {quoted}, variable_name: b}}"));
        if self.dice.one_in(3) {
            self.line(indent + 2, "continue_on_error: true");
        }
        self.line(indent + 2, "steps:");
        if small {
            self.steps += 1;
            let inner = format!("S{}", self.steps);
            self.leaf(
                indent + 4,
                &inner,
                "internal.SetVariables",
                "Variables: [{Name: a, Type: Number, Value: '{{ (variables.a ?? 0) + 1 }}'}]",
            );
        } else {
            self.block(indent + 4, depth + 1);
        }
    }

    fn switch(&mut self, indent: usize, id: &str, depth: u64) {
        self.line(indent, &format!("- id: {id}"));
        self.line(indent + 2, "action: internal.switchCaseExpression");
        self.line(indent + 2, "inputs: {switch_variable: '{{ (variables.a ?? inputs.n) % 3 }}'}");
        self.line(indent + 2, "steps:");
        for label in ["0", "1"] {
            self.line(indent + 4, &format!("- id: {id}l{label}"));
            self.line(indent + 6, "action: internal.switchCaseLabel");
            self.line(indent + 6, &format!("inputs: {{value: {label}}}"));
            self.line(indent + 6, "steps:");
            self.block(indent + 8, depth + 1);
        }
        if self.dice.one_in(2) {
            self.line(indent + 4, &format!("- id: {id}d"));
            self.line(indent + 6, "action: internal.switchCaseDefaultLabel");
            self.line(indent + 6, "steps:");
            self.block(indent + 8, depth + 1);
        }
    }

    /// A few turns.
    fn repeated(&mut self, indent: usize, id: &str, depth: u64) {
        self.line(indent, &format!("- id: {id}"));
        self.line(indent + 2, "action: internal.while");
        let turns = self.dice.between(0, 3);
        let sentence =
            format!("{{lvalue: '{{{{ steps.{id}.index }}}}', op: Less than, rvalue: '{{{{ {turns} }}}}'}}");
        self.line(indent + 2, &format!("inputs: {{condition: {{match: And, sentence: [{sentence}]}}}}"));
        self.line(indent + 2, "steps:");
        self.block(indent + 4, depth + 1);
    }

    fn catch(&mut self, indent: usize, id: &str, depth: u64) {
        self.line(indent, &format!("- id: {id}"));
        self.line(indent + 2, "action: internal.catch");
        self.line(indent + 2, "steps:");
        if depth < DEPTH_MAX {
            self.block(indent + 4, depth + 1);
        } else {
            self.steps += 1;
            let inner = format!("S{}", self.steps);
            self.leaf(indent + 4, &inner, "internal.print", &format!("text: '{{{{ steps.{id}.error }}}}'"));
        }
    }
}
