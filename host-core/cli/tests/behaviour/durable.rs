//! What a command wrote is on the disk when it is done: the file, and its name in the folder.
#![cfg(target_os = "linux")]

use std::{fs, path::PathBuf, process::Command};

use crate::{
    running::Running,
    support::{ACCOUNT, ACCOUNT_SEED, Directory, EMPTY, MODULE},
};

/// Writes down each sync, and whether the file that it is about was there by then.
const RECORDER: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int record(const char *name, int file) {
    char link[64], path[4096], line[4300];
    struct stat found;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    const char *subject = getenv("SYNC_SUBJECT"), *log = getenv("SYNC_LOG");
    int is_folder = fstat(file, &found) == 0 && S_ISDIR(found.st_mode);
    int size = snprintf(line, sizeof line, "%s %s %s\n", is_folder ? "folder" : "file",
                        access(subject, F_OK) == 0 ? "there" : "not-there", path);
    int out = open(log, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (out >= 0) { if (write(out, line, size) < 0) {} close(out); }
    int (*next)(int) = dlsym(RTLD_NEXT, name);
    return next(file);
}

int fsync(int file) { return record("fsync", file); }
int fdatasync(int file) { return record("fdatasync", file); }
"#;

/// A library that the linker of the program loads first.
fn recorder(directory: &Directory) -> PathBuf {
    let (source, library) = (directory.path("recorder.c"), directory.path("recorder.so"));
    fs::write(&source, RECORDER).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
    assert!(compiler.status().unwrap().success());
    library
}

fn recorded(directory: &Directory, subject: &str, arguments: &[&str]) -> Command {
    let mut command = directory.command(arguments);
    command.env("LD_PRELOAD", recorder(directory)).env("SYNC_SUBJECT", subject);
    command.env("SYNC_LOG", directory.path("syncs"));
    command
}

/// A file in the folder was synced, and the folder when the name was there.
#[track_caller]
fn is_on_the_disk(directory: &Directory, subject: &str) {
    let syncs = String::from_utf8(directory.read("syncs")).unwrap();
    fs::remove_file(directory.path("syncs")).unwrap();
    let folder = fs::canonicalize(directory.path("out")).unwrap();
    let (folder, inside) = (format!("folder there {}", folder.display()), format!("{}/", folder.display()));
    let file = syncs.lines().any(|line| line.starts_with("file ") && line.contains(&inside));
    assert!(file && syncs.lines().any(|line| line == folder), "{subject}: {syncs}");
}

#[test]
fn what_a_command_wrote_is_on_the_disk_with_its_name() {
    let directory = Directory::new();
    fs::create_dir(directory.path("out")).unwrap();
    directory.write_seed("account.nk", ACCOUNT_SEED);
    directory.write("in.wasm", EMPTY);
    directory.write("policy.toml", format!("accounts = [\"{ACCOUNT}\"]\n"));
    for (subject, arguments) in [
        ("out/key", &["keys", "generate", "account", "--out", "out/key"][..]),
        (
            "out/a.wasm",
            &["sign", "in.wasm", "out/a.wasm", "--issuer", "account.nk", "--subject", MODULE, "--name", "a"],
        ),
        (
            "out/policy",
            &["policy", "sign", "policy.toml", "--key", "account.nk", "--serial", "1", "--out", "out/policy"],
        ),
    ] {
        let ended = recorded(&directory, subject, arguments).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        is_on_the_disk(&directory, subject);
    }
}

#[test]
fn the_log_and_the_ledger_of_a_host_are_on_the_disk_with_their_names() {
    for (subject, table) in [("out/revisions", "[host]\nrevision_ledger"), ("out/audit.log", "[audit]\nfile")]
    {
        let directory = Directory::new();
        fs::create_dir(directory.path("out")).unwrap();
        let manifest = format!("{table} = \"{subject}\"\n[trust]\naccounts = [\"{ACCOUNT}\"]\n");
        directory.write("host.toml", manifest);
        let mut host = Running::of(recorded(&directory, subject, &["run", "host.toml"]));
        host.line();
        is_on_the_disk(&directory, subject);
        assert_eq!(host.end("-TERM").0, Some(0));
    }
}
