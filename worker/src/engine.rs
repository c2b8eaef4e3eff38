//! DuckDB, seen from Rust: the only module that names DuckDB's C API.
//!
//! The C API is used directly because a server needs what the usual wrapper hides: results
//! that stream and tell an error from the end, statements split without executing them,
//! interrupts, progress, and the vectors of a chunk without a copy. Everything above works with
//! the safe types here. Calls block; [`crate::execute`] moves them off the async threads.

mod append;
mod batch_view;
mod connection;
mod error;
mod file;
mod instance;
mod prepared;
mod result;
mod schema;
mod table;
mod value;

pub use append::Appender;
pub use batch_view::BatchView;
pub use connection::{Connection, Extracted, Interrupt};
pub use error::EngineError;
pub use file::{File, Files};
pub use instance::{Instance, InstanceConfig};
pub use prepared::{Pending, Prepared};
pub use result::{Chunk, Column, Layout, Plain, ResultStream, Returns};
pub use schema::{literal, quoted, sql_type};
pub use table::{Cell, CellKind, Shown, Tables};

/// The DuckDB version that is linked, for example `v1.5.5`.
pub fn version() -> String {
    // SAFETY: returns a static C string.
    unsafe { text(libduckdb_sys::duckdb_library_version()) }
}

/// The text behind a C string of DuckDB's; empty when it is null.
///
/// # Safety
/// `pointer` is null or points to a C string that lives during the call.
unsafe fn text(pointer: *const std::ffi::c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: not null, and a C string by this function's contract.
    unsafe { std::ffi::CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// A C string for DuckDB; SQL and names must not hold NUL bytes.
fn c_string(text: &str) -> Result<std::ffi::CString, EngineError> {
    std::ffi::CString::new(text).map_err(|_| EngineError::nul_byte())
}
