//! `wascc inspect`.

use capability_claims::ClaimsBuilder;

use crate::support::{
    ACCOUNT, Directory, EMPTY, MODULE, Ran, altered, claims, signed, with_forged_signature,
};

const EMPTY_HASH: &str = "93A44BBB96C751218E4C00D479E4C14358122A389ACCA16205B1E4D0DC5F9476";

fn full() -> ClaimsBuilder {
    claims()
        .capability("wascc:keyvalue")
        .capability("wascc:http_server")
        .tag("red")
        .tag("tea")
        .revision(3)
        .version("1.2.0")
        .expires_at(4_000_000_000)
        .not_before(1_500_000_000)
}

#[track_caller]
fn inspect(module: &[u8], more: &[&str]) -> Ran {
    let directory = Directory::new();
    directory.write("counter.wasm", module);
    directory.run(&[&["inspect", "counter.wasm"], more].concat())
}

#[test]
fn the_table_tells_all_that_the_token_says() {
    inspect(&signed(EMPTY, &full()), &[]).succeeded().printed(&format!(
        "\
Name              counter
Issuer            {ACCOUNT}
Module key        {MODULE}
Expires           2096-10-02T07:06:40Z
Can be used from  2017-07-14T02:40:00Z
Issued at         2020-09-13T12:26:40Z
Version           1.2.0
Revision          3
Tags              red
                  tea
Capabilities      wascc:keyvalue
                  wascc:http_server
Token id          token-1
Hash              {EMPTY_HASH}
Signature check   holds
Hash check        holds
"
    ));
}

#[test]
fn what_the_token_leaves_out_is_told_too() {
    inspect(&signed(EMPTY, &claims()), &[]).succeeded().printed(&format!(
        "\
Name              counter
Issuer            {ACCOUNT}
Module key        {MODULE}
Expires           never
Can be used from  at once
Issued at         2020-09-13T12:26:40Z
Version           none
Revision          none
Tags              none
Capabilities      none
Token id          token-1
Hash              {EMPTY_HASH}
Signature check   holds
Hash check        holds
"
    ));
}

#[test]
fn json_tells_the_same() {
    inspect(&signed(EMPTY, &full()), &["--json"]).succeeded().printed(&format!(
        "{{\"name\":\"counter\",\"issuer\":\"{ACCOUNT}\",\"module\":\"{MODULE}\",\"expires\":4000000000,\
         \"not_before\":1500000000,\"issued_at\":1600000000,\"version\":\"1.2.0\",\"revision\":3,\
         \"tags\":[\"red\",\"tea\"],\"capabilities\":[\"wascc:keyvalue\",\"wascc:http_server\"],\"call_alias\":null,\
         \"provider\":false,\"id\":\"token-1\",\"hash\":\"{EMPTY_HASH}\",\"signature_holds\":true,\"hash_holds\":true}}\n"
    ));
}

#[test]
fn times_are_judged() {
    let ran = inspect(&signed(EMPTY, &claims().expires_at(1_600_000_001)), &[]);
    assert!(ran.succeeded().text().contains("Expires           2020-09-13T12:26:41Z (has expired)\n"));
    let ran = inspect(&signed(EMPTY, &claims().not_before(4_000_000_000)), &[]);
    assert!(ran.succeeded().text().contains("Can be used from  2096-10-02T07:06:40Z (is not valid yet)\n"));
    let ran = inspect(&signed(EMPTY, &claims().expires_at(u64::MAX)), &[]);
    assert!(ran.succeeded().text().contains("Expires           second 18446744073709551615 of the epoch\n"));
}

#[test]
fn a_token_that_is_not_genuine_is_shown_and_fails() {
    let ran = inspect(&with_forged_signature(signed(EMPTY, &full())), &[]);
    assert_eq!(ran.status, Some(1));
    assert!(
        ran.text()
            .ends_with("Signature check   DOES NOT HOLD: it is not the issuer's\nHash check        holds\n")
    );
    assert_eq!(
        ran.stderr,
        "error: counter.wasm: do not believe this token: its signature is not that of the issuer whom it names; get the \
         module from its issuer\n"
    );

    let ran = inspect(&altered(&full()), &["--json"]);
    assert_eq!(ran.status, Some(1));
    assert_eq!((&ran.json()["signature_holds"], &ran.json()["hash_holds"]), (&true.into(), &false.into()));
    assert!(ran.stderr.starts_with("{\"error\":{\"code\":\"altered\","), "{}", ran.stderr);
}

#[test]
fn a_token_cannot_write_to_the_terminal() {
    let claims = claims().name("counter\u{1b}[2J\nIssuer            AAAA").tag("\u{202e}gnorw");
    let ran = inspect(&signed(EMPTY, &claims), &[]);
    assert!(
        ran.succeeded()
            .text()
            .starts_with("Name              counter\\u{1b}[2J\\nIssuer            AAAA\nIssuer ")
    );
    assert!(ran.text().contains("Tags              \\u{202e}gnorw\n"));
}

#[test]
fn what_has_no_token_is_refused() {
    inspect(EMPTY, &[]).failed(
        1,
        "error: counter.wasm: the module is not signed: it carries no token; sign it with an account key before it is \
         loaded\n",
    );
    assert_eq!(inspect(b"(module)", &["--json"]).error_code(), "invalid_module");
    assert_eq!(inspect(&signed(EMPTY, &full())[..100], &["--json"]).error_code(), "invalid_module");
}
