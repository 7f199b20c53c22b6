//! Files that decide are used only where nobody else could have written them, unless the user wants them as they are.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
};

use crate::{
    running::Running,
    support::{ACCOUNT, ACCOUNT_SEED, Directory, EMPTY, MODULE, OPERATOR, claims, signed},
};

/// Somebody who is neither root nor this user.
const STRANGER: u32 = 54_321;

const WARNING: &str = "warning: --insecure-files: ";

/// A file that decides, and a command that reads it.
const READERS: [(&str, &[&str]); 9] = [
    ("revisions", &["run", "host.toml", "--check"]),
    ("host.toml", &["run", "host.toml", "--check"]),
    ("policy.toml", &["run", "host.toml", "--check"]),
    ("policy.toml", &["policy", "check", "policy.toml", "counter.wasm"]),
    ("policy.toml", &["chain", "show", "counter.wasm", "--policy", "policy.toml"]),
    ("policy.toml", &["policy", "sign", "policy.toml", "--key", "account.nk", "--serial", "1", "--out", "p"]),
    ("account.nk", &["keys", "show", "account.nk"]),
    (
        "account.nk",
        &["sign", "in.wasm", "out.wasm", "--issuer", "account.nk", "--subject", MODULE, "--name", "x"],
    ),
    ("operator.nk", &["chain", "issue", "--issuer", "operator.nk"]),
];

/// With all that the commands need, in a folder `in` of its own.
fn directory() -> Directory {
    let directory = Directory::new();
    fs::create_dir(directory.path("in")).unwrap();
    directory.write("in/in.wasm", EMPTY);
    let guest = wat::parse_str(include_str!("guests/counter.wat")).unwrap();
    directory.write("in/counter.wasm", signed(&guest, &claims()));
    directory.write_seed("in/account.nk", ACCOUNT_SEED);
    directory.write_seed("in/operator.nk", crate::support::OPERATOR_SEED);
    directory.write(
        "in/policy.toml",
        format!("accounts = [\"{ACCOUNT}\"]\noperators = [\"{OPERATOR}\"]\n[end]\nentries = 2\n"),
    );
    directory.write(
        "in/host.toml",
        "[host]\nrevision_ledger = \"revisions\"\n[trust]\npolicy = \"policy.toml\"\n[audit]\nfile = \"audit.log\"\n[[actor]]\n\
         file = \"counter.wasm\"\n",
    );
    directory.write("in/revisions", "");
    directory
}

/// The command is refused with a text that has these words, and goes, with a warning, when places do not count.
#[track_caller]
fn refused_unless_told(directory: &Directory, arguments: &[&str], words: &[&str]) {
    let run = |more: &[&str]| {
        let mut command = directory.command(&[arguments, more].concat());
        let ran = command.current_dir(directory.path("in")).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap(), ran.stdout)
    };
    let (status, told, printed) = run(&[]);
    assert_eq!((status, &*printed), (Some(1), &b""[..]), "{arguments:?}: {told}");
    for word in words.iter().chain(&["--insecure-files takes it as it is"]) {
        assert!(told.contains(word), "{arguments:?}: {word} is not in {told}");
    }
    let (_, json, _) = run(&["--json"]);
    assert!(json.contains("\"code\":\"untrusted_file\""), "{json}");
    let (status, told, _) = run(&["--insecure-files"]);
    assert!(status == Some(0) && told.starts_with(WARNING), "{arguments:?}: {told}");
}

fn chmod(directory: &Directory, name: &str, mode: u32) {
    fs::set_permissions(directory.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_others_may_write_is_refused() {
    for (file, arguments) in READERS {
        let directory = directory();
        let path = format!("in/{file}");
        // A seed that others can read is refused in any case.
        chmod(&directory, &path, if file.ends_with(".nk") { 0o602 } else { 0o646 });
        if !file.ends_with(".nk") {
            refused_unless_told(&directory, arguments, &[file, "others may write to it", "chmod go-w"]);
            chmod(&directory, &path, 0o600);
        } else {
            let ran = directory.command(arguments).current_dir(directory.path("in")).output().unwrap();
            let told = String::from_utf8(ran.stderr).unwrap();
            assert!(told.contains("others may write to it"), "{told}");
            chmod(&directory, &path, 0o600);
        }
        // The folder counts as much as the file.
        chmod(&directory, "in", 0o777);
        refused_unless_told(&directory, arguments, &["/in ", "others may write to it", "chmod go-w"]);
    }
}

#[test]
fn what_another_user_owns_is_refused() {
    for (file, arguments) in READERS {
        let directory = directory();
        if chown(directory.path(&format!("in/{file}")), Some(STRANGER), None).is_err() {
            eprintln!("skipped: only root can give a file to somebody else");
            return;
        }
        refused_unless_told(&directory, arguments, &[file, "belongs to user 54321", "chown"]);
    }
}

#[test]
fn a_link_is_refused() {
    for (file, arguments) in READERS {
        let directory = directory();
        let path = directory.path(&format!("in/{file}"));
        let elsewhere = directory.path("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        refused_unless_told(&directory, arguments, &[file, "symbolic link", "name the file itself"]);
    }
}

#[test]
fn what_a_host_writes_is_refused_in_an_odd_place_before_anything_starts() {
    for (file, field) in [("audit.log", "audit.file"), ("revisions", "host.revision_ledger")] {
        let directory = directory();
        let path = format!("in/{file}");
        directory.write(&path, "");
        chmod(&directory, &path, 0o666);
        let mut command = directory.command(&["run", "in/host.toml", "--json"]);
        let ran = command.output().unwrap();
        let told = String::from_utf8(ran.stderr).unwrap();
        assert!(
            ran.status.code() == Some(1)
                && told.contains(field)
                && told.contains(&format!("{file} belongs to user"))
                && told.contains("\"code\":\"untrusted_file\""),
            "{told}"
        );
        assert_eq!(directory.read(&path), b"");

        let mut host = Running::of(directory.command(&["run", "in/host.toml", "--json", "--insecure-files"]));
        host.line();
        assert!(host.told("{\"warning\"").contains("--insecure-files"));
        assert_eq!(host.end("-TERM").0, Some(0));
        assert_ne!(directory.read(&path), b"");
    }
}

#[test]
fn a_policy_is_looked_at_again_when_it_is_read_again() {
    let directory = directory();
    // Both streams in one, so that whatever the host says of a policy is the next thing it says.
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "exec \"$0\" run in/host.toml --json 2>&1", env!("CARGO_BIN_EXE_wascc")]);
    let mut host = Running::of(command.current_dir(directory.path("")));
    let mut next = |signal: Option<&str>| {
        signal.iter().for_each(|signal| host.send(signal));
        loop {
            let line = host.line();
            if line.starts_with('{') {
                return line;
            }
        }
    };
    next(None);
    directory.write("in/policy.toml", "accounts = []\n[end]\nentries = 0\n");
    chmod(&directory, "in/policy.toml", 0o666);
    let error = next(Some("-HUP"));
    assert!(error.contains("\"untrusted_file\"") && error.contains("policy.toml"), "{error}");

    fs::rename(directory.path("in/policy.toml"), directory.path("other")).unwrap();
    chmod(&directory, "other", 0o600);
    symlink(directory.path("other"), directory.path("in/policy.toml")).unwrap();
    let error = next(Some("-HUP"));
    assert!(error.contains("\"untrusted_file\"") && error.contains("symbolic link"), "{error}");

    // The good one holds, and from its own place it is taken.
    fs::rename(directory.path("other"), directory.path("in/policy.toml")).unwrap();
    let told = next(Some("-HUP"));
    assert!(told.contains("\"barred\":[{"), "{told}");
    assert_eq!(host.end("-TERM").0, Some(0));
    let log = String::from_utf8(directory.read("in/audit.log")).unwrap();
    assert_eq!(log.matches("\"policy_unreadable\"").count(), 2, "{log}");
}

#[test]
fn what_the_caller_opened_himself_is_his_own_choice() {
    let directory = directory();
    for place in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "-"] {
        let mut command = directory.command(&["keys", "show", place]);
        let seed = fs::File::open(directory.path("in/account.nk")).unwrap();
        let ran = command.stdin(seed).output().unwrap();
        let told = String::from_utf8(ran.stderr).unwrap();
        assert!(ran.status.success() && told.is_empty(), "{place}: {told}");
    }
}

#[test]
fn a_seed_is_not_put_where_others_could_exchange_it() {
    let directory = directory();
    chmod(&directory, "in", 0o777);
    let arguments = ["keys", "generate", "account", "--out", "in/new.nk"];
    let ran = directory.run(&arguments);
    assert!(ran.status == Some(1) && ran.stderr.contains("others may write to it"), "{ran:?}");
    assert!(!directory.path("in/new.nk").exists());
    let told = directory.run(&[&arguments[..], &["--insecure-files"]].concat());
    assert!(told.succeeded().stderr.starts_with(WARNING), "{told:?}");
    // Not even through a link that leads nowhere yet.
    symlink(directory.path("nowhere"), directory.path("link.nk")).unwrap();
    let ran = directory.run(&["keys", "generate", "account", "--out", "link.nk", "--json"]);
    assert_eq!(ran.error_code(), "file_exists");
}
