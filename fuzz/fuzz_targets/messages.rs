//! Messages of a session, in pieces and whole.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| tavana_pg::fuzz::messages(data));
