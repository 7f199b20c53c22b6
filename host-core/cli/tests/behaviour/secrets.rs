//! No seed is ever shown or logged, wherever it comes from, whatever is logged, and whether the command succeeds or not.
#![cfg(unix)]

use std::{io::Write, process::Stdio};

use crate::{
    running::Running,
    support::{ACCOUNT, ACCOUNT_SEED, Directory, EMPTY, MODULE, MODULE_SEED, OPERATOR_SEED, claims, signed},
};

const VARIABLE: &str = "WASCC_TEST_SEED";

/// The text has no part of a seed that is worth anything.
#[track_caller]
fn has_no_seed(text: &str) {
    for seed in [ACCOUNT_SEED, MODULE_SEED, OPERATOR_SEED] {
        // The first letters are those of the kind, and the same for many seeds.
        for start in 4..seed.len() - 8 {
            assert!(!text.contains(&seed[start..start + 8]), "{text}");
        }
    }
}

/// Runs with everything logged and the same seed in the variable and on standard input; tells whether it succeeded.
#[track_caller]
fn succeeds(directory: &Directory, arguments: &[&str], seed: &str) -> bool {
    let mut command = directory.command(arguments);
    command.env("RUST_LOG", "trace").env(VARIABLE, seed);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that does not read its input may have closed it.
    let _ = child.stdin.take().unwrap().write_all(seed.as_bytes());
    let output = child.wait_with_output().unwrap();
    for stream in [&output.stdout, &output.stderr] {
        has_no_seed(&String::from_utf8_lossy(stream));
    }
    output.status.success()
}

/// The three places that a seed can come from; the file has this one.
fn places(directory: &Directory, seed: &str) -> [String; 3] {
    directory.write_seed("seed.nk", seed);
    ["seed.nk".to_owned(), format!("env:{VARIABLE}"), "-".to_owned()]
}

fn directory() -> Directory {
    let directory = Directory::new();
    directory.write("in.wasm", EMPTY);
    directory
}

/// The same seed with one character mistyped.
fn mistyped(seed: &str) -> String {
    let mut seed = seed.to_owned();
    seed.replace_range(30..31, if &seed[30..31] == "A" { "B" } else { "A" });
    seed
}

#[test]
fn commands_that_use_a_seed_do_not_tell_it() {
    let directory = directory();
    for place in places(&directory, ACCOUNT_SEED) {
        for more in [&[][..], &["--json"]] {
            let sign =
                ["sign", "in.wasm", "out.wasm", "--issuer", &place, "--subject", MODULE, "--name", "counter"];
            assert!(succeeds(&directory, &[&sign[..], more].concat(), ACCOUNT_SEED));
            assert!(succeeds(&directory, &[&["keys", "show", &place], more].concat(), ACCOUNT_SEED));
        }
    }
    for place in places(&directory, OPERATOR_SEED) {
        assert!(succeeds(
            &directory,
            &["chain", "issue", "--issuer", &place, "--subject", ACCOUNT],
            OPERATOR_SEED
        ));
        assert!(succeeds(
            &directory,
            &["chain", "issue", "--issuer", &place, "--out", "o.jwt"],
            OPERATOR_SEED
        ));
    }
}

#[test]
fn commands_that_refuse_a_seed_do_not_tell_it() {
    let directory = directory();
    let wrong = [
        MODULE_SEED.to_owned(),
        mistyped(ACCOUNT_SEED),
        mistyped(OPERATOR_SEED),
        ACCOUNT_SEED[..57].to_owned(),
    ];
    for seed in wrong {
        for place in places(&directory, &seed) {
            for more in [&[][..], &["--json"]] {
                let sign =
                    ["sign", "in.wasm", "out.wasm", "--issuer", &place, "--subject", MODULE, "--name", "x"];
                assert!(!succeeds(&directory, &[&sign[..], more].concat(), &seed));
                let issue = ["chain", "issue", "--issuer", &place, "--subject", ACCOUNT];
                assert!(!succeeds(&directory, &[&issue[..], more].concat(), &seed));
            }
        }
    }
    places(&directory, ACCOUNT_SEED);
    directory.set_mode("seed.nk", 0o644);
    assert!(!succeeds(&directory, &["keys", "show", "seed.nk"], ACCOUNT_SEED));
    // In the place of other files.
    directory.set_mode("seed.nk", 0o600);
    for arguments in [
        &["run", "seed.nk"][..],
        &["inspect", "seed.nk"],
        &["verify", "seed.nk", "--trust", ACCOUNT],
        &["verify", "in.wasm", "--trust", ACCOUNT, "--account-token", "seed.nk"],
        &["chain", "show", "seed.nk"],
        &["chain", "embed", "in.wasm", "out.wasm", "seed.nk"],
        &["policy", "check", "seed.nk", "in.wasm"],
        &["audit", "verify", "seed.nk"],
        &["invoke", "seed.nk", "add"],
        &["call", "seed.nk", "op"],
        &["sign", "seed.nk", "out.wasm", "--issuer", "seed.nk", "--subject", MODULE, "--name", "x"],
    ] {
        assert!(!succeeds(&directory, arguments, ACCOUNT_SEED), "{arguments:?}");
    }
}

/// Wherever a seed may be typed by mistake: in the place of a file, a number, a name, a link, a key or a command.
#[test]
fn a_seed_that_is_typed_in_the_wrong_place_is_not_repeated() {
    let directory = directory();
    directory.write_seed("a.nk", ACCOUNT_SEED);
    let seed = MODULE_SEED;
    let path = format!("./{seed}/x");
    let option = format!("--{seed}");
    let sign = ["sign", "in.wasm", "out.wasm", "--issuer", "a.nk", "--subject", MODULE];
    let with = |more: &[&'static str], last: &[&str]| -> Vec<String> {
        more.iter().chain(last).map(|word| (*word).to_owned()).collect()
    };
    let mut lines = vec![
        with(&[], &[seed]),
        with(&["keys"], &[seed]),
        with(&["keys", "generate"], &[seed]),
        with(&["keys", "generate", "account", "--out"], &[seed]),
        with(&["keys", "generate", "account", "--out"], &[&path]),
        with(&["keys", "show"], &[&path]),
        with(&["invoke"], &[seed, "add"]),
        with(&["invoke", "in.wasm"], &[seed]),
        with(&["invoke", "in.wasm", "add"], &[seed]),
        with(&["invoke", "in.wasm", "add"], &[&option]),
        with(&["invoke", "in.wasm", "add", "--timeout"], &[seed]),
        with(&["invoke", "in.wasm", "add", "--memory-limit"], &[seed]),
        with(&["invoke", "in.wasm", "add", "--cache-dir"], &["/dev/null/x", seed]),
        with(&["call", "in.wasm"], &[seed]),
        with(&["call", "in.wasm", "op", "--hex"], &[seed]),
        with(&["call", "in.wasm", "op", "--file"], &[seed]),
        with(&["verify", "in.wasm", "--trust"], &[seed]),
        with(&["verify", "in.wasm", "--account-token"], &[seed, "--trust", ACCOUNT]),
        with(&["chain", "show", "in.wasm", "--policy"], &[seed]),
        with(&["chain", "show", "in.wasm", "--chain"], &[seed]),
        with(&["chain", "embed", "in.wasm", "out.wasm"], &[seed]),
        with(&["chain", "issue", "--issuer", "a.nk", "--name"], &[seed]),
        with(&["policy", "check"], &[seed, "in.wasm"]),
        with(&["audit", "verify"], &[seed]),
        with(&["audit", "verify", "in.wasm", "--head"], &[seed]),
        with(&["run"], &[seed]),
    ];
    for (option, value) in [
        ("--name", seed),
        ("--tag", seed),
        ("--ver", seed),
        ("--cap", seed),
        ("--rev", seed),
        ("--expires-in", seed),
    ] {
        let name = if option == "--name" { &[][..] } else { &["--name", "x"] };
        lines.push(sign.iter().chain(name).chain([&option, &value]).map(|word| (*word).to_owned()).collect());
    }
    lines.push(
        ["sign", "in.wasm", seed, "--issuer", "a.nk", "--subject", MODULE, "--name", "x"]
            .map(str::to_owned)
            .to_vec(),
    );
    for line in lines {
        for more in [&[][..], &["--json"]] {
            let line: Vec<&str> = line.iter().map(String::as_str).chain(more.iter().copied()).collect();
            assert!(!succeeds(&directory, &line, ACCOUNT_SEED), "{line:?}");
        }
    }
    assert_eq!(directory.names(), ["a.nk", "in.wasm"], "nor is a file called so");
}

const MANIFEST: &str = "[trust]\naccounts = [\"TRUSTED\"]\n[[actor]]\nfile = \"counter.wasm\"\n";

#[test]
fn a_host_does_not_tell_the_seeds_around_it() {
    let directory = directory();
    directory.write_seed("seed.nk", ACCOUNT_SEED);
    let guest = wat::parse_str(include_str!("guests/counter.wat")).unwrap();
    directory.write("counter.wasm", signed(&guest, &claims()));
    directory.write("host.toml", MANIFEST.replace("TRUSTED", ACCOUNT));
    // The log goes to a file, for it is longer than what a pipe holds that nobody reads yet.
    let mut command = std::process::Command::new("sh");
    let host = format!("RUST_LOG=trace {VARIABLE}={ACCOUNT_SEED} exec \"$0\" run host.toml 2>log");
    command.args(["-c", &host, env!("CARGO_BIN_EXE_wascc")]).current_dir(directory.path(""));
    let mut host = Running::of(command);
    let mut printed = String::new();
    while !printed.contains("ends it") {
        printed.push_str(&host.line());
    }
    assert_eq!(host.end("-TERM").0, Some(0));
    let log = String::from_utf8(directory.read("log")).unwrap();
    assert!(log.contains("DEBUG") || log.contains("TRACE"), "everything is logged: {log}");
    has_no_seed(&printed);
    has_no_seed(&log);

    // A secret where a key belongs is refused, and not repeated.
    directory.write("host.toml", MANIFEST.replace("TRUSTED", ACCOUNT_SEED));
    for arguments in
        [&["run", "host.toml"][..], &["run", "host.toml", "--json"], &["run", "host.toml", "--check"]]
    {
        assert!(!succeeds(&directory, arguments, ACCOUNT_SEED));
    }
}
