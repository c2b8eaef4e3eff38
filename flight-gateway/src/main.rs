//! `tavana-gateway`: a gateway in front of workers.

use std::process::ExitCode;

use tavana_gateway::program::{self, Options};

#[tokio::main]
async fn main() -> ExitCode {
    let options: Options = tavana_daemon::config::load();
    program::main(options).await
}
