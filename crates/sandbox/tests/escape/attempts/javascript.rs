//! What only JavaScript tries: names through which engines reach their host. The control gives the name, so that the
//! same code would notice.

use super::{Attempt, NONE};

const fn name(
    name: &'static str,
    tries: &'static str,
    javascript: &'static str,
    javascript_control: &'static str,
) -> Attempt {
    Attempt { name, tries, stopped_by: "an engine without a host", javascript, javascript_control, ..NONE }
}

pub(crate) const ALL: &[Attempt] = &[
    name(
        "modules of Node.js",
        "starts a process",
        "require('child_process').execSync('id')",
        "globalThis.require = () => ({ execSync: () => 1 })",
    ),
    name(
        "the process",
        "steers its process",
        "process.kill(1) || true",
        "globalThis.process = { kill: () => 0 }",
    ),
    name(
        "modules of the engine",
        "imports `std`",
        "std.open('/etc/passwd', 'r')",
        "globalThis.std = { open: () => 1 }",
    ),
    name(
        "the engine's system",
        "calls `os.exec`",
        "os.exec(['id']) || true",
        "globalThis.os = { exec: () => 0 }",
    ),
    name(
        "load a file",
        "evaluates a file by its path",
        "load('/etc/passwd') || true",
        "globalThis.load = () => 1",
    ),
    name("web requests", "sends a request", "new XMLHttpRequest()", "globalThis.XMLHttpRequest = class {}"),
    name(
        "web sockets",
        "opens a connection",
        "new WebSocket('ws://127.0.0.1')",
        "globalThis.WebSocket = class {}",
    ),
    name("workers", "starts a thread", "new Worker('x')", "globalThis.Worker = class {}"),
    name(
        "other runtimes",
        "asks Deno for a file",
        "Deno.readTextFileSync('/etc/passwd')",
        "globalThis.Deno = { readTextFileSync: () => 'x' }",
    ),
    name(
        "machine code",
        "compiles WebAssembly",
        "new WebAssembly.Module(new Uint8Array())",
        "globalThis.WebAssembly = { Module: class {} }",
    ),
    name(
        "the host's function",
        "calls what `console` is made of",
        "__print(1, 'x') || true",
        "globalThis.__print = () => 1",
    ),
    name(
        "the constructor's constructor",
        "looks for the host's names in a new function",
        "({}).constructor.constructor('return process')()",
        "globalThis.process = {}",
    ),
];
