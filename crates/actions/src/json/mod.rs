//! JSON without code.

mod compare_structure;
mod merge_objects;

pub(crate) use compare_structure::CompareJsonStructure;
pub(crate) use merge_objects::MergeJsonObjects;

use crate::{ActionSpec, InputType, Parameter};

fn spec(name: &str, display_name: &str, description: &str) -> ActionSpec {
    ActionSpec::pure(&format!("json.{name}"), display_name, "JSON", description)
}

fn value(name: &str, display_name: &str, description: &str) -> Parameter {
    Parameter::new(name, display_name, InputType::Json, description).required()
}
