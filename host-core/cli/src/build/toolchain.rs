//! Finds what compiles Rust for WebAssembly: rustup's target, or Debian's compiler and the source of its standard library.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::error::CliError;

pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// Where Debian's package rustc-web puts its compiler.
const DEBIAN: &str = "/usr/bin/rustc";

/// What cargo is told beside `cargo build`.
pub(super) struct Toolchain {
    pub(super) arguments: Vec<&'static str>,
    pub(super) environment: Vec<(&'static str, OsString)>,
}

/// The toolchain that is there.
pub(super) fn find() -> Result<Toolchain, CliError> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    if ask("cargo".as_ref(), &["--version"]).is_none() {
        return Err(CliError::NoToolchain);
    }
    let libraries = ask(&rustc, &["--print", "target-libdir", "--target", TARGET]);
    if libraries.is_some_and(|folder| has_standard_library(Path::new(&folder))) {
        return Ok(Toolchain { arguments: Vec::new(), environment: Vec::new() });
    }
    debian(&rustc).ok_or(CliError::NoToolchain)
}

fn debian(cargos: &OsString) -> Option<Toolchain> {
    let sysroot = PathBuf::from(ask(DEBIAN.as_ref(), &["--print", "sysroot"])?);
    if !sysroot.join("lib/rustlib/src/rust/library").is_dir() {
        return None;
    }
    let linker = bundled_linker(cargos).or_else(|| in_path("rust-lld")).or_else(|| in_path("wasm-ld"))?;
    Some(Toolchain {
        arguments: vec!["-Z", "build-std=std,panic_abort"],
        environment: vec![
            ("RUSTC", DEBIAN.into()),
            ("RUSTC_BOOTSTRAP", "1".into()),
            ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.into()),
        ],
    })
}

/// The linker that comes with the compiler of rustup.
fn bundled_linker(rustc: &OsString) -> Option<PathBuf> {
    let about = ask(rustc, &["-vV"])?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "))?;
    let sysroot = PathBuf::from(ask(rustc, &["--print", "sysroot"])?);
    let linker = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
    linker.is_file().then_some(linker)
}

fn in_path(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn has_standard_library(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

/// What a program prints, if it is there and succeeds.
fn ask(program: &OsStr, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
