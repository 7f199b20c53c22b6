//! `wascc chain`.

use std::cmp::Ordering;

use capability_claims::{
    AccountBuilder, AccountClaims, Chain, KeyPair, OperatorBuilder, OperatorClaims, inspect, strip,
};

use crate::support::{
    ACCOUNT, ACCOUNT_SEED, Directory, EMPTY, MODULE, OPERATOR, OPERATOR_SEED, Ran, STRANGER, altered, claims,
    signed, with_forged_signature,
};

fn operator() -> KeyPair {
    KeyPair::from_seed(OPERATOR_SEED).unwrap()
}

fn operator_token() -> OperatorBuilder {
    OperatorBuilder::new().name("the house").issued_at(1_600_000_000).id("token-o")
}

fn account_token() -> AccountBuilder {
    AccountBuilder::new(ACCOUNT.parse().unwrap())
        .name("team red")
        .issued_at(1_600_000_000)
        .not_before(1_600_000_000)
        .expires_at(4_000_000_000)
        .id("token-a")
}

/// A module that carries the chain of these two, signed.
fn chained(operator_token: &OperatorBuilder, account_token: &AccountBuilder) -> Vec<u8> {
    let tokens = [operator_token.issue(&operator()).unwrap(), account_token.issue(&operator()).unwrap()];
    let chain = Chain::new(tokens.iter().map(String::as_str)).unwrap();
    signed(&chain.embed(EMPTY).unwrap(), &claims())
}

#[track_caller]
fn show(module: &[u8], more: &[&str]) -> Ran {
    let directory = Directory::new();
    directory.write("counter.wasm", module);
    directory.run(&[&["chain", "show", "counter.wasm"], more].concat())
}

#[test]
fn tokens_are_issued_embedded_and_shown() {
    let directory = Directory::new();
    directory.write("in.wasm", EMPTY);
    directory.write_seed("o.nk", OPERATOR_SEED);
    directory.write_seed("a.nk", ACCOUNT_SEED);
    directory
        .run(&["chain", "issue", "--issuer", "o.nk", "--name", "the house", "--out", "o.jwt"])
        .succeeded()
        .printed(&format!("o.jwt: operator \"the house\" ({OPERATOR}), issued by {OPERATOR}\n"));
    directory
        .run(&[
            "chain",
            "issue",
            "--issuer",
            "o.nk",
            "--subject",
            ACCOUNT,
            "--name",
            "team red",
            "--out",
            "a.jwt",
        ])
        .succeeded()
        .printed(&format!("a.jwt: account \"team red\" ({ACCOUNT}), issued by {OPERATOR}\n"));
    directory.run(&["chain", "embed", "in.wasm", "chained.wasm", "o.jwt", "a.jwt"]).succeeded().printed(&format!(
        "chained.wasm carries the word of {OPERATOR} for \"team red\" ({ACCOUNT}); have this account sign it next\n"
    ));
    let sign =
        ["sign", "chained.wasm", "out.wasm", "--issuer", "a.nk", "--subject", MODULE, "--name", "counter"];
    directory.run(&sign).succeeded();
    directory.run(&["verify", "out.wasm", "--trust", OPERATOR]).succeeded();
    let shown = directory.run(&["chain", "show", "out.wasm", "--trust", OPERATOR, "--json"]).json();
    assert_eq!((&shown["holds"], &shown["trust_judged"]), (&true.into(), &true.into()));
    let names: Vec<_> = shown["links"].as_array().unwrap().iter().map(|link| &link["name"]).collect();
    assert_eq!(names, ["the house", "team red", "counter"]);
    assert_eq!(Chain::remove_from(&directory.read("out.wasm")).unwrap(), EMPTY);
}

#[test]
fn an_issued_token_says_what_was_asked_for() {
    let directory = Directory::new();
    directory.write_seed("o.nk", OPERATOR_SEED);
    directory.write_seed("a.nk", ACCOUNT_SEED);
    let more = ["--name", "team red", "--expires-in", "90d", "--not-before-in", "1h"];
    for subject in [ACCOUNT, "a.nk"] {
        let issue = ["chain", "issue", "--issuer", "o.nk", "--subject", subject];
        let text = directory.run(&[&issue[..], &more].concat()).succeeded().text().trim_end().to_owned();
        let token = AccountClaims::verify(&text).unwrap();
        assert_eq!(
            (token.operator().to_string(), token.account().to_string()),
            (OPERATOR.into(), ACCOUNT.into())
        );
        assert_eq!(token.name(), Some("team red"));
        assert_eq!(token.expires().unwrap() - token.issued_at(), 90 * 24 * 60 * 60);
        assert_eq!(token.not_before().unwrap() - token.issued_at(), 60 * 60);
    }
    let issue = ["chain", "issue", "--issuer", "o.nk"];
    let text = directory.run(&[&issue[..], &more].concat()).succeeded().text().trim_end().to_owned();
    let token = OperatorClaims::verify(&text).unwrap();
    assert_eq!((token.operator().to_string(), token.name()), (OPERATOR.into(), Some("team red")));
    assert_eq!(token.expires().unwrap() - token.issued_at(), 90 * 24 * 60 * 60);
    assert_eq!(token.not_before().unwrap() - token.issued_at(), 60 * 60);
}

#[test]
fn json_tells_what_was_issued_and_embedded() {
    let directory = Directory::new();
    directory.write("in.wasm", EMPTY);
    directory.write_seed("o.nk", OPERATOR_SEED);
    let issue =
        ["chain", "issue", "--issuer", "o.nk", "--subject", ACCOUNT, "--name", "team red", "--out", "a.jwt"];
    let ran = directory.run(&[&issue[..], &["--json"]].concat());
    let text = String::from_utf8(directory.read("a.jwt")).unwrap().trim_end().to_owned();
    // Its id is that of this run.
    let id = AccountClaims::verify(&text).unwrap().id().to_owned();
    let link = format!(
        "\"kind\":\"account\",\"key\":\"{ACCOUNT}\",\"name\":\"team red\",\"token\":\"{id}\",\"issuer\":\"{OPERATOR}\",\
         \"not_before\":null,\"expires\":null"
    );
    ran.succeeded().printed(&format!("{{\"file\":\"a.jwt\",{link},\"text\":\"{text}\"}}\n"));
    directory
        .run(&["chain", "embed", "in.wasm", "out.wasm", "a.jwt", "--json"])
        .succeeded()
        .printed(&format!("{{\"file\":\"out.wasm\",\"links\":[{{{link}}}]}}\n"));
}

#[test]
fn every_link_is_shown() {
    let module = chained(&operator_token(), &account_token());
    let links = format!(
        "\
Link 1            operator \"the house\": holds
  Key             {OPERATOR}
  Token           token-o
  Issued by       itself
  Valid from      at once
  Expires         never
Link 2            account \"team red\": holds
  Key             {ACCOUNT}
  Token           token-a
  Issued by       {OPERATOR}
  Valid from      2020-09-13T12:26:40Z
  Expires         2096-10-02T07:06:40Z
Link 3            module \"counter\": holds
  Key             {MODULE}
  Token           token-1
  Issued by       {ACCOUNT}
  Valid from      at once
  Expires         never
"
    );
    show(&module, &[]).succeeded().printed(&format!(
        "{links}Trust             not judged: --trust KEY or --policy FILE tells whether the first link can be trusted\n"
    ));
    show(&module, &["--trust", OPERATOR])
        .succeeded()
        .printed(&format!("{links}Trust             the first link is trusted\n"));
}

#[test]
fn json_tells_the_same() {
    show(&chained(&operator_token(), &account_token()), &["--json"]).succeeded().printed(&format!(
        "{{\"file\":\"counter.wasm\",\"holds\":true,\"trust_judged\":false,\"links\":[\
         {{\"kind\":\"operator\",\"key\":\"{OPERATOR}\",\"name\":\"the house\",\"token\":\"token-o\",\"issuer\":\"{OPERATOR}\",\
         \"not_before\":null,\"expires\":null,\"status\":\"holds\"}},\
         {{\"kind\":\"account\",\"key\":\"{ACCOUNT}\",\"name\":\"team red\",\"token\":\"token-a\",\"issuer\":\"{OPERATOR}\",\
         \"not_before\":1600000000,\"expires\":4000000000,\"status\":\"holds\"}},\
         {{\"kind\":\"module\",\"key\":\"{MODULE}\",\"name\":\"counter\",\"token\":\"token-1\",\"issuer\":\"{ACCOUNT}\",\
         \"not_before\":null,\"expires\":null,\"status\":\"holds\"}}]}}\n"
    ));
}

#[test]
fn a_module_without_a_chain_has_two_links() {
    let ran = show(&signed(EMPTY, &claims()), &["--trust", ACCOUNT]);
    ran.succeeded().printed(&format!(
        "\
Link 1            account: holds
  Key             {ACCOUNT}
  Token           none; it is trusted by its key
Link 2            module \"counter\": holds
  Key             {MODULE}
  Token           token-1
  Issued by       {ACCOUNT}
  Valid from      at once
  Expires         never
Trust             the first link is trusted
"
    ));
}

#[test]
fn a_chain_beside_the_module_counts_in_place_of_its_own() {
    let directory = Directory::new();
    directory.write("counter.wasm", signed(EMPTY, &claims()));
    let account = account_token().issue(&operator()).unwrap();
    directory.write("tokens", format!("{}\n\n{account}\n", operator_token().issue(&operator()).unwrap()));
    for (given, first) in [("tokens", "the house"), (&account, "null")] {
        let ran = directory.run(&[
            "chain",
            "show",
            "counter.wasm",
            "--chain",
            given,
            "--trust",
            OPERATOR,
            "--json",
        ]);
        let shown = ran.succeeded().json();
        assert_eq!(shown["links"][0]["name"].as_str().unwrap_or("null"), first);
        assert_eq!(shown["links"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn a_chain_without_tokens_is_no_chain() {
    let directory = Directory::new();
    directory.write("counter.wasm", chained(&operator_token(), &account_token()));
    directory.write("tokens", "\n");
    let told = "a chain has an account's token and at most an operator's before it, 2 in all, and not 0; leave the module's own token \
                out\n";
    let told = format!("error: counter.wasm: \"counter\" ({MODULE}): {told}");
    directory.run(&["chain", "show", "counter.wasm", "--chain", "tokens"]).failed(1, &told);
    directory.write("policy.toml", format!("operators = [\"{OPERATOR}\"]\n"));
    let check = directory.run(&["policy", "check", "policy.toml", "counter.wasm", "--chain", "tokens"]);
    assert_eq!((check.status, check.stderr), (Some(1), told));
}

/// The link with this number fails for this reason, with this code; those before it hold, those after it are not reached.
#[track_caller]
fn fails(module: &[u8], more: &[&str], link: usize, code: &str, reason: &str) {
    let ran = show(module, &[&["--json"], more].concat());
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let shown = ran.json();
    assert_eq!(shown["holds"], false);
    for (number, shown) in (1..).zip(shown["links"].as_array().unwrap()) {
        let status = match number.cmp(&link) {
            Ordering::Less => "holds",
            Ordering::Equal => "fails",
            Ordering::Greater => "not_reached",
        };
        assert_eq!(shown["status"], status, "link {number}");
    }
    let told = shown["links"][link - 1]["reason"].as_str().unwrap();
    assert!(told.contains(reason), "{told}");
    assert!(ran.stderr.starts_with(&format!("{{\"error\":{{\"code\":\"{code}\",")), "{}", ran.stderr);

    let people = show(module, more);
    assert_eq!(people.status, Some(1));
    assert!(people.text().contains(": FAILS: ") && people.stderr.contains(reason), "{people:?}");
    assert!(people.text().ends_with("so nothing in it is trusted\n") || more.is_empty(), "{people:?}");
}

#[test]
fn the_first_link_that_fails_is_told() {
    let good = chained(&operator_token(), &account_token());
    let trust = ["--trust", OPERATOR];
    fails(&good, &["--trust", STRANGER], 1, "not_trusted", "nobody here trusts");
    let expired = chained(&operator_token().expires_at(1_600_000_001), &account_token());
    fails(&expired, &trust, 1, "operator_expired", "expired at 2020-09-13T12:26:41Z");
    fails(&expired, &[], 1, "operator_expired", "expired at 2020-09-13T12:26:41Z");
    let expired = chained(&operator_token(), &account_token().expires_at(1_600_000_001));
    fails(&expired, &trust, 2, "account_expired", "expired at 2020-09-13T12:26:41Z");
    fails(&with_forged_signature(good), &trust, 3, "forged", "is forged");
    fails(&altered(&claims()), &["--trust", ACCOUNT], 2, "altered", "was altered");
}

#[test]
fn a_policy_can_judge_it() {
    let directory = Directory::new();
    directory.write("counter.wasm", chained(&operator_token(), &account_token()));
    let show = ["chain", "show", "counter.wasm", "--policy", "policy.toml", "--json"];
    for (revoked, link, code) in [
        (format!("keys = [\"{OPERATOR}\"]"), 0, "key_revoked"),
        (format!("keys = [\"{ACCOUNT}\"]"), 1, "key_revoked"),
        ("tokens = [\"token-a\"]".to_owned(), 1, "token_revoked"),
        ("tokens = [\"token-1\"]".to_owned(), 2, "token_revoked"),
    ] {
        directory.write("policy.toml", format!("operators = [\"{OPERATOR}\"]\n[revoked]\n{revoked}\n"));
        let ran = directory.run(&show);
        assert_eq!(ran.json()["links"][link]["status"], "fails", "{revoked}");
        assert!(ran.stderr.contains(&format!("\"code\":\"{code}\"")), "{}", ran.stderr);
    }
    directory.write("policy.toml", format!("operators = [\"{OPERATOR}\"]\n"));
    directory.run(&show).succeeded();
}

#[test]
fn a_chain_that_does_not_hold_together_is_refused() {
    let directory = Directory::new();
    directory.write("in.wasm", EMPTY);
    directory.write("counter.wasm", signed(EMPTY, &claims()));
    let account = account_token().issue(&operator()).unwrap();
    let own = operator_token().issue(&operator()).unwrap();
    let mut forged = account.clone();
    forged.replace_range(
        account.len() - 2..account.len() - 1,
        if account.as_bytes()[account.len() - 2] == b'A' { "B" } else { "A" },
    );
    for (tokens, code, held) in [
        (vec![&account, &own], "broken_chain", Some(0)),
        (vec![&own, &forged], "broken_chain", Some(1)),
        (vec![&own, &account, &account], "chain_length", None),
        (vec![&own], "broken_chain", Some(0)),
    ] {
        let tokens: Vec<&str> = tokens.into_iter().map(String::as_str).collect();
        let embed =
            directory.run(&[&["chain", "embed", "in.wasm", "out.wasm"], &tokens[..], &["--json"]].concat());
        assert_eq!(embed.error_code(), code);
        let show =
            directory.run(&[&["chain", "show", "counter.wasm", "--json", "--chain"], &tokens[..]].concat());
        assert_eq!((show.status, &show.error()["code"]), (Some(1), &code.into()));
        let Some(held) = held else {
            assert_eq!(show.text(), "");
            continue;
        };
        let shown = show.json();
        let links: Vec<_> =
            shown["links"].as_array().unwrap().iter().map(|link| link["status"].as_str().unwrap()).collect();
        assert_eq!(links, [vec!["holds"; held], vec!["fails"]].concat());
    }
    assert_eq!(directory.names(), ["counter.wasm", "in.wasm"]);
    let told = directory.run(&["chain", "embed", "in.wasm", "out.wasm", &own, &forged]).stderr;
    let start = format!(
        "error: link 2 of the chain of tokens does not hold: the token of \"team red\" ({ACCOUNT}) is forged: "
    );
    assert!(told.starts_with(&start), "{told}");
}

#[test]
fn the_links_before_a_broken_one_are_shown() {
    let directory = Directory::new();
    let own = operator_token().issue(&operator()).unwrap();
    directory.write("o.jwt", &own);
    let elsewhere = AccountBuilder::new(STRANGER.parse().unwrap()).id("token-s").issue(&operator()).unwrap();
    let forged = String::from_utf8(with_forged_signature(account_token().issue(&operator()).unwrap().into()));
    directory.write("counter.wasm", signed(EMPTY, &claims()));
    let root = format!(
        "\
Link 1            operator \"the house\": holds
  Key             {OPERATOR}
  Token           token-o
  Issued by       itself
  Valid from      at once
  Expires         never
"
    );
    let distrust = "Trust             the chain does not hold, so nothing in it is trusted\n";
    let show = |token: &str| {
        directory.run(&["chain", "show", "counter.wasm", "--trust", OPERATOR, "--chain", "o.jwt", token])
    };
    let told = |link: usize, why: &str| {
        format!(
            "error: counter.wasm: \"counter\" ({MODULE}): link {link} of the chain of tokens does not hold: {why}\n"
        )
    };

    let ran = show(&forged.unwrap());
    let why = format!(
        "the token of \"team red\" ({ACCOUNT}) is forged: its signature is not that of {OPERATOR}, who is said to have issued \
         it; do not use it, get it from its issuer"
    );
    ran.printed(&format!("{root}Link 2            FAILS: {why}\n{distrust}"));
    assert_eq!((ran.status, &ran.stderr), (Some(1), &told(2, &why)));

    // The chain holds, and leads to another account than the one that signed.
    let ran = show(&elsewhere);
    let why = format!(
        "it is issued by {ACCOUNT}, and the link before it is about {STRANGER}; give the tokens in order from the operator to \
         the account, or get the one that is missing"
    );
    ran.printed(&format!(
        "\
{root}Link 2            account: holds
  Key             {STRANGER}
  Token           token-s
  Issued by       {OPERATOR}
  Valid from      at once
  Expires         never
Link 3            FAILS: {why}
{distrust}"
    ));
    assert_eq!((ran.status, &ran.stderr), (Some(1), &told(3, &why)));
}

#[test]
fn embedding_takes_the_token_away() {
    let directory = Directory::new();
    directory.write("in.wasm", signed(EMPTY, &claims()));
    let account = account_token().issue(&operator()).unwrap();
    directory.run(&["chain", "embed", "in.wasm", "in.wasm", &account]).succeeded();
    assert!(inspect(&directory.read("in.wasm")).is_err());
    assert_eq!(strip(&Chain::remove_from(&directory.read("in.wasm")).unwrap()).unwrap(), EMPTY);
}
