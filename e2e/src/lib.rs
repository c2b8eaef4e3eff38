//! Checks that see several components at once: `tests/` in Rust, `python/` with real clients.
