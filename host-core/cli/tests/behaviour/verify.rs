//! `wascc verify`.

use capability_claims::{AccountBuilder, ClaimsBuilder, KeyPair};

use crate::support::{
    ACCOUNT, Directory, EMPTY, MODULE, OPERATOR, OPERATOR_SEED, Ran, STRANGER, STRANGER_SEED, altered,
    claims, signed, with_forged_signature,
};

#[track_caller]
fn verify(module: &[u8], trust: &[&str]) -> Ran {
    let directory = Directory::new();
    directory.write("counter.wasm", module);
    directory.run(&[&["verify", "counter.wasm", "--trust"], trust].concat())
}

/// It was refused with these words, in which the present time is written NOW, and with this code.
#[track_caller]
fn refused(module: &[u8], code: &str, words: &str) {
    let ran = verify(module, &[ACCOUNT]);
    let now_at = ran.stderr.find(", it is ").map(|at| at + ", it is ".len());
    let mut told = ran.stderr.clone();
    if let Some(at) = now_at {
        told.replace_range(at..at + "2020-09-13T12:26:41Z".len(), "NOW");
    }
    assert_eq!(told, format!("error: counter.wasm: {words}\n"));
    assert_eq!((ran.status, ran.stdout.len()), (Some(1), 0));
    assert_eq!(verify(module, &[ACCOUNT, "--json"]).error_code(), code);
}

fn good() -> ClaimsBuilder {
    claims().capability("wascc:keyvalue").expires_at(4_000_000_000)
}

#[test]
fn a_good_module_of_a_trusted_account_verifies() {
    let module = signed(EMPTY, &good());
    let words = format!("counter.wasm verifies: \"counter\" ({MODULE}), signed by {ACCOUNT}\n");
    verify(&module, &[ACCOUNT]).succeeded().printed(&words);
    verify(&module, &[STRANGER, ACCOUNT]).succeeded().printed(&words);
    verify(&module, &[STRANGER, "--trust", ACCOUNT]).succeeded().printed(&words);
    verify(&module, &[ACCOUNT, "--json"]).succeeded().printed(&format!(
        "{{\"verified\":true,\"name\":\"counter\",\"issuer\":\"{ACCOUNT}\",\"module\":\"{MODULE}\",\"expires\":4000000000,\
         \"not_before\":null,\"issued_at\":1600000000,\"version\":null,\"revision\":null,\"tags\":[],\
         \"capabilities\":[\"wascc:keyvalue\"],\"call_alias\":null,\"provider\":false,\"id\":\"token-1\",\
         \"hash\":\"93A44BBB96C751218E4C00D479E4C14358122A389ACCA16205B1E4D0DC5F9476\"}}\n"
    ));
}

#[test]
fn every_refusal_has_its_own_words() {
    let module = format!("\"counter\" ({MODULE})");
    refused(
        EMPTY,
        "not_signed",
        "the module is not signed: it carries no token; sign it with an account key before it is loaded",
    );
    refused(
        &with_forged_signature(signed(EMPTY, &good())),
        "forged",
        &format!(
            "the token of {module} is forged: its signature is not that of {ACCOUNT}, who is said to have issued it; do \
             not use it, get it from its issuer"
        ),
    );
    refused(
        &signed(EMPTY, &claims().expires_at(1_600_000_001)),
        "expired",
        &format!(
            "the token of {module} expired at 2020-09-13T12:26:41Z, it is NOW now; have the module signed anew"
        ),
    );
    refused(
        &signed(EMPTY, &claims().not_before(4_000_000_000)),
        "not_yet_valid",
        &format!(
            "the token of {module} is not valid before 2096-10-02T07:06:40Z, it is NOW now; wait, or have the module \
             signed anew"
        ),
    );
}

#[test]
fn a_flipped_byte_is_told_with_both_hashes() {
    let ran = verify(&altered(&good()), &[ACCOUNT]);
    assert_eq!((ran.status, ran.stdout.len()), (Some(1), 0));
    let told = format!(
        "error: counter.wasm: \"counter\" ({MODULE}) was altered after it was signed: the token says SHA-256 "
    );
    assert!(ran.stderr.starts_with(&told), "{}", ran.stderr);
    assert_eq!(verify(&altered(&good()), &[ACCOUNT, "--json"]).error_code(), "altered");
}

#[test]
fn nobody_is_trusted_without_being_named() {
    let module = signed(EMPTY, &good());
    verify(&module, &[STRANGER]).failed(
        1,
        &format!(
            "error: counter.wasm: nobody here trusts {ACCOUNT}, who signed \"counter\" ({MODULE}); if you do, add this \
             account or its operator to the trust policy\n"
        ),
    );
    assert_eq!(verify(&module, &[OPERATOR, "--json"]).error_code(), "not_trusted");
    let directory = Directory::new();
    directory.write("counter.wasm", &module);
    assert_eq!(directory.run(&["verify", "counter.wasm"]).status, Some(2));
}

#[test]
fn an_operators_word_for_an_account_counts() {
    let operator = KeyPair::from_seed(OPERATOR_SEED).unwrap();
    let token = AccountBuilder::new(ACCOUNT.parse().unwrap()).issue(&operator).unwrap();
    let directory = Directory::new();
    directory.write("counter.wasm", signed(EMPTY, &good()));
    directory.write("account.jwt", format!("{token}\n"));
    for given in [&token, "account.jwt"] {
        let trusting =
            |key| directory.run(&["verify", "counter.wasm", "--trust", key, "--account-token", given]);
        trusting(OPERATOR).succeeded();
        trusting(STRANGER).failed(
            1,
            &format!(
                "error: counter.wasm: nobody here trusts {ACCOUNT}, who signed \"counter\" ({MODULE}); if you do, add \
                 this account or its operator to the trust policy\n"
            ),
        );
    }
    directory.write("account.jwt", "eyJ.nonsense");
    let bad = ["verify", "counter.wasm", "--trust", OPERATOR, "--account-token", "account.jwt", "--json"];
    assert_eq!(directory.run(&bad).error_code(), "malformed_token");
}

#[test]
fn only_accounts_and_operators_can_be_trusted() {
    let module = signed(EMPTY, &good());
    assert_eq!(verify(&module, &[MODULE, "--json"]).error_code(), "wrong_key_kind");
    verify(&module, &[STRANGER_SEED]).failed(
        1,
        "error: a seed is among the arguments, where it can be seen by others and is kept in the shell's history: put it into a file and name \
         that, or give its public key where one belongs; and better make a new key\n",
    );
}
