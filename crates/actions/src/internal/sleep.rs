//! `internal.Sleep`.

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let units = ["Seconds", "Minutes", "Hours", "Days"];
    let amount = "How much of the unit; at most 14 days in all.";
    ActionSpec {
        parameters: vec![
            Parameter::new("Amount", "Amount", InputType::Number, amount).required(),
            Parameter::new("Unit", "Unit", InputType::SingleSelect, "The unit of the amount.")
                .options(&units)
                .default("Seconds"),
        ],
        ..ActionSpec::flow(
            "internal.Sleep",
            "Wait",
            "Waits. The run takes no runner and no memory meanwhile.",
        )
    }
}
