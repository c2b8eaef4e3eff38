//! The program `tavana-worker`: one worker, alone or for gateways.

use std::process::ExitCode;

fn main() -> ExitCode {
    tavana_worker::program::main()
}
