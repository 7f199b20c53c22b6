//! What strangers call their files, and what they write into them, comes to people in harmless lines.

use std::{fs, os::unix::fs::PermissionsExt};

use host_audit::{AuditLog, Event, OnFailure};

use crate::{
    running::Running,
    support::{
        ACCOUNT, ACCOUNT_SEED, Directory, EMPTY, MODULE, MODULE_SEED, OPERATOR_SEED, Ran, STRANGER_SEED,
        claims, signed, with_forged_signature,
    },
};

/// Forges a line, clears a terminal (twice), and turns the direction of writing (twice).
const STRANGE: &str = "in\nFORGED\u{1b}[2J\u{9b}2J\u{202e}\u{61c}";
/// How it is shown.
const SHOWN: &str = "in\\nFORGED\\u{1b}[2J\\u{9b}2J\\u{202e}\\u{61c}";

/// With files of all kinds, good and bad ones, in a folder with a strange name.
fn directory() -> Directory {
    let directory = Directory::new();
    fs::create_dir(directory.path(STRANGE)).unwrap();
    let write = |name: &str, content: &[u8]| directory.write(&format!("{STRANGE}/{name}"), content);
    let counter = signed(&wat::parse_str(include_str!("guests/counter.wat")).unwrap(), &claims());
    write("in.wasm", EMPTY);
    write("bad.wat", br#"(module (func call $"a\nFORGED\1b[2J"))"#);
    write("forged.wasm", &with_forged_signature(counter.clone()));
    write("counter.wasm", &counter);
    write("policy.toml", policy(ACCOUNT).as_bytes());
    write("other.toml", b"accounts = 1");
    write("host.toml", b"[trust]\npolicy = \"policy.toml\"\n[[actor]]\nfile = \"counter.wasm\"\n");
    write("wrong.toml", b"[host]\n\"x\\nFORGED\\u001b[2J\" = 1\n");
    write("strange.toml", b"[trust]\naccounts = []\n[host.\"x\\nFORGED\"]\n");
    write(
        "ledger.toml",
        format!("[host]\nrevision_ledger = \"bad.wat\"\n[trust]\naccounts = [\"{ACCOUNT}\"]\n").as_bytes(),
    );
    write("latin.toml", b"a = \"\xe4\"");
    for (name, seed) in [
        ("account.nk", ACCOUNT_SEED),
        ("other.nk", STRANGER_SEED),
        ("operator.nk", OPERATOR_SEED),
        ("open.nk", MODULE_SEED),
    ] {
        directory.write_seed(&format!("{STRANGE}/{name}"), seed);
    }
    directory.set_mode(&format!("{STRANGE}/open.nk"), 0o644);
    let log = AuditLog::open(directory.path(&format!("{STRANGE}/audit.log")), OnFailure::Refuse).unwrap();
    log.record(1_600_000_000, &Event::HostStarted { version: "0.1.0" }).unwrap();
    directory
}

fn policy(account: &str) -> String {
    format!("accounts = [\"{account}\"]\n")
}

/// That the text shows the strange name, or `shown` in its place, and that nothing of it does anything.
#[track_caller]
fn assert_harmless(text: &str, shown: &str) {
    assert!(text.contains(shown), "{text:?}");
    assert!(
        !text.contains(|c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{61c}')),
        "{text:?}"
    );
    assert!(text.lines().all(|line| !line.starts_with("FORGED")), "{text}");
}

/// Runs a command in which `@` stands for the folder.
fn run(directory: &Directory, arguments: &[&str]) -> Ran {
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.replace('@', STRANGE)).collect();
    directory.run(&arguments)
}

#[track_caller]
fn harmless(directory: &Directory, arguments: &[&str], status: i32, shown: &str) {
    let ran = run(directory, arguments);
    assert_eq!(ran.status, Some(status), "{ran:?}");
    assert_harmless(&format!("{}{}", ran.text(), ran.stderr), shown);
}

#[test]
fn files_with_strange_names_are_told_in_harmless_lines() {
    let directory = directory();
    let name = ["--issuer", "@/account.nk", "--subject", MODULE, "--name", "x"];
    for arguments in [
        &["sign", "@/in.wasm", "@/out.wasm", name[0], name[1], name[2], name[3], name[4], name[5]][..],
        &["verify", "@/counter.wasm", "--trust", ACCOUNT],
        &["keys", "generate", "account", "--out", "@/new.nk"],
        &["keys", "rotate", "@/account.nk", "@/other.nk", "--overlap", "1d", "--out", "@/rotation.jwt"],
        &["chain", "issue", "--issuer", "@/operator.nk", "--subject", ACCOUNT, "--out", "@/account.jwt"],
        &["chain", "embed", "@/in.wasm", "@/with.wasm", "@/account.jwt"],
        &["policy", "check", "@/policy.toml", "@/counter.wasm"],
        &[
            "policy",
            "sign",
            "@/policy.toml",
            "--key",
            "@/account.nk",
            "--serial",
            "1",
            "--out",
            "@/signed.toml",
        ],
        &["policy", "verify", "@/signed.toml", "--signer", ACCOUNT],
        &["audit", "verify", "@/audit.log"],
        &["audit", "show", "@/audit.log"],
        &["run", "@/host.toml", "--check"],
    ] {
        harmless(&directory, arguments, 0, SHOWN);
    }
}

#[test]
fn files_with_strange_names_are_refused_in_harmless_lines() {
    let directory = directory();
    let name = ["--issuer", "@/account.nk", "--subject", MODULE, "--name", "x"];
    for arguments in [
        &["verify", "@/none.wasm", "--trust", ACCOUNT][..],
        &["verify", "@/in.wasm", "--trust", ACCOUNT],
        &["inspect", "@/forged.wasm"],
        &["keys", "generate", "account", "--out", "@/account.nk"],
        &["keys", "show", "@/counter.wasm"],
        &["keys", "show", "@/open.nk"],
        &["sign", "@/bad.wat", "@/out.wasm", name[0], name[1], name[2], name[3], name[4], name[5]],
        &["sign", "@/in.wasm", "@", name[0], name[1], name[2], name[3], name[4], name[5]],
        &["sign", "@/in.wasm", "@/account.nk", name[0], name[1], name[2], name[3], name[4], name[5]],
        &["call", "@/account.nk", "op"],
        &["chain", "show", "@/counter.wasm", "--policy", "@/latin.toml"],
        &["policy", "check", "@/other.toml", "@/counter.wasm"],
        &["audit", "verify", "@/in.wasm"],
        &["run", "@/wrong.toml", "--check"],
        &["run", "@/latin.toml", "--check"],
        &["run", "@/ledger.toml"],
        &["keys", "show", "env:@"],
    ] {
        harmless(&directory, arguments, 1, SHOWN);
    }
    directory.set_mode(&format!("{STRANGE}/policy.toml"), 0o666);
    harmless(&directory, &["run", "@/host.toml", "--check"], 1, SHOWN);
}

#[test]
fn what_strangers_write_into_files_is_told_in_harmless_lines() {
    let directory = directory();
    let shown = "host.x\\nFORGED";
    harmless(&directory, &["run", "@/wrong.toml", "--check"], 1, "x\\nFORGED\\u{1b}[2J");
    harmless(&directory, &["run", "@/strange.toml", "--check"], 1, shown);
    let name = ["--issuer", "@/account.nk", "--subject", MODULE, "--name", "x"];
    let sign = ["sign", "@/bad.wat", "@/out.wasm", name[0], name[1], name[2], name[3], name[4], name[5]];
    harmless(&directory, &sign, 1, "is not a WebAssembly module: ");
}

#[test]
fn with_json_programs_get_strange_names_as_they_are_and_terminals_do_not() {
    let directory = directory();
    let escaped = r"in\nFORGED\u001b[2J\u009b2J\u202e\u061c/";
    let sign = ["sign", "@/in.wasm", "@/out.wasm", "--issuer", "@/account.nk", "--subject", MODULE];
    let signed = run(&directory, &[&sign[..], &["--name", "@", "--json"]].concat());
    assert_harmless(signed.succeeded().text(), escaped);
    let (file, name) = (&signed.json()["file"], &signed.json()["name"]);
    assert_eq!((file.as_str(), name.as_str()), (Some(&*format!("{STRANGE}/out.wasm")), Some(STRANGE)));
    let none = run(&directory, &["inspect", "@/none.wasm", "--json"]);
    assert_eq!(none.error_code(), "read_file");
    // The message is for people, and shows the name as it does elsewhere.
    assert!(none.error()["message"].as_str().unwrap().contains(SHOWN));
}

/// A shell puts the names of files in the place of `*`.
#[test]
fn a_wrong_command_line_is_told_in_harmless_lines() {
    let directory = directory();
    for arguments in [
        &["@"][..],
        &["verify", "--@"],
        &["verify", "-@"],
        &["verify", "in.wasm", "--trust", ACCOUNT, "--@=1"],
        &["inspect", "in.wasm", "@"],
        &["keys", "generate", "@"],
        &["invoke", "in.wasm", "x", "--memory-limit", "@"],
        &["call", "in.wasm", "x", "--timeout", "1@"],
        &["call", "in.wasm", "x", "--hex", "@"],
        &["audit", "show", "in.wasm", "--actor", "@"],
        &["audit", "show", "in.wasm", "--kind", "@"],
        &["sign", "in.wasm", "out.wasm", "--issuer", "a", "--subject", "b", "--name", "c", "--cap", "@"],
    ] {
        let ran = run(&directory, arguments);
        assert_eq!((ran.status, ran.stdout.len()), (Some(2), 0), "{ran:?}");
        assert_harmless(&ran.stderr, "error: ");
        assert!(ran.stderr.lines().count() < 12 && ran.stderr.contains("--help"), "{}", ran.stderr);
    }
    harmless(&directory, &["@"], 2, SHOWN);
}

/// A log is no place to forge lines either.
#[test]
fn strange_names_are_logged_in_harmless_lines() {
    let directory = directory();
    let guest = format!("{STRANGE}/echo.wat");
    directory.write(&guest, include_str!("guests/echo.wat"));
    let call = ["call", "@/echo.wat", "echo", "--cache-dir", "@/cache"];
    run(&directory, &call).succeeded();
    let cache = fs::read_dir(directory.path(&format!("{STRANGE}/cache"))).unwrap();
    let entries: Vec<_> = cache.map(|entry| entry.unwrap().path()).collect();
    fs::write(&entries[0], "nonsense").unwrap();
    let ran = run(&directory, &call);
    assert_harmless(&ran.succeeded().stderr, &format!("{SHOWN}/cache/"));
    fs::set_permissions(&entries[0], fs::Permissions::from_mode(0o666)).unwrap();
    let ran = run(&directory, &call);
    assert_harmless(&ran.succeeded().stderr, &format!("{SHOWN}/cache/"));
    // An entry that cannot be written, for a folder is in its place.
    fs::remove_file(&entries[0]).unwrap();
    fs::create_dir(&entries[0]).unwrap();
    let ran = run(&directory, &call);
    assert_harmless(&ran.succeeded().stderr, &format!("{SHOWN}/cache/"));
}

#[test]
fn a_host_with_strange_names_tells_of_changes_in_harmless_lines() {
    let directory = directory();
    let log = format!("{STRANGE}/audit.log");
    let mut cut_short = directory.read(&log);
    cut_short.extend(br#"{"seq":2,"#);
    directory.write(&log, cut_short);
    let manifest = format!("{STRANGE}/host.toml");
    let more = [&directory.read(&manifest)[..], b"[audit]\nfile = \"audit.log\"\n"].concat();
    directory.write(&manifest, more);
    // Both streams in one: in the order in which things are told.
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "exec \"$0\" run \"$1\" 2>&1", env!("CARGO_BIN_EXE_wascc"), &manifest]);
    let mut host = Running::of(command.current_dir(directory.path("")));
    let mut told = String::new();
    let mut until = |host: &mut Running, what: &str| {
        loop {
            let line = host.line();
            assert!(!line.starts_with("FORGED"), "{line}");
            told.push_str(&format!("{line}\n"));
            if line.contains(what) {
                return;
            }
        }
    };
    until(&mut host, "SIGTERM ends it");
    let newer = signed(&wat::parse_str(include_str!("guests/counter.wat")).unwrap(), &claims().revision(1));
    directory.write(&format!("{STRANGE}/counter.wasm"), newer);
    host.send("-HUP");
    until(&mut host, "serves now");
    directory.write(&format!("{STRANGE}/policy.toml"), b"accounts = 1");
    host.send("-HUP");
    until(&mut host, "cannot be read");
    let (status, _) = host.end("-TERM");
    assert_eq!(status, Some(0));
    for what in [
        "the audit log",
        "SIGHUP reads",
        "holds now",
        "serves now",
        "cannot be read",
        "does not say that it is whole",
    ] {
        let line = told
            .lines()
            .find(|line| line.contains(what))
            .unwrap_or_else(|| panic!("{what} is not in {told}"));
        assert_harmless(line, SHOWN);
    }
}
