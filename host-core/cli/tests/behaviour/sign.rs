//! `wascc sign`.

use capability_claims::{inspect, strip};

use crate::support::{
    ACCOUNT, ACCOUNT_SEED, Directory, EMPTY, MODULE, MODULE_SEED, OPERATOR, OPERATOR_SEED, Ran,
};

/// A directory with keys and a module.
fn directory() -> Directory {
    let directory = Directory::new();
    directory.write_seed("a.nk", ACCOUNT_SEED);
    directory.write_seed("m.nk", MODULE_SEED);
    directory.write("in.wasm", EMPTY);
    directory
}

fn sign(directory: &Directory, input: &str, out: &str, more: &[&str]) -> Ran {
    let start = ["sign", input, out, "--issuer", "a.nk", "--subject", "m.nk", "--name", "counter"];
    directory.run(&[&start, more].concat())
}

#[test]
fn a_module_gets_its_token() {
    let directory = directory();
    let more =
        "--cap wascc:keyvalue wascc:http_server --cap wascc:logging --tag red --tag tea --rev 3 --ver 1.2.0";
    let ran = sign(&directory, "in.wasm", "out.wasm", &more.split(' ').collect::<Vec<_>>());
    ran.succeeded().printed(&format!(
        "out.wasm: \"counter\" ({MODULE}), signed by {ACCOUNT}, may use wascc:keyvalue, wascc:http_server, wascc:logging\n"
    ));
    assert_eq!(ran.stderr, "");
    let signed = directory.read("out.wasm");
    assert_eq!(strip(&signed).unwrap(), EMPTY);
    let found = inspect(&signed).unwrap();
    assert!(found.holds());
    assert_eq!(found.claims.caps(), ["wascc:keyvalue", "wascc:http_server", "wascc:logging"]);
    assert_eq!(found.claims.tags(), ["red", "tea"]);
    assert_eq!((found.claims.revision(), found.claims.version()), (Some(3), Some("1.2.0")));
    assert_eq!((found.claims.expires(), found.claims.not_before()), (None, None));
    assert_eq!(directory.names(), ["a.nk", "in.wasm", "m.nk", "out.wasm"], "nothing else is left behind");
}

#[test]
fn json_tells_all_that_was_signed() {
    let directory = directory();
    let ran = sign(&directory, "in.wasm", "out.wasm", &["--cap", "wascc:keyvalue", "--rev", "3", "--json"]);
    let claims = inspect(&directory.read("out.wasm")).unwrap().claims;
    // Its id and its time are those of this run.
    let (id, issued_at, hash) = (claims.id(), claims.issued_at(), claims.hash());
    ran.succeeded().printed(&format!(
        "{{\"file\":\"out.wasm\",\"name\":\"counter\",\"issuer\":\"{ACCOUNT}\",\"module\":\"{MODULE}\",\"expires\":null,\
         \"not_before\":null,\"issued_at\":{issued_at},\"version\":null,\"revision\":3,\"tags\":[],\
         \"capabilities\":[\"wascc:keyvalue\"],\"call_alias\":null,\"provider\":false,\"id\":\"{id}\",\"hash\":\"{hash}\"}}\n"
    ));
}

#[test]
fn times_count_from_now() {
    let directory = directory();
    let ran =
        sign(&directory, "in.wasm", "out.wasm", &["--expires-in", "30d", "--not-before-in", "1h", "--json"]);
    let json = ran.succeeded().json();
    let issued = json["issued_at"].as_u64().unwrap();
    assert_eq!(json["expires"].as_u64().unwrap() - issued, 30 * 24 * 60 * 60);
    assert_eq!(json["not_before"].as_u64().unwrap() - issued, 60 * 60);
    assert_eq!((&json["file"], &json["name"]), (&"out.wasm".into(), &"counter".into()));
}

#[test]
fn signing_in_place_replaces_the_token() {
    let directory = directory();
    for name in ["in.wasm", "in.wasm"] {
        sign(&directory, name, name, &[]).succeeded();
        assert_eq!(strip(&directory.read(name)).unwrap(), EMPTY);
    }
}

#[test]
fn the_text_format_is_translated() {
    let directory = directory();
    directory.write("in.wat", "(module)");
    sign(&directory, "in.wat", "out.wasm", &[]).succeeded();
    assert_eq!(strip(&directory.read("out.wasm")).unwrap(), EMPTY);
    directory.write("bad.wat", "(modul)");
    let ran = sign(&directory, "bad.wat", "out.wasm", &[]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.starts_with("error: bad.wat is not a WebAssembly module: "), "{}", ran.stderr);
    assert!(ran.stderr.ends_with(" (line 1, column 2)\n"), "{}", ran.stderr);
}

#[test]
fn a_modules_public_key_is_enough() {
    let directory = directory();
    let arguments =
        ["sign", "in.wasm", "out.wasm", "--issuer", "a.nk", "--subject", MODULE, "--name", "counter"];
    directory.run(&arguments).succeeded();
    assert_eq!(inspect(&directory.read("out.wasm")).unwrap().claims.subject().to_string(), MODULE);
}

#[test]
fn a_refusal_leaves_what_was_there() {
    let directory = directory();
    directory.write("out.wasm", "precious");
    directory.write_seed("o.nk", OPERATOR_SEED);
    let wrong = |issuer: &str, subject: &str| {
        directory.run(&[
            "sign",
            "in.wasm",
            "out.wasm",
            "--issuer",
            issuer,
            "--subject",
            subject,
            "--name",
            "x",
        ])
    };
    wrong("o.nk", "m.nk").failed(
        1,
        &format!(
            "error: o.nk: the key that signs a module must be of the kind account (A...), and {OPERATOR} is of the kind \
             operator; give a key of the right kind\n"
        ),
    );
    wrong("a.nk", "a.nk").failed(
        1,
        &format!(
            "error: a.nk: the key of a module that is to be signed must be of the kind module (M...), and {ACCOUNT} is of the \
             kind account; give a key of the right kind\n"
        ),
    );
    let never =
        sign(&directory, "in.wasm", "out.wasm", &["--expires-in", "1h", "--not-before-in", "2h", "--json"]);
    assert_eq!(never.error_code(), "never_valid");
    directory.write("cut.wasm", &EMPTY[..6]);
    assert_eq!(sign(&directory, "cut.wasm", "out.wasm", &["--json"]).error_code(), "invalid_module");
    assert_eq!(sign(&directory, "in.wasm", "none/out.wasm", &["--json"]).error_code(), "write_file");
    assert_eq!(directory.read("out.wasm"), b"precious");
    assert_eq!(directory.names(), ["a.nk", "cut.wasm", "in.wasm", "m.nk", "o.nk", "out.wasm"]);
}

#[test]
fn a_capability_without_form_is_wrong_usage() {
    let ran = sign(&directory(), "in.wasm", "out.wasm", &["--cap", "wascc: keyvalue"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("`wascc: keyvalue` (15 bytes) is not a capability id"), "{}", ran.stderr);
}
