//! The expression language: lexer, parser, bytecode, evaluator, templates.
