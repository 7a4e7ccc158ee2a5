//! `internal.Sleep`.

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let units = ["Seconds", "Minutes", "Hours", "Days"];
    let amount = "How much of the unit; at most 14 days in all.";
    let until = "Instead of an amount: a point in time, such as `2030-01-01T08:00:00Z`.";
    ActionSpec {
        parameters: vec![
            Parameter::new("Amount", "Amount", InputType::Number, amount),
            Parameter::new("Unit", "Unit", InputType::SingleSelect, "The unit of the amount.")
                .options(&units)
                .default("Seconds"),
            Parameter::new("Until", "Until", InputType::Text, until),
        ],
        ..ActionSpec::flow(
            "internal.Sleep",
            "Wait",
            "Waits. The run takes no runner and no memory meanwhile.",
        )
    }
}
