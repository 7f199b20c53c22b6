//! Our host and our guest pass everything.

use std::{env, fs, path::Path};

use wapc_conformance::{
    HostUnderTest, Table, WapcHostUnderTest, guest_cases, host_cases, run_guest_case, run_host_case,
};

#[test]
fn our_host_passes_every_case() {
    let host = WapcHostUnderTest::new();
    let mut table = Table::new("Cases for hosts", vec![host.name()]);
    for case in host_cases().unwrap() {
        table.row(&case.title, vec![run_host_case(&host, &case)]);
    }
    println!("{table}");
    assert_eq!(table.passed(0), table.len(), "\n{table}");
    assert!(table.len() >= 30);
}

#[test]
fn our_guest_passes_every_case() {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/guests/modules");
    let folder = env::var_os("GUEST_MODULES").map_or(default, Into::into);
    let wasm = fs::read(folder.join("echo.wasm")).unwrap();
    let mut table = Table::new("Cases for guests", vec!["echo".to_owned()]);
    for case in guest_cases().unwrap() {
        table.row(&case.title, vec![run_guest_case(&wasm, &case)]);
    }
    println!("{table}");
    assert_eq!(table.passed(0), table.len(), "\n{table}");
    assert!(table.len() >= 16);
}
