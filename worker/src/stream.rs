//! From DuckDB's chunks to the bytes of a `DoGet`, copied once.
//!
//! [`encoder`] gathers chunks of 2048 rows into messages of about 2 MiB; [`columns`] writes the usual types
//! straight from DuckDB's vectors into the buffers that are sent, any other type goes through DuckDB's own Arrow
//! export; [`frame`] is one gRPC message as a list of byte segments; [`body`] hands frames to HTTP/2 and
//! tells the end of a result, or what broke it, in the trailers.

pub(crate) mod body;
mod columns;
pub(crate) mod encoder;
pub(crate) mod frame;
