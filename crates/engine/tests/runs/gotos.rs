//! The `goto` of files of 2021: what it is turned into goes the way that it says.

use engine::RunState;
use serde_json::{Value as Json, json};
use workflow::compile;

use crate::support::{Driver, TestCatalog, ended, no_effects, run};

/// Where a step of [`document`] goes on: a place (that behind all steps is `end`), and whether a condition is asked.
type Goto = Option<(usize, bool)>;

/// Each step says what the one before it said, and its own number; the condition of step `n` is the input `c<n>`.
fn document(gotos: &[Goto]) -> String {
    use std::fmt::Write as _;
    let mut text = "name: old\ninputs:\n".to_owned();
    for step in 0..gotos.len() {
        let _ = writeln!(text, "  c{step}: false");
    }
    text.push_str("steps:\n");
    for (step, goto) in gotos.iter().enumerate() {
        let said = format!("'{{{{ (steps.last?.output ?? \"\") + \"{step}\" }}}}'");
        let _ = write!(text, "  - {{id: S{step}, action: internal.print, inputs: {{text: {said}}}");
        if let Some((target, asked)) = goto {
            let target = if *target == gotos.len() { "end".to_owned() } else { format!("S{target}") };
            let condition = if *asked { format!("inputs.c{step}") } else { "true".to_owned() };
            let _ = write!(text, ", goto: {{{target}: '{{{{ {condition} }}}}'}}");
        }
        text.push_str("}\n");
    }
    text.push_str("outputs:\n  said: '{{ steps.last.output }}'\n");
    text
}

/// The way that the gotos say.
fn walk(gotos: &[Goto], holds: &[bool]) -> String {
    let (mut said, mut at) = (String::new(), 0);
    while at < gotos.len() {
        said += &at.to_string();
        at = match gotos[at] {
            Some((target, asked)) if !asked || holds[at] => target,
            _ => at + 1,
        };
    }
    said
}

/// The goto of that number of a step: none, then each target with and without a condition.
fn goto(step: usize, number: usize) -> Goto {
    number.checked_sub(1).map(|number| (step + 1 + number / 2, number % 2 == 0))
}

#[test]
fn whatever_is_converted_goes_the_way_that_the_gotos_say() {
    const STEPS: usize = 5;
    let choices: Vec<usize> = (0..STEPS).map(|step| 1 + 2 * (STEPS - step)).collect();
    let documents: usize = choices.iter().product();
    let (mut converted, mut refused) = (0, 0);
    // Every eleventh: enough of each kind.
    for number in (0..documents).step_by(11) {
        let mut rest = number;
        let mut gotos = Vec::new();
        for (step, choices) in choices.iter().enumerate() {
            gotos.push(goto(step, rest % choices));
            rest /= choices;
        }
        let text = document(&gotos);
        let (plan, diagnostics) = compile(&text, &TestCatalog);
        let Some(plan) = plan.map(std::sync::Arc::new) else {
            assert!(diagnostics.iter().all(|it| it.code == "legacy_goto"), "{text}{diagnostics:?}");
            refused += 1;
            continue;
        };
        converted += 1;
        for holds in (0..1_u32 << STEPS).step_by(3) {
            let holds: Vec<bool> = (0..STEPS).map(|step| holds >> step & 1 == 1).collect();
            let inputs: serde_json::Map<String, Json> =
                (0..STEPS).map(|step| (format!("c{step}"), json!(holds[step]))).collect();
            let (mut driver, first) = Driver::start(&plan, Json::Object(inputs), &no_effects);
            driver.run(first);
            let ended = ended(&driver.execution);
            assert_eq!(ended.error, None, "{text}");
            assert_eq!(ended.outputs["said"], walk(&gotos, &holds), "{holds:?}\n{text}");
        }
    }
    assert!(converted > refused && refused > 0, "{converted} converted, {refused} refused");
}

#[test]
fn of_two_targets_with_opposite_conditions_the_one_that_is_meant_is_taken() {
    const STEPS: usize = 4;
    let (mut converted, mut refused) = (0, 0);
    let pairs = |step: usize| (step + 1..=STEPS).flat_map(move |a| (step + 1..=STEPS).map(move |b| (a, b)));
    let written = |target: usize| if target == STEPS { "end".to_owned() } else { format!("S{target}") };
    for (place, (first, second)) in
        pairs(0).filter(|(a, b)| a != b).flat_map(|p| pairs(1).map(move |q| (p, q))).enumerate()
    {
        let mut text = document(&[None; STEPS]);
        let not = [("inputs.c0", "!inputs.c0"), ("inputs.c0 == true", "not (inputs.c0 == true)")][place % 2];
        let goto = |condition: (&str, &str), (a, b): (usize, usize)| {
            format!(
                ", goto: {{{}: '{{{{ {} }}}}', {}: '{{{{ {} }}}}'}}}}\n",
                written(b),
                condition.1,
                written(a),
                condition.0
            )
        };
        let mut steps: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
        let of = |steps: &[String], id: &str| steps.iter().position(|line| line.contains(id)).unwrap();
        let (zero, one) = (of(&steps, "id: S0"), of(&steps, "id: S1"));
        steps[zero] = steps[zero].replace("}\n", &goto(not, first));
        if second.0 != second.1 {
            steps[one] = steps[one].replace("}\n", &goto(("inputs.c1", "!(inputs.c1)"), second));
        }
        text = steps.concat();
        let (plan, diagnostics) = compile(&text, &TestCatalog);
        let Some(plan) = plan.map(std::sync::Arc::new) else {
            assert!(diagnostics.iter().all(|it| it.code == "legacy_goto"), "{text}{diagnostics:?}");
            refused += 1;
            continue;
        };
        converted += 1;
        for holds in 0..4 {
            let holds = [holds & 1 == 1, holds & 2 == 2];
            let inputs = json!({"c0": holds[0], "c1": holds[1], "c2": false, "c3": false});
            let (mut driver, started) = Driver::start(&plan, inputs, &no_effects);
            driver.run(started);
            let (mut said, mut at) = (String::new(), 0);
            while at < STEPS {
                said += &at.to_string();
                at = match at {
                    0 => {
                        if holds[0] {
                            first.0
                        } else {
                            first.1
                        }
                    }
                    1 if second.0 != second.1 => {
                        if holds[1] {
                            second.0
                        } else {
                            second.1
                        }
                    }
                    _ => at + 1,
                };
            }
            assert_eq!(ended(&driver.execution).outputs["said"], said, "{holds:?}\n{text}");
        }
    }
    assert!(converted > refused && refused > 0, "{converted} converted, {refused} refused");
}

#[test]
fn a_converted_run_goes_on_after_each_commit_and_shows_the_steps_that_stand_for_a_goto() {
    let text = document(&[Some((2, true)), Some((3, false)), None, Some((4, true))]);
    let ended = run(&text, json!({"c0": false, "c3": true}));
    assert_eq!((ended.state, ended.outputs), (RunState::Completed, json!({"said": "013"})));
    let states = json!({"S0": 1, "S0/goto": 1, "S1": 1, "S3": 1, "S3/goto": 1, "S3/goto/end": 1});
    assert_eq!(ended.results, states);
}
