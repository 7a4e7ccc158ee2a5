//! HTTP API, access, jobs, configuration.
