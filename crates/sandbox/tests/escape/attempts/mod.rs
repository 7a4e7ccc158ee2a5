//! Every attempt to get out, in one table: what docs/security.md shows is made from it.

mod files;
mod javascript;
mod kernel;
mod network;
mod privileges;
mod processes;
mod resources;

/// One way to get out, in the languages that it can be tried in.
///
/// Python code defines `go`, bash code too: it has got out if that returns something true, or succeeds. JavaScript
/// code is an expression or a program whose last value counts. Words between `@` are replaced by what the machine of
/// the test has; outside by what stands there for it.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    pub(crate) name: &'static str,
    pub(crate) tries: &'static str,
    pub(crate) stopped_by: &'static str,
    pub(crate) python: &'static str,
    pub(crate) bash: &'static str,
    pub(crate) javascript: &'static str,
    /// Where Python's and bash's code does get out.
    pub(crate) control: Control,
    /// What JavaScript's code gets out with.
    pub(crate) javascript_control: &'static str,
}

/// Where the same code does get out, so that one knows that it is an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    /// On the machine, as who runs the test.
    Outside,
    /// On the machine, if root runs the test.
    Root,
    /// As root, where the kernel has what is told by this file.
    RootIf(&'static str),
    /// In namespaces like the sandbox's, as their root and without a filter.
    Namespaces,
}

pub(crate) const NONE: Attempt = Attempt {
    name: "",
    tries: "",
    stopped_by: "",
    python: "",
    bash: "",
    javascript: "",
    control: Control::Outside,
    javascript_control: "",
};

pub(crate) fn all() -> Vec<Attempt> {
    [files::ALL, processes::ALL, privileges::ALL, kernel::ALL, network::ALL, resources::ALL, javascript::ALL]
        .concat()
}
