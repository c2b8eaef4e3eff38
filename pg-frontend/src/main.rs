//! `tavana-pg`: see `tavana_pg::program`.

use std::process::ExitCode;

/// A result allocates and frees buffers of megabytes all day; the system's allocator would hand each back and fault
/// it in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tavana_pg::program::main()
}
