//! The program `tavana`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tavana::program::main()
}
