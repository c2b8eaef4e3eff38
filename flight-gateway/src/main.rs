//! `tavana-gateway`: see `tavana_gateway::program`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tavana_gateway::program::main()
}
