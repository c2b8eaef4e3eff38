//! `tavana-gateway`: see `tavana_gateway::program`.

use std::process::ExitCode;

/// A relay allocates and frees frames of a megabyte all day. The system's allocator hands such memory back each time
/// and faults it in again, which takes a quarter of the relay's CPU time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tavana_gateway::program::main()
}
