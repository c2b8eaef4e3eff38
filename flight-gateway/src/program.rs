//! Placeholder until the rest compiles.
