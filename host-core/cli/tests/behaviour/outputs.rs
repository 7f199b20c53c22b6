//! What commands write goes where it was told to go, and takes nothing away that was there for something else.
#![cfg(unix)]

use std::{
    fs,
    io::Read,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink},
    process::Command,
    thread,
};

use crate::support::{ACCOUNT_SEED, Directory, EMPTY, MODULE, MODULE_SEED, OPERATOR_SEED, Ran};

fn directory() -> Directory {
    let directory = Directory::new();
    directory.write("in.wasm", EMPTY);
    directory.write_seed("a.nk", ACCOUNT_SEED);
    directory.write_seed("m.nk", MODULE_SEED);
    directory.write_seed("o.nk", OPERATOR_SEED);
    directory
}

fn sign(directory: &Directory, out: &str) -> Ran {
    directory.run(&["sign", "in.wasm", out, "--issuer", "a.nk", "--subject", MODULE, "--name", "x"])
}

fn is_link(directory: &Directory, name: &str) -> bool {
    fs::symlink_metadata(directory.path(name)).unwrap().is_symlink()
}

fn mode(directory: &Directory, name: &str) -> u32 {
    fs::metadata(directory.path(name)).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_file_behind_a_link_is_written_and_the_link_stays() {
    let directory = directory();
    fs::create_dir(directory.path("store")).unwrap();
    directory.write("store/old.wasm", "old");
    for (link, target, file) in [
        ("one", "store/old.wasm", "store/old.wasm"),
        ("two", "one", "store/old.wasm"),
        ("new", "store/new.wasm", "store/new.wasm"),
    ] {
        symlink(target, directory.path(link)).unwrap();
        sign(&directory, link).succeeded();
        assert!(is_link(&directory, link));
        assert!(directory.read(file).starts_with(b"\0asm"), "{file}");
        let _gone = fs::remove_file(directory.path(file));
        directory.write("store/old.wasm", "old");
    }
    symlink("round", directory.path("round")).unwrap();
    let ran = sign(&directory, "round");
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(is_link(&directory, "round"));
    assert_eq!(fs::read_dir(directory.path("store")).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn a_pipe_and_a_device_are_written_to_and_stay() {
    let directory = directory();
    let pipe = directory.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut read = Vec::new();
            fs::File::open(pipe).unwrap().read_to_end(&mut read).unwrap();
            read
        }
    });
    sign(&directory, "pipe").succeeded();
    assert!(reader.join().unwrap().starts_with(b"\0asm"));
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());

    let before = fs::metadata("/dev/null").unwrap();
    sign(&directory, "/dev/null").succeeded();
    let issue = ["chain", "issue", "--issuer", "o.nk", "--out", "/dev/null"];
    directory.run(&issue).succeeded();
    let after = fs::metadata("/dev/null").unwrap();
    assert_eq!((before.ino(), before.rdev(), before.mode()), (after.ino(), after.rdev(), after.mode()));

    let full = sign(&directory, "/dev/full");
    assert_eq!(full.status, Some(1));
    assert!(full.stderr.starts_with("error: cannot write /dev/full: No space left"), "{}", full.stderr);
}

#[test]
fn what_goes_to_standard_output_is_alone_there() {
    let directory = directory();
    let ran = sign(&directory, "/dev/stdout");
    assert_eq!(ran.succeeded().stdout, {
        sign(&directory, "out.wasm").succeeded();
        let signed = directory.read("out.wasm");
        // Ids and times differ, the size does not.
        assert_eq!(ran.stdout.len(), signed.len());
        ran.stdout.clone()
    });
    assert!(ran.stderr.starts_with("/dev/stdout: \"x\""), "{}", ran.stderr);
    let mut child = directory.command(&[
        "sign",
        "in.wasm",
        "/dev/stdout",
        "--issuer",
        "a.nk",
        "--subject",
        MODULE,
        "--name",
        "x",
    ]);
    let file = fs::File::create(directory.path("redirected")).unwrap();
    assert!(child.stdout(file).status().unwrap().success());
    directory.run(&["inspect", "redirected"]).succeeded();
}

#[test]
fn a_file_keeps_its_mode() {
    let directory = directory();
    for kept in [0o600, 0o640, 0o444 | 0o200, 0o755] {
        directory.write("out.wasm", "old");
        directory.set_mode("out.wasm", kept);
        sign(&directory, "out.wasm").succeeded();
        assert_eq!(mode(&directory, "out.wasm"), kept);
    }
    directory.write("o.jwt", "old");
    directory.set_mode("o.jwt", 0o600);
    directory.run(&["chain", "issue", "--issuer", "o.nk", "--out", "o.jwt"]).succeeded();
    assert_eq!(mode(&directory, "o.jwt"), 0o600);
}

#[test]
fn no_command_writes_over_a_seed() {
    let directory = directory();
    symlink("m.nk", directory.path("link")).unwrap();
    let marked = format!("\u{feff}{MODULE_SEED}\r\n");
    directory.write("marked.nk", &marked);
    for out in ["a.nk", "m.nk", "link", "marked.nk"] {
        for arguments in [
            &["sign", "in.wasm", out, "--issuer", "a.nk", "--subject", MODULE, "--name", "x", "--json"][..],
            &["chain", "issue", "--issuer", "o.nk", "--out", out, "--json"],
            &["keys", "rotate", "a.nk", "new.nk", "--overlap", "1h", "--out", out, "--json"],
        ] {
            directory.write_seed("new.nk", crate::support::STRANGER_SEED);
            assert_eq!(directory.run(arguments).error_code(), "seed_overwritten", "{arguments:?}");
        }
        let ran = directory.run(&["keys", "generate", "account", "--out", out, "--json"]);
        assert_eq!(ran.error_code(), "file_exists");
    }
    assert_eq!(directory.read("a.nk"), format!("{ACCOUNT_SEED}\n").as_bytes());
    assert_eq!(directory.read("m.nk"), format!("{MODULE_SEED}\n").as_bytes());
    assert_eq!(directory.read("marked.nk"), marked.as_bytes());
}
