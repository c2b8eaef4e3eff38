//! The reference pages of the settings are what the programs say.
//!
//! `TAVANA_WRITE_DOCS=1 cargo test -p tavana-e2e --test config_reference` writes them anew.
#![allow(clippy::unwrap_used)]

use std::path::Path;

fn check(page: &str, program: &str, reference: String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs").join(page);
    let wanted = format!("# Settings of `{program}`\n\n{}\n", reference.trim());
    if std::env::var_os("TAVANA_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/{page} is not what {program} says; write it anew, see this test's source");
}

#[test]
fn the_pages_of_all_programs_are_true() {
    check("config-serve.md", "tavana serve", tavana::program::reference());
    check("config-worker.md", "tavana-worker", tavana_worker::program::reference());
    check("config-gateway.md", "tavana-gateway", tavana_gateway::program::reference());
    check("config-pg.md", "tavana-pg", tavana_pg::program::reference());
}
