//! Random workflows, written as documents.

use std::fmt::Write as _;

use crate::dice::Dice;
use crate::requests::{ASSIGNING, Callee, NOBODY, ONCE, REPEATABLE};

/// Blocks within blocks.
const DEPTH_MAX: u64 = 3;

/// What was written.
pub(crate) struct Document {
    pub(crate) text: String,
    /// What a run of it does depends on which of its strands is faster, or on how long another run takes.
    pub(crate) is_race: bool,
}

impl Document {
    /// One that may call these workflows.
    pub(crate) fn random(dice: &mut Dice, callees: &[Callee]) -> Self {
        Writer::document(dice, callees)
    }
}

struct Writer<'d> {
    dice: &'d mut Dice,
    callees: &'d [Callee],
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
    fn document(dice: &'d mut Dice, callees: &'d [Callee]) -> Document {
        let text = "name: random\nworkflow:\n  - section: Steps\n    steps:\n".to_owned();
        let may_race = dice.one_in(4);
        let (is_race, in_strand) = (false, false);
        let mut writer = Self { dice, callees, text, steps: 0, may_race, is_race, in_strand };
        writer.block(6, 0);
        let is_race = writer.is_race;
        let mut text = writer.text;
        text.push_str("inputs:\n  n: {type: number, index: 1}\noutputs:\n");
        for (index, name) in ["a", "b", "log", "items"].iter().enumerate() {
            let _ = writeln!(text, "  {name}: {{value: '{{{{ variables.{name} }}}}', index: {index}}}");
        }
        text.push_str("  last: {value: '{{ steps.last.output }}', index: 5}\n");
        Document { text, is_race }
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
        if self.dice.one_in(7) {
            return self.call(indent, &id);
        }
        match self.dice.below(if depth < DEPTH_MAX { 28 } else { 16 }) {
            0..=3 | 14 if !alone => self.effect(indent, &id, REPEATABLE),
            0 if self.dice.one_in(2) => self.effect(indent, &id, ASSIGNING),
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
        let settings = match self.dice.below(15) {
            0..=2 => ", continue_on_error: true",
            12..=13 if action.starts_with("test.") || action == "internal.print" => {
                ", save_output_to_file: true"
            }
            14 if action == "internal.print" => ", save_output_to_file: '{{ inputs.n }}.txt'",
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
        if self.dice.one_in(3) {
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

    /// Another workflow, or one that is not there.
    fn call(&mut self, indent: usize, id: &str) {
        let place = self.dice.index(self.callees.len() + 1);
        let workflow =
            self.callees.get(place).map_or_else(|| NOBODY.to_owned(), |it| it.workflow.to_string());
        let given = *self.dice.pick(&["{{ inputs.n + 1 }}", "{{ variables.a ?? 2 }}", "{{ 4 }}"]);
        self.leaf(indent, id, &format!("automations.{workflow}"), &format!("n: '{given}'"));
        match self.dice.below(8) {
            0..=1 => self.one_more_setting("configuration: {run_async: true}"),
            2 => self.one_more_setting("retry: {attempts: 2, initial_backoff: 5}"),
            // Whether it ends in time depends on what befalls it.
            3 => {
                self.is_race = true;
                let seconds = self.dice.between(1, 40);
                self.one_more_setting(&format!("timeout: {seconds}"));
            }
            _ => {}
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
