//! A YAML document to a workflow, every diagnostic with its span, and the compiled plan.
