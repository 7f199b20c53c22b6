//! Times of any length: the longest that can be typed are as good as for ever, and what is longer is refused.

use crate::{
    running::Running,
    support::{
        ACCOUNT, ACCOUNT_SEED, Directory, EMPTY, MODULE, OPERATOR_SEED, STRANGER_SEED, claims, signed,
    },
};

/// All that 64 bits hold; the last second that the system's clock could count up to, with what has passed of it and without; and the last
/// one that a date of four digits reaches.
const LONG: [&str; 5] = [
    "18446744073709551615s 999999999ns",
    "9223372036854775807s",
    "9223372036854000000s",
    "292277024626years",
    "7000years",
];

/// More than 64 bits hold.
const TOO_LONG: [&str; 3] = ["18446744073709551616s", "584942417356years", "18446744073709551615s 1s"];

const ADD: &str =
    r#"(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#;

fn directory() -> Directory {
    let directory = Directory::new();
    directory.write("add.wat", ADD);
    directory.write("echo.wat", include_str!("guests/echo.wat"));
    directory.write("in.wasm", EMPTY);
    for (name, seed) in [("a.nk", ACCOUNT_SEED), ("b.nk", STRANGER_SEED), ("o.nk", OPERATOR_SEED)] {
        directory.write_seed(name, seed);
    }
    let guest = wat::parse_str(include_str!("guests/counter.wat")).unwrap();
    directory.write("counter.wasm", signed(&guest, &claims().capability("wascc:http_server")));
    directory
}

/// Every command with a time, which stands at the end.
const COMMANDS: [&[&str]; 8] = [
    &["invoke", "add.wat", "add", "2", "2", "--timeout"],
    &["call", "echo.wat", "echo", "--timeout"],
    &["sign", "in.wasm", "out.wasm", "--issuer", "a.nk", "--subject", MODULE, "--name", "x", "--expires-in"],
    &["chain", "issue", "--issuer", "o.nk", "--expires-in"],
    &["chain", "issue", "--issuer", "o.nk", "--subject", ACCOUNT, "--not-before-in"],
    &["keys", "rotate", "a.nk", "b.nk", "--overlap"],
    &["keys", "rotate", "a.nk", "b.nk", "--overlap", "1d", "--handover-in"],
    &["audit", "show", "audit.log", "--since"],
];

#[test]
fn a_command_may_be_given_any_time() {
    let directory = directory();
    directory.write("audit.log", "");
    for command in COMMANDS {
        for time in LONG {
            let ran = directory.run(&[command, &[time]].concat());
            // A key cannot hand over when time is over already.
            let never = command.contains(&"--handover-in") && ran.status == Some(1);
            assert!(
                (ran.status == Some(0) || never) && !ran.stderr.contains("panicked"),
                "{command:?} {time}: {ran:?}"
            );
        }
        for time in TOO_LONG {
            let ran = directory.run(&[command, &[time]].concat());
            assert!(
                ran.status == Some(2) && ran.stderr.starts_with("error: "),
                "{command:?} {time}: {ran:?}"
            );
        }
    }
}

fn manifest(field: &str, time: &str) -> String {
    format!(
        "[host]\n{field} = \"{time}\"\n[trust]\naccounts = [\"{ACCOUNT}\"]\n[[actor]]\nfile = \"counter.wasm\"\nname = \"counter\"\n\
         [[provider]]\nkind = \"http-server\"\n[[link]]\nactor = \"counter\"\ncapability = \"wascc:http_server\"\nconfig = {{ port = 0 }}\n"
    )
}

#[cfg(unix)]
#[test]
fn a_host_may_be_given_any_time_and_ends_when_it_is_told_to() {
    let directory = directory();
    for field in ["call_deadline", "drain_deadline", "provider_deadline", "max_wait"] {
        for time in LONG {
            directory.write("host.toml", manifest(field, time));
            let mut host = Running::start(&directory, &[]);
            while !host.line().contains("SIGTERM") {}
            let (status, log) = host.end("-TERM");
            assert_eq!(status, Some(0), "{field} = {time}: {log}");
            assert!(!log.contains("panicked"), "{field} = {time}: {log}");
        }
        for time in TOO_LONG {
            directory.write("host.toml", manifest(field, time));
            let ran = directory.run(&["run", "host.toml", "--check"]);
            let start = format!("error: host.toml:2:{}: host.{field}: ", field.len() + 4);
            assert!(ran.status == Some(1) && ran.stderr.starts_with(&start), "{field} = {time}: {ran:?}");
        }
    }
}
