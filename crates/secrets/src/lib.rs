//! Sealing and opening under a key ring, values that cannot be printed, redaction.
