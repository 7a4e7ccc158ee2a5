//! Lease, run the action, report.
