//! `wascc policy`.

use capability_claims::{AccountBuilder, ClaimsBuilder, KeyPair};

use crate::support::{
    ACCOUNT, Directory, EMPTY, MODULE, OPERATOR, OPERATOR_SEED, Ran, STRANGER, claims, signed,
};

/// Claims with four grants: of capabilities, and of calls to an actor.
fn granted() -> ClaimsBuilder {
    ["wascc:keyvalue", "wascc:logging", "wascc:blobstore", MODULE]
        .into_iter()
        .fold(claims(), ClaimsBuilder::capability)
}

fn limited() -> String {
    format!(
        r#"
accounts = ["{ACCOUNT}"]

[[issuers."{ACCOUNT}".grants]]
capability = "wascc:keyvalue"
operations = ["Range", "Get"]

[[issuers."{ACCOUNT}".grants]]
capability = "wascc:keyvalue"
links = ["cache"]

[[issuers."{ACCOUNT}".grants]]
capability = "wascc:logging"

[[issuers."{ACCOUNT}".grants]]
capability = "{MODULE}"
operations = ["Add"]
"#
    )
}

fn check(policy: &str, module: &[u8], more: &[&str]) -> Ran {
    let directory = Directory::new();
    directory.write("policy.toml", policy);
    directory.write("counter.wasm", module);
    directory.run(&[&["policy", "check", "policy.toml", "counter.wasm"], more].concat())
}

#[test]
fn every_grant_has_its_row() {
    let may_not = format!("\"counter\" ({MODULE}) may not use");
    let because = format!("the policy does not let {ACCOUNT} grant it");
    let wide = |grant: &str| format!("{grant:<56}");
    check(&limited(), &signed(EMPTY, &granted()), &[]).succeeded().printed(&format!(
        "\
counter.wasm may run: \"counter\" ({MODULE}), signed by {ACCOUNT}
{}  HERE     WHAT OF IT
{}  limited  every operation over cache; Get, Range over every other link
{}           not more: {may_not} any other operation of wascc:keyvalue: {because}; if it should, add the operation to the limit of this issuer
{}  allowed  every operation
{}  refused  {may_not} wascc:blobstore: {because}; if it should, add the capability to the limit of this issuer
{MODULE}  limited  Add
{}           not more: {may_not} any other operation of {MODULE}: {because}; if it should, add the operation to the limit of this issuer
",
        wide("GRANT"),
        wide("wascc:keyvalue"),
        wide(""),
        wide("wascc:logging"),
        wide("wascc:blobstore"),
        wide(""),
    ));
}

#[test]
fn json_tells_the_same() {
    let because = format!("the policy does not let {ACCOUNT} grant it; if it should, add the");
    let may_not = format!("\\\"counter\\\" ({MODULE}) may not use");
    check(&limited(), &signed(EMPTY, &granted()), &["--json"]).succeeded().printed(&format!(
        "{{\"file\":\"counter.wasm\",\"may_run\":true,\"name\":\"counter\",\"module\":\"{MODULE}\",\"issuer\":\"{ACCOUNT}\",\
         \"trusted\":\"{ACCOUNT}\",\"grants\":[\
         {{\"grant\":\"wascc:keyvalue\",\"here\":\"limited\",\"uses\":[{{\"link\":\"cache\",\"operations\":null}},\
         {{\"link\":null,\"operations\":[\"Get\",\"Range\"]}}],\"refusal\":{{\"code\":\"operation_beyond_limit\",\
         \"message\":\"{may_not} any other operation of wascc:keyvalue: {because} operation to the limit of this issuer\"}}}},\
         {{\"grant\":\"wascc:logging\",\"here\":\"allowed\",\"uses\":[{{\"link\":null,\"operations\":null}}],\"refusal\":null}},\
         {{\"grant\":\"wascc:blobstore\",\"here\":\"refused\",\"uses\":[],\"refusal\":{{\"code\":\"capability_beyond_limit\",\
         \"message\":\"{may_not} wascc:blobstore: {because} capability to the limit of this issuer\"}}}},\
         {{\"grant\":\"{MODULE}\",\"here\":\"limited\",\"uses\":[{{\"link\":null,\"operations\":[\"Add\"]}}],\
         \"refusal\":{{\"code\":\"operation_beyond_limit\",\"message\":\"{may_not} any other operation of {MODULE}: {because} \
         operation to the limit of this issuer\"}}}}]}}\n"
    ));
}

#[test]
fn without_limits_all_is_allowed() {
    let policy = format!("accounts = [\"{ACCOUNT}\"]");
    let ran = check(&policy, &signed(EMPTY, &granted()), &["--json"]);
    let shown = ran.succeeded().json();
    let here: Vec<_> = shown["grants"].as_array().unwrap().iter().map(|grant| &grant["here"]).collect();
    assert_eq!(here, ["allowed"; 4]);
    check(&policy, &signed(EMPTY, &claims()), &[]).succeeded().printed(&format!(
        "counter.wasm may run: \"counter\" ({MODULE}), signed by {ACCOUNT}\nIts token grants nothing.\n"
    ));
}

#[test]
fn the_limits_of_an_operator_and_of_an_account_both_count() {
    let operator = KeyPair::from_seed(OPERATOR_SEED).unwrap();
    let token = AccountBuilder::new(ACCOUNT.parse().unwrap()).issue(&operator).unwrap();
    let policy = format!(
        r#"
operators = ["{OPERATOR}"]
issuers."{ACCOUNT}".grants = [{{ capability = "wascc:keyvalue", operations = ["Get", "Set"] }}]
issuers."{OPERATOR}".grants = [{{ capability = "wascc:keyvalue", links = ["default"], operations = ["Set", "Del"] }}]
"#
    );
    let module = signed(EMPTY, &claims().capability("wascc:keyvalue"));
    let ran = check(&policy, &module, &["--chain", &token]);
    let told = ran.succeeded().text();
    assert!(told.contains(&format!("signed by {ACCOUNT}, trusted through {OPERATOR}\n")), "{told}");
    assert!(told.contains("\nwascc:keyvalue  limited  Set over default\n"), "{told}");
}

#[test]
fn a_module_that_may_not_run_is_refused_with_the_reason() {
    let module = signed(EMPTY, &granted());
    let counter = format!("\"counter\" ({MODULE})");
    let refused = |policy: String, code: &str, words: &str| {
        check(&policy, &module, &[]).failed(1, &format!("error: counter.wasm: {words}\n"));
        assert_eq!(check(&policy, &module, &["--json"]).error_code(), code);
    };
    refused(
        format!("accounts = [\"{STRANGER}\"]"),
        "not_trusted",
        &format!(
            "nobody here trusts {ACCOUNT}, who signed {counter}; if you do, add this account or its operator to the trust policy"
        ),
    );
    refused(
        format!("accounts = [\"{ACCOUNT}\"]\n[actors]\ndenied = [\"{MODULE}\"]"),
        "actor_denied",
        &format!("the policy denies {counter}; if it should run here, take its key from the denied actors"),
    );
    refused(
        format!("accounts = [\"{ACCOUNT}\"]\n[actors]\nminimum_revision = {{ {MODULE} = 7 }}"),
        "revision_too_low",
        &format!("{counter} has no revision, and the policy asks for 7 at least; load a newer version"),
    );
    refused(
        format!("accounts = [\"{ACCOUNT}\"]\nmax_token_life_seconds = 60"),
        "never_expires",
        &format!(
            "the token of {counter} never expires, and the policy allows 60 seconds; have the module signed with an end"
        ),
    );
    assert_eq!(check(&limited(), EMPTY, &["--json"]).error_code(), "not_signed");
}

#[test]
fn a_policy_that_cannot_be_read_is_told_with_its_place() {
    let module = signed(EMPTY, &granted());
    check("accounts = []\n[revoked]\nkey = []\n", &module, &[]).failed(
        1,
        "error: policy.toml: the policy cannot be read, line 3, \"key\": unknown field `key`, expected `keys` or `tokens`; \
         correct it there\n",
    );
    assert_eq!(check("accounts = [\"A\"]", &module, &["--json"]).error_code(), "malformed_policy");
    let directory = Directory::new();
    directory.write("policy.toml", [0xff]);
    directory.run(&["policy", "check", "policy.toml", "counter.wasm"]).failed(
        1,
        "error: policy.toml is no policy, for it is not text: invalid utf-8 sequence of 1 bytes from index 0\n",
    );
}
