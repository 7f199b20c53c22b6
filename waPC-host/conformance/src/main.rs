//! Prints who passes what: wapc-host, and the guests whose files are given.
#![forbid(unsafe_code)]

use std::{env, fs, process::ExitCode};

use untrusted_text::Shown;
use wapc_conformance::{
    HostUnderTest, Table, WapcHostUnderTest, guest_cases, host_cases, run_guest_case, run_host_case,
};

fn main() -> ExitCode {
    let files: Vec<_> = env::args().skip(1).collect();
    if files.iter().any(|file| file.starts_with('-')) {
        eprintln!("usage: wapc-conformance [MODULE.wasm ...]");
        return ExitCode::from(2);
    }
    match print(&files) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("wapc-conformance: {error}");
            ExitCode::from(2)
        }
    }
}

/// Prints both tables and tells whether everybody passes everything.
fn print(files: &[String]) -> Result<bool, Box<dyn std::error::Error>> {
    let host = WapcHostUnderTest::new();
    let mut hosts = Table::new("Cases for hosts", vec![host.name()]);
    for case in host_cases()? {
        hosts.row(&case.title, vec![run_host_case(&host, &case)]);
    }
    print!("{hosts}");
    let mut all = hosts.passed(0) == hosts.len();
    if !files.is_empty() {
        let modules: Vec<_> = files
            .iter()
            .map(|file| fs::read(file).map_err(|error| format!("{}: {error}", Shown::words(file))))
            .collect::<Result<_, _>>()?;
        let mut guests = Table::new("Cases for guests", files.iter().map(|file| name_of(file)).collect());
        for case in guest_cases()? {
            guests.row(&case.title, modules.iter().map(|wasm| run_guest_case(wasm, &case)).collect());
        }
        print!("\n{guests}");
        all &= (0..files.len()).all(|column| guests.passed(column) == guests.len());
    }
    Ok(all)
}

fn name_of(file: &str) -> String {
    let path = std::path::Path::new(file);
    path.file_stem().map_or_else(|| file.to_owned(), |name| name.to_string_lossy().into_owned())
}
