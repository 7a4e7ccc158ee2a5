//! The actions that the engine runs itself. Here they are only described; what they do is in `engine`.

pub(crate) mod append_list;
pub(crate) mod catch;
pub(crate) mod end_run;
pub(crate) mod for_each;
pub(crate) mod if_condition;
pub(crate) mod parallel;
pub(crate) mod print;
pub(crate) mod set_variables;
pub(crate) mod sleep;
pub(crate) mod switch_case;
pub(crate) mod while_loop;
