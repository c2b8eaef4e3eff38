//! The shape of the house, kept.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

const COMPONENTS: [(&str, &str); 3] =
    [("worker", "tavana-worker"), ("flight-gateway", "tavana-gateway"), ("pg-frontend", "tavana-pg")];
const SHARED: [&str; 2] = ["tavana-wire", "tavana-daemon"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn manifest(folder: &str) -> toml::Table {
    fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap().parse().unwrap()
}

fn own_dependencies(folder: &str) -> Vec<String> {
    let manifest = manifest(folder);
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    let names = tables.iter().filter_map(|table| manifest.get(*table)?.as_table()).flat_map(|table| table.keys());
    names.filter(|name| name.starts_with("tavana")).cloned().collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn components_know_only_wire_and_daemon() {
    for (folder, name) in COMPONENTS {
        let others: Vec<String> =
            own_dependencies(folder).into_iter().filter(|other| !SHARED.contains(&other.as_str())).collect();
        assert!(others.is_empty(), "{name} depends on {others:?}");
    }
    assert!(own_dependencies("wire").is_empty());
    assert_eq!(own_dependencies("daemon"), ["tavana-wire"]);
}

#[test]
fn only_the_engine_module_names_duckdbs_api() {
    let users: Vec<PathBuf> = ["wire", "daemon", "worker", "flight-gateway", "pg-frontend", "tavana"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder).join("src")))
        .filter(|path| fs::read_to_string(path).unwrap().contains("libduckdb_sys"))
        .filter(|path| {
            !path.starts_with(root().join("worker/src/engine")) && *path != root().join("worker/src/engine.rs")
        })
        .collect();
    assert!(users.is_empty(), "{users:?}");
    for folder in ["wire", "daemon", "flight-gateway", "pg-frontend"] {
        assert!(!manifest(folder)["dependencies"].as_table().unwrap().contains_key("libduckdb-sys"), "{folder}");
    }
}

#[test]
fn programs_are_short_and_modules_say_what_they_are_for() {
    for folder in ["wire", "daemon", "worker", "flight-gateway", "pg-frontend", "tavana"] {
        for path in sources(&root().join(folder).join("src")) {
            let text = fs::read_to_string(&path).unwrap();
            let is_tests = path.file_name().is_some_and(|name| name == "tests.rs");
            assert!(is_tests || text.starts_with("//!"), "{} does not begin with its purpose", path.display());
            assert!(!path.ends_with("mod.rs"), "{}", path.display());
            if path.ends_with("main.rs") {
                assert!(text.lines().count() < 30, "{} is long", path.display());
            }
        }
    }
}
