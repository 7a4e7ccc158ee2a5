//! Lists.

mod lambda;

pub(crate) use lambda::{FILTER, GET_ITEM, SORT};
