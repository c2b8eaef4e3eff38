//! Lets binaries and tests find `libduckdb.so` without `LD_LIBRARY_PATH`: first beside the
//! installed program (`../lib`), then where `make deps` put it; and the extensions likewise.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    let Ok(folder) = std::env::var("DUCKDB_LIB_DIR") else { return };
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    if let Some(root) = Path::new(&folder).parent() {
        println!("cargo:rustc-env=TAVANA_BUILT_EXTENSIONS={}", root.join("extensions").display());
    }
}
