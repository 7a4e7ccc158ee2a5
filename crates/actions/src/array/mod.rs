//! Lists.

mod chunk;
mod deduplicate;
mod flatten;
mod get_length;
mod lambda;
mod slice;

pub(crate) use chunk::Chunk;
pub(crate) use deduplicate::Deduplicate;
pub(crate) use flatten::Flatten;
pub(crate) use get_length::GetLength;
pub(crate) use lambda::{FILTER, GET_ITEM, SORT};
pub(crate) use slice::Slice;

use crate::{ActionSpec, InputType, Parameter};

fn spec(name: &str, display_name: &str, description: &str) -> ActionSpec {
    ActionSpec::pure(&format!("array.{name}"), display_name, "Array", description)
}

fn array() -> Parameter {
    Parameter::new("array", "Array", InputType::List, "The list, or its JSON as text.").required()
}
