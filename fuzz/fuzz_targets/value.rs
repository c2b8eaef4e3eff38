//! Values of all types in text and binary.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| tavana_pg::fuzz::value(data));
