//! A connection from its first byte to the end of its login.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tavana_pg::fuzz::Startups;

static STARTUPS: LazyLock<Startups> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder for the users file");
    Startups::new(folder.path()).expect("a port")
});

fuzz_target!(|data: &[u8]| {
    STARTUPS.run(data);
});
