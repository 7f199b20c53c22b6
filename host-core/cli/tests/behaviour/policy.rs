//! `wascc policy`.

use capability_claims::{AccountBuilder, ClaimsBuilder, KeyPair};
use serde_json::Value;

use crate::support::{
    ACCOUNT, Directory, EMPTY, MODULE, OPERATOR, OPERATOR_SEED, Ran, STRANGER, claims, signed,
    with_forged_signature,
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
    let wide = |grant: &str| format!("{grant:<56}");
    let table = format!(
        "\
counter.wasm may not run; its token says: {counter}, signed by {ACCOUNT}
{}  HERE     WHAT OF IT
{}  refused  the module may not run
{}  refused  the module may not run
{}  refused  the module may not run
{MODULE}  refused  the module may not run
",
        wide("GRANT"),
        wide("wascc:keyvalue"),
        wide("wascc:logging"),
        wide("wascc:blobstore"),
    );
    let refused = |policy: String, code: &str, words: &str| {
        let ran = check(&policy, &module, &[]);
        assert_eq!((ran.status, &ran.stderr), (Some(1), &format!("error: counter.wasm: {words}\n")));
        ran.printed(&table);
        let ran = check(&policy, &module, &["--json"]);
        let (told, shown) = (ran.error(), ran.json());
        assert_eq!((ran.status, &told["code"]), (Some(1), &code.into()));
        assert_eq!((&shown["may_run"], &shown["trusted"]), (&false.into(), &Value::Null));
        assert_eq!((&shown["refusal"]["code"], &shown["refusal"]["message"]), (&code.into(), &words.into()));
        let here: Vec<_> = shown["grants"].as_array().unwrap().iter().map(|grant| &grant["here"]).collect();
        assert_eq!(here, ["refused"; 4]);
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

/// What a policy would allow counts for nothing when the token is not genuine.
#[test]
fn a_forged_token_is_granted_nothing() {
    let forged = with_forged_signature(signed(EMPTY, &granted()));
    let ran = check(&format!("accounts = [\"{ACCOUNT}\"]"), &forged, &[]);
    assert_eq!(ran.status, Some(1));
    assert!(
        ran.stderr.contains("is forged") && ran.text().contains("may not run; its token says"),
        "{ran:?}"
    );
    assert_eq!(ran.text().matches("refused  the module may not run").count(), 4);
}

/// The operator's word does not name the module it was asked about, and the message does.
#[test]
fn a_refusal_about_an_account_names_the_module_too() {
    let operator = KeyPair::from_seed(OPERATOR_SEED).unwrap();
    let token =
        AccountBuilder::new(ACCOUNT.parse().unwrap()).expires_at(1_600_000_001).issue(&operator).unwrap();
    let policy = format!("operators = [\"{OPERATOR}\"]");
    let ran = check(&policy, &signed(EMPTY, &granted()), &["--chain", &token]);
    let told = format!(
        "error: counter.wasm: \"counter\" ({MODULE}): the token by which the operator {OPERATOR} vouches for "
    );
    assert!(ran.status == Some(1) && ran.stderr.starts_with(&told), "{}", ran.stderr);
}

#[test]
fn a_policy_that_cannot_be_read_is_told_with_its_place() {
    let module = signed(EMPTY, &granted());
    check("accounts = []\n[revoked]\nkey = []\n", &module, &[]).failed(
        1,
        "error: policy.toml: the policy cannot be read, line 3, \"key\": unknown field `key`, expected one of `keys`, `tokens`, `since`; \
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
