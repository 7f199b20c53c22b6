//! Where seeds come from, and that they go nowhere.

use std::process::Stdio;

use crate::support::{
    ACCOUNT, ACCOUNT_SEED, Directory, EMPTY, MODULE, MODULE_SEED, OPERATOR_SEED, Ran, STRANGER_SEED,
};

const VARIABLE: &str = "WASCC_TEST_SEED";

/// What the program does with a seed in the variable.
fn run_with_variable(directory: &Directory, arguments: &[&str], seed: &str) -> Ran {
    let output = directory.command(arguments).env(VARIABLE, seed).stdin(Stdio::null()).output().unwrap();
    Ran {
        status: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn sign<'a>(issuer: &'a str, subject: &'a str) -> [&'a str; 9] {
    ["sign", "in.wasm", "out.wasm", "--issuer", issuer, "--subject", subject, "--name", "counter"]
}

/// A directory with a module and the seeds of an account and of a module.
fn directory() -> Directory {
    let directory = Directory::new();
    directory.write("in.wasm", EMPTY);
    directory.write_seed("a.nk", ACCOUNT_SEED);
    directory.write_seed("m.nk", MODULE_SEED);
    directory
}

#[test]
fn a_seed_comes_from_a_file_a_variable_or_standard_input() {
    let directory = directory();
    let told = format!("out.wasm: \"counter\" ({MODULE}), signed by {ACCOUNT}, may use nothing\n");
    directory.run(&sign("a.nk", "m.nk")).succeeded().printed(&told);
    let variable = format!("env:{VARIABLE}");
    run_with_variable(&directory, &sign(&variable, "m.nk"), ACCOUNT_SEED).succeeded().printed(&told);
    run_with_variable(&directory, &sign("a.nk", &variable), MODULE_SEED).succeeded().printed(&told);
    let piped = format!("{ACCOUNT_SEED}\n");
    directory.run_with_input(&sign("-", "m.nk"), piped.as_bytes()).succeeded().printed(&told);

    let shown = run_with_variable(&directory, &["keys", "show", &variable], ACCOUNT_SEED);
    shown.succeeded().printed(&format!("Kind:       account\nPublic key: {ACCOUNT}\n"));
}

#[test]
fn standard_input_gives_one_thing() {
    directory().run_with_input(&sign("-", "-"), ACCOUNT_SEED.as_bytes()).failed(
        1,
        "error: standard input (-) was given for several things; give a file or env:NAME for all but one\n",
    );
}

#[test]
fn a_variable_that_is_no_seed_is_told() {
    let directory = directory();
    directory.run(&sign("env:WASCC_TEST_UNSET", "m.nk")).failed(
        1,
        "error: cannot read a seed from the environment variable WASCC_TEST_UNSET: it is not set; set it to the seed's text\n",
    );
    run_with_variable(&directory, &sign(&format!("env:{VARIABLE}"), "m.nk"), "hunter2")
        .failed(1, "error: env:WASCC_TEST_SEED: this is not a key: a seed has 58 characters; copy all of it and nothing else\n");
}

#[cfg(unix)]
#[test]
fn a_seed_file_that_others_can_read_is_refused() {
    let directory = directory();
    for mode in [0o644, 0o640, 0o604, 0o660] {
        directory.set_mode("a.nk", mode);
        for arguments in [&["keys", "show", "a.nk"][..], &sign("a.nk", "m.nk")] {
            directory.run(arguments).failed(
                1,
                &format!(
                    "error: others can read the seed in a.nk (mode {mode:04o}), so it is not used: chmod 600 it, or better \
                     make a new key\n"
                ),
            );
        }
    }
    directory.set_mode("a.nk", 0o400);
    directory.run(&sign("a.nk", "m.nk")).succeeded();
    directory.set_mode("a.nk", 0o644);
    assert_eq!(directory.run(&["keys", "show", "a.nk", "--json"]).error_code(), "seed_exposed");
}

#[test]
fn a_seed_of_another_kind_is_refused() {
    let directory = directory();
    directory.write_seed("o.nk", OPERATOR_SEED);
    directory.run(&sign("a.nk", "a.nk")).failed(
        1,
        &format!(
            "error: a.nk: the key of a module that is to be signed must be of the kind module (M...), and {ACCOUNT} is of the \
             kind account; give a key of the right kind\n"
        ),
    );
    directory.run(&sign("m.nk", "m.nk")).failed(
        1,
        &format!(
            "error: m.nk: the key that signs a module must be of the kind account (A...), and {MODULE} is of the kind module; \
             give a key of the right kind\n"
        ),
    );
    for (issuer, subject) in [("a.nk", "a.nk"), ("o.nk", "m.nk")] {
        let ran = directory.run(&["chain", "issue", "--issuer", issuer, "--subject", subject, "--json"]);
        assert_eq!(ran.error_code(), "wrong_key_kind");
    }
    assert!(!directory.names().contains(&"out.wasm".to_owned()));
}

#[test]
fn a_seed_that_is_typed_is_never_repeated() {
    let directory = directory();
    // One that is right, and one with a character lost.
    for typed in [STRANGER_SEED, &STRANGER_SEED[..57]] {
        let variable = format!("env:{typed}");
        for arguments in [
            &["keys", "show", typed][..],
            &["keys", "show", &variable],
            &sign(typed, "m.nk"),
            &sign("a.nk", typed),
            &["verify", "in.wasm", "--trust", typed],
            &["verify", "in.wasm", "--trust", ACCOUNT, "--account-token", typed],
            &["chain", "issue", "--issuer", typed],
            &["chain", "embed", "in.wasm", "out.wasm", typed],
            &["chain", "show", "in.wasm", "--chain", typed],
            &["policy", "check", typed, "in.wasm"],
            &["inspect", typed],
        ] {
            let ran = directory.run(arguments);
            assert_eq!((ran.status, ran.stdout.len()), (Some(1), 0), "{arguments:?}");
            assert!(!ran.stderr.contains(&typed[5..20]), "{arguments:?}: {}", ran.stderr);
        }
    }
}
