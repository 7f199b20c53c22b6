//! An operator's own token that a policy asks for binds every chain, wherever a policy can be given; where none can, it cannot be given either.
#![cfg(unix)]

use capability_claims::{AccountBuilder, Chain, KeyPair, OperatorBuilder};

use serde_json::Value;

use crate::{
    running::Running,
    support::{ACCOUNT, Directory, EMPTY, MODULE, OPERATOR, OPERATOR_SEED, claims, signed},
};

const PAST: u64 = 1_600_000_001;

fn operator() -> KeyPair {
    KeyPair::from_seed(OPERATOR_SEED).unwrap()
}

fn own(id: &str) -> OperatorBuilder {
    OperatorBuilder::new().issued_at(1_600_000_000).id(id)
}

/// A module that carries an account's token alone: whoever made it left the operator's own token out.
fn leaving_it_out(wasm: &[u8]) -> Vec<u8> {
    let team =
        AccountBuilder::new(ACCOUNT.parse().unwrap()).issued_at(1_600_000_000).issue(&operator()).unwrap();
    let chain = Chain::new([team.as_str()]).unwrap();
    signed(&chain.embed(wasm).unwrap(), &claims())
}

/// A policy that trusts the operator and asks for its own token.
fn asking(token: &OperatorBuilder, more: &str) -> String {
    let token = token.issue(&operator()).unwrap();
    let entries = if more.is_empty() { 2 } else { 3 };
    format!(
        "operators = [\"{OPERATOR}\"]\noperator_tokens = [\"{token}\"]\n{more}[end]\nentries = {entries}\n"
    )
}

/// Policies, each with the word for why it lets nothing of the operator in, if it does not.
fn policies() -> [(String, Option<&'static str>); 4] {
    let ended = own("root").expires_at(PAST);
    [
        (asking(&own("root"), ""), None),
        (asking(&ended, ""), Some("operator_expired")),
        (asking(&own("root"), "[revoked]\ntokens = [\"root\"]\n"), Some("token_revoked")),
        (asking(&own("root").not_before(4_000_000_000), ""), Some("operator_not_yet_valid")),
    ]
}

#[test]
fn it_binds_where_a_policy_is_asked_about_a_module() {
    let directory = Directory::new();
    directory.write("counter.wasm", leaving_it_out(EMPTY));
    directory.write("fresh.jwt", own("another").issue(&operator()).unwrap());
    let team = AccountBuilder::new(ACCOUNT.parse().unwrap()).issue(&operator()).unwrap();
    directory.write("team.jwt", team);
    // Neither does a token that nobody asked for help, which the one who made the module can bring along.
    let chains = [&[][..], &["--chain", "fresh.jwt", "team.jwt"]];
    for (policy, code) in policies() {
        directory.write("policy.toml", &policy);
        for chain in chains {
            for command in [
                &["policy", "check", "policy.toml", "counter.wasm", "--json"][..],
                &["chain", "show", "counter.wasm", "--policy", "policy.toml", "--json"],
            ] {
                let ran = directory.run(&[command, chain].concat());
                match code {
                    None => drop(ran.succeeded()),
                    Some(code) => {
                        assert_eq!(ran.status, Some(1), "{policy}: {ran:?}");
                        assert_eq!(ran.error()["code"], code, "{policy}: {ran:?}");
                    }
                }
            }
        }
    }
}

/// With a manifest that names a policy, and an actor of that module.
fn host() -> Directory {
    let directory = Directory::new();
    let guest = r#"(module (memory (export "memory") 1)
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    directory.write("counter.wasm", leaving_it_out(&wat::parse_str(guest).unwrap()));
    directory.write("host.toml", "[trust]\npolicy = \"policy.toml\"\n[[actor]]\nfile = \"counter.wasm\"\n");
    directory
}

#[test]
fn it_binds_where_a_manifest_names_the_policy() {
    let directory = host();
    for (policy, code) in policies() {
        directory.write("policy.toml", &policy);
        let ran = directory.run(&["run", "host.toml", "--check", "--json"]);
        match code {
            None => drop(ran.succeeded()),
            Some(code) => assert_eq!(ran.error()["code"], code, "{policy}: {ran:?}"),
        }
    }
}

#[test]
fn it_binds_an_actor_that_runs_when_the_policy_is_read_again() {
    let directory = host();
    let [(good, _), others @ ..] = policies();
    directory.write("policy.toml", &good);
    let mut running = Running::start(&directory, &["--json"]);
    let _ready = running.line();
    let mut told = |policy: &str| {
        directory.write("policy.toml", policy);
        running.send("-HUP");
        serde_json::from_str::<Value>(&running.line()).unwrap()
    };
    for (policy, code) in others {
        assert_eq!(told(&policy)["barred"][0]["id"], MODULE, "{code:?}");
        assert_eq!(told(&good)["restored"][0], MODULE, "{code:?}");
    }
    assert_eq!(running.end("-TERM").0, Some(0));
}

/// In a list of keys there is no place for it, so that nobody believes to have asked for it.
#[test]
fn it_is_not_offered_where_it_could_not_bind() {
    let directory = Directory::new();
    let token = own("root").expires_at(PAST).issue(&operator()).unwrap();
    directory.write("counter.wasm", leaving_it_out(EMPTY));
    for field in [format!("operator_tokens = [\"{token}\"]"), "revoked = { tokens = [\"root\"] }".to_owned()]
    {
        directory.write("host.toml", format!("[trust]\noperators = [\"{OPERATOR}\"]\n{field}\n"));
        let ran = directory.run(&["run", "host.toml", "--check", "--json"]);
        let error = ran.error();
        let message = error["message"].as_str().unwrap();
        let name = field.split(' ').next().unwrap();
        assert!(message.contains(&format!("host.toml:3:1: trust.{name}")), "{message}");
        assert!(message.contains("unknown field"), "{message}");
    }
    for option in ["--operator-token", "--revoked-token", "--revoke"] {
        for command in [
            &["verify", "counter.wasm", "--trust", OPERATOR][..],
            &["call", "counter.wasm", "op", "--trust", OPERATOR],
        ] {
            let ran = directory.run(&[command, &[option, "root"]].concat());
            assert_eq!((ran.status, ran.stdout.len()), (Some(2), 0), "{ran:?}");
            assert!(ran.stderr.contains("unexpected argument"), "{}", ran.stderr);
        }
    }
    // Whoever issues one is told where its time counts.
    let help = directory.run(&["chain", "issue", "--help"]);
    let told = help.succeeded().text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("binds every chain where a policy asks for the token (`operator_tokens`)"),
        "{told}"
    );
}
