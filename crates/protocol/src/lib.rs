//! Messages between server and runner, and their version.
