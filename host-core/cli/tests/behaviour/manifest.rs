//! Manifests that `wascc run` refuses: each message names the file, the line and the field.

use crate::support::{ACCOUNT, ACCOUNT_SEED, Directory, EMPTY, MODULE, claims, signed};

/// A good manifest; its lines are counted in the tests.
fn manifest() -> String {
    format!(
        r#"[host]
call_deadline = "5s"
memory_limit = "16MiB"

[trust]
accounts = ["{ACCOUNT}"]

[[actor]]
file = "modules/counter.wasm"
name = "counter"

[[provider]]
kind = "http-server"

[[provider]]
kind = "keyvalue-memory"
link = "cache"

[[link]]
actor = "counter"
capability = "wascc:http_server"
config = {{ port = 0, health_path = "" }}

[[link]]
actor = "{MODULE}"
capability = "wascc:keyvalue"
name = "cache"
"#
    )
}

fn directory(manifest: &str) -> Directory {
    let directory = Directory::new();
    std::fs::create_dir_all(directory.path("etc/modules")).unwrap();
    let guest = wat::parse_str(include_str!("guests/counter.wat")).unwrap();
    let claims = claims().capability("wascc:keyvalue").version("1.0.0").revision(1);
    directory.write("etc/modules/counter.wasm", signed(&guest, &claims));
    directory.write("etc/modules/unsigned.wasm", EMPTY);
    directory.write("etc/host.toml", manifest);
    directory
}

/// The manifest with `from` replaced is refused with this.
#[track_caller]
fn refused(from: &str, to: &str, told: &str) {
    let changed = manifest().replacen(from, to, 1);
    assert_ne!(changed, manifest(), "`{from}` is not in the manifest");
    let told = format!("error: etc/host.toml:{told}\n");
    directory(&changed).run(&["run", "etc/host.toml", "--check"]).failed(1, &told);
}

#[test]
fn a_good_one_is_told_to_be_good() {
    let directory = directory(&manifest());
    directory.run(&["run", "etc/host.toml", "--check"]).succeeded().printed(&format!(
        "actor \"counter\" 1.0.0 (revision 1): {MODULE}, signed by {ACCOUNT}\n\
         etc/host.toml is good; actors: 1, providers: 2, links: 2\n"
    ));
    directory.run(&["run", "etc/host.toml", "--check", "--json"]).succeeded().printed(&format!(
        "{{\"checked\":\"etc/host.toml\",\"actors\":[{{\"id\":\"{MODULE}\",\"name\":\"counter\",\"version\":\"1.0.0\",\
         \"revision\":1,\"issuer\":\"{ACCOUNT}\",\"capabilities\":[\"wascc:keyvalue\"]}}],\"providers\":2,\"links\":2}}\n"
    ));
}

#[test]
fn an_unknown_field_is_named() {
    refused(
        "file =",
        "flie =",
        "9:1: actor[0].flie: unknown field `flie`, expected one of `file`, `name`, `chain`, `lower_revision`, `hand_over_to`, `guest_clock`, `guest_random`, `isolation`, `frozen_start`",
    );
    refused(
        "[host]",
        "[hots]",
        "1:2: hots: unknown field `hots`, expected one of `host`, `trust`, `audit`, `actor`, `provider`, `link`",
    );
    refused(
        "link = \"cache\"",
        "lnik = \"cache\"",
        "17:1: provider[1].lnik: unknown field `lnik`, expected one of `kind`, `link`, `url`",
    );
}

#[test]
fn a_missing_field_is_named() {
    refused("file = \"modules/counter.wasm\"\n", "", "8:1: actor[0]: missing field `file`");
    refused("kind = \"http-server\"\n", "", "12:1: provider[0]: missing field `kind`");
    refused(
        "kind = \"keyvalue-memory\"",
        "kind = \"keyvalue-redis\"",
        "15:1: provider[1]: missing field `url`, such as redis://127.0.0.1:6379",
    );
}

#[test]
fn a_wrong_type_is_told() {
    refused("\"5s\"", "5", "2:17: host.call_deadline: invalid type: integer `5`, expected a text");
    refused(
        "port = 0",
        "port = [0]",
        "22:19: link[0].config.port: invalid type: sequence, expected a text, a number or a boolean",
    );
    refused(
        "\"counter\"\ncap",
        "7\ncap",
        "20:9: link[0].actor: invalid type: integer `7`, expected a string",
    );
}

#[test]
fn a_wrong_value_is_told() {
    refused(
        "\"16MiB\"",
        "\"16 M\"",
        "3:16: host.memory_limit: `16 M` is not a size: give bytes, or a number with KiB, MiB or GiB",
    );
    refused(
        "\"5s\"",
        "\"0s\"",
        "2:17: host.call_deadline: no time at all is not enough; give one such as 500ms or 2m",
    );
    refused(
        "\"http-server\"",
        "\"htpp\"",
        "13:8: provider[0].kind: unknown variant `htpp`, expected one of `http-server`, `keyvalue-memory`, `keyvalue-redis`, `logging`",
    );
    refused(
        "kind = \"http-server\"",
        "kind = \"http-server\"\nurl = \"redis://h\"",
        "14:7: provider[0].url: only a provider of the kind `keyvalue-redis` has a `url`",
    );
    refused(
        "link = \"cache\"",
        "link = \"the cache\"",
        "17:8: provider[1].link: `the cache` (9 bytes) is not a link name: give 1 to 128 bytes without white space or control characters",
    );
    refused(
        "call_deadline = \"5s\"",
        "max_instances = 0",
        "2:17: host.max_instances: invalid value: integer `0`, expected a nonzero usize",
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    refused("[trust]", "[trust", "5:7: unclosed table, expected `]`");
    refused("[trust]", "call_deadline = \"1s\"\n[trust]", "5:1: duplicate key: `call_deadline`");
}

#[test]
fn a_byte_order_mark_moves_no_place() {
    let marked = |text: &str| directory(&format!("\u{feff}{text}"));
    marked(&manifest()).run(&["run", "etc/host.toml", "--check"]).succeeded();
    for (from, to, told) in [
        ("[host]\n", "[hots]\n", "1:2: hots: unknown field `hots`"),
        ("[host]\n", "[host\n", "1:6: "),
        ("[host]\n", "ä = 1\n[host]\n", "1:1: "),
        ("call_deadline = ", "call_deadlien = ", "2:1: host.call_deadlien: unknown field `call_deadlien`"),
        ("kind = \"http-server\"", "kind = \"http\"", "13:8: provider[0].kind: unknown variant `http`"),
        ("port = 0", "port = = 0", "22:19: "),
    ] {
        let changed = manifest().replacen(from, to, 1);
        assert_ne!(changed, manifest(), "`{from}` is not in the manifest");
        let plain = directory(&changed).run(&["run", "etc/host.toml", "--check"]);
        let start = format!("error: etc/host.toml:{told}");
        assert!(plain.status == Some(1) && plain.stderr.starts_with(&start), "{start}: {}", plain.stderr);
        // With the mark, the same to the letter.
        marked(&changed).run(&["run", "etc/host.toml", "--check"]).failed(1, &plain.stderr);
    }
}

#[test]
fn trust_must_be_said_and_make_sense() {
    refused(
        &format!("accounts = [\"{ACCOUNT}\"]\n"),
        "",
        "5:1: trust: nobody is trusted, so no actor can run; name accounts or operators whose modules may, or a policy",
    );
    refused(
        &format!("[trust]\naccounts = [\"{ACCOUNT}\"]\n"),
        "",
        "1:1: trust: missing table; it names the accounts or operators whose modules may run",
    );
    refused(
        &format!("\"{ACCOUNT}\""),
        "\"AAA\"",
        "6:13: trust.accounts[0]: this is not a key: a public key has 56 characters; copy all of it and nothing else",
    );
    refused(
        ACCOUNT,
        MODULE,
        &format!(
            "6:13: trust.accounts[0]: a trusted account must be of the kind account (A...), and {MODULE} is of the kind \
             module; give a key of the right kind"
        ),
    );
}

#[test]
fn a_seed_in_it_is_told_with_its_line() {
    let changed = manifest().replacen(ACCOUNT, ACCOUNT_SEED, 1);
    directory(&changed).run(&["run", "etc/host.toml", "--check"]).failed(
        1,
        "error: etc/host.toml has a seed in line 6, where none belongs; keep it to yourself, and name the right file, or write its public key \
         there\n",
    );
}

#[test]
fn a_policy_says_all_or_nothing_about_trust() {
    let both = format!("policy = \"policy.toml\"\naccounts = [\"{ACCOUNT}\"]\n");
    let listed = format!("accounts = [\"{ACCOUNT}\"]\n");
    refused(
        &listed,
        &both,
        "6:10: trust.policy: a `policy` says all about trust; move the other fields of this table into its file",
    );
    refused(
        &listed,
        "policy = \"none.toml\"\n",
        "6:10: trust.policy: cannot read etc/none.toml: No such file or directory (os error 2)",
    );
    let directory = directory(&manifest().replacen(&listed, "policy = \"policy.toml\"\n", 1));
    directory.write("etc/policy.toml", "[revoked]\nkey = []\n");
    directory.run(&["run", "etc/host.toml", "--check"]).failed(
        1,
        "error: etc/host.toml:6:10: trust.policy: etc/policy.toml: the policy cannot be read, line 2, \"key\": unknown field \
         `key`, expected one of `keys`, `tokens`, `since`; correct it there\n",
    );
}

#[test]
fn an_audit_log_says_what_to_do_on_failure() {
    refused(
        "[[provider]]",
        "[audit]\nfile = \"audit.log\"\non_failure = \"ignore\"\n\n[[provider]]",
        "14:14: audit.on_failure: unknown variant `ignore`, expected `refuse` or `continue`",
    );
    refused("[[provider]]", "[audit]\n\n[[provider]]", "12:1: audit: missing field `file`");
}

#[test]
fn names_must_lead_somewhere() {
    refused(
        "actor = \"counter\"",
        "actor = \"cuonter\"",
        "20:9: link[0].actor: no actor has the name `cuonter`; give an [[actor]] this `name`, or use its key",
    );
    let other = format!("M{}", "A".repeat(55));
    refused(
        &format!("actor = \"{MODULE}\""),
        &format!("actor = \"{other}\""),
        &format!("25:9: link[1].actor: no [[actor]] has the key {other}"),
    );
    refused(
        "name = \"cache\"",
        "name = \"store\"",
        "26:14: link[1].capability: no [[provider]] serves `wascc:keyvalue` under the link name `store`",
    );
}

#[test]
fn nothing_may_be_there_twice() {
    refused(
        "[[provider]]\nkind = \"http",
        "[[provider]]\nkind = \"http-server\"\n[[provider]]\nkind = \"http",
        "14:1: provider[1]: another provider serves `wascc:http_server` under the link name `default` already; give this one \
         another `link`",
    );
    let second =
        format!("actor = \"{MODULE}\"\ncapability = \"wascc:http_server\"\n\n[[link]]\nactor = \"{MODULE}\"");
    refused(
        &format!("actor = \"{MODULE}\""),
        &second,
        &format!("25:9: link[1].actor: there is a link `default` of {MODULE} to wascc:http_server already"),
    );
    refused(
        "[[provider]]",
        "[[actor]]\nfile = \"x\"\nname = \"counter\"\n\n[[provider]]",
        "14:8: actor[1].name: another actor has the name `counter` already",
    );
    refused(
        "[[provider]]",
        "[[actor]]\nfile = \"modules/counter.wasm\"\n\n[[provider]]",
        &format!(
            "13:8: actor[1].file: {MODULE} is here already: use replace_actor to put another version in its place"
        ),
    );
}

#[test]
fn modules_are_judged() {
    refused(
        "counter.wasm",
        "none.wasm",
        "9:8: actor[0].file: cannot read etc/modules/none.wasm: No such file or directory (os error 2)",
    );
    refused(
        "counter.wasm",
        "unsigned.wasm",
        "9:8: actor[0].file: etc/modules/unsigned.wasm: the module is not signed: it carries no token; sign it with an \
         account key before it is loaded",
    );
    let directory = directory(&manifest().replacen("counter.wasm", "unsigned.wasm", 1));
    assert_eq!(directory.run(&["run", "etc/host.toml", "--json"]).error_code(), "not_signed");
}

#[test]
fn a_file_that_is_no_manifest_is_told() {
    let directory = directory("");
    directory.write("binary", [0xff, 0xfe]);
    directory
        .run(&["run", "none.toml"])
        .failed(1, "error: cannot read none.toml: No such file or directory (os error 2)\n");
    assert_eq!(directory.run(&["run", "binary", "--json"]).error_code(), "manifest");
}
