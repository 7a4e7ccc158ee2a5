//! The nictate binary.

fn main() {}
