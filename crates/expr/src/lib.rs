//! The expression language of workflows: what stands in `{{ … }}`.
//!
//! It is Go's expr language (expr-lang/expr) with Blink's functions. A source goes through `lexer` and
//! `parser` to a tree whose nodes know their bytes, through `compiler` to a compact program, and that is
//! run by `vm` as often as wanted. Every run is bounded ([`Limits`]) and does no I/O: clock and randomness
//! are handed in with the [`Context`].
//!
//! ```
//! use expr::{Context, Expression, Map, Value};
//!
//! let expression = Expression::parse("inputs.age + 1").unwrap();
//! let scope: Map = [("inputs".into(), Value::from_iter([("age", 41)]))].into_iter().collect();
//! let mut rng = types::SeededRng::from_u64(1);
//! let mut context = Context::new(&scope, types::Timestamp::from_millis(0), &mut rng);
//! assert_eq!(expression.evaluate(&mut context).unwrap(), Value::Int(42));
//! ```

mod ast;
mod budget;
mod check;
mod compiler;
mod complete;
mod error;
mod expression;
pub mod functions;
mod kinds;
mod lexer;
pub mod limits;
mod ops;
mod parser;
mod power;
mod print;
mod program;
mod scope;
mod template;
mod time;
mod value;
mod vm;

pub use check::{Members, Problem, ProblemKind, Severity, Shape, check, check_template, shape};
pub use complete::{Candidate, CandidateKind, Completion, complete, complete_template};
pub use error::{Error, ErrorKind};
pub use expression::{Expression, Reference};
pub use limits::Limits;
pub use scope::{Context, Scope};
pub use template::{Rendering, Template};
pub use value::{Duration, Map, Time, Value};
