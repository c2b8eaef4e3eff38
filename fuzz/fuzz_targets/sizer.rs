//! Statements, before they run.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tavana_gateway::fuzz::Sizer;

static SIZER: LazyLock<Sizer> = LazyLock::new(|| Sizer::new().expect("a runtime"));

fuzz_target!(|data: &[u8]| SIZER.run(data));
