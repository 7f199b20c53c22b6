//! Policies written in TOML mean what the builder means, and mistakes in them are told with their place.
#![cfg(feature = "toml")]

mod common;

use std::time::Duration;

use capability_claims::{
    Access, AccountBuilder, ClaimsError, Grant, GrantLimit, KeyKind, KeyPair, ModuleClaims, OperatorBuilder,
    PolicyDocument, RotationBuilder, TrustPolicy,
};
use common::{ACCOUNT, NOW, account, module, operator, policy, signed};

fn verified() -> ModuleClaims {
    policy().verify(signed().into(), NOW).unwrap().claims().clone()
}

#[track_caller]
fn decide(toml: &str) -> Result<(), ClaimsError> {
    let policy = TrustPolicy::from_toml(toml).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    policy.allows(&verified(), &Access::capability("wascc:keyvalue", "default", "Get"), NOW)
}

fn accounts() -> String {
    format!("accounts = [\"{}\"]\n", account().public_key())
}

#[test]
fn an_empty_document_trusts_nobody() {
    assert!(matches!(decide(""), Err(ClaimsError::NotTrusted { .. })));
    assert_eq!(PolicyDocument::from_toml(""), Ok(PolicyDocument::default()));
}

/// The README's policy has every field once, with dots in the place of keys and tokens.
#[test]
fn the_policy_in_the_readme_is_one() {
    let (_, rest) = include_str!("../README.md").split_once("```toml\n").unwrap();
    let (policy, _) = rest.split_once("```").unwrap();
    let (a, m, o) = (account().public_key(), module().public_key(), operator().public_key());
    let successor = KeyPair::generate(KeyKind::Account).unwrap();
    let times = RotationBuilder::new().issued_at(NOW).expires_at(NOW + 10);
    let policy = [
        ("A...", a.to_string()),
        ("M...", m.to_string()),
        ("O...", o.to_string()),
        (
            "account_tokens = [\"eyJ0eXAi...",
            said("account_tokens", AccountBuilder::new(a).issue(&operator())),
        ),
        (
            "operator_tokens = [\"eyJ0eXAi...",
            said("operator_tokens", OperatorBuilder::new().issue(&operator())),
        ),
        ("rotations = [\"eyJ0eXAi...", said("rotations", times.issue(&account(), &successor))),
    ]
    .iter()
    .fold(policy.to_owned(), |policy, (dots, said)| policy.replace(dots, said));
    let document = PolicyDocument::from_toml(&policy).unwrap_or_else(|error| panic!("{error}\n{policy}"));
    assert_eq!(document.is_whole(), Ok(()));
    let entries = document.entries();
    assert!(entries > 20, "every field has its entry: {document:?}");
    let twin = include_str!("../src/policy/document/form.rs");
    assert!(twin.contains(&format!("/// entries = {entries} ")), "the documentation has another number");
}

/// The beginning of a field that lists `token`.
fn said(field: &str, token: Result<String, ClaimsError>) -> String {
    format!("{field} = [\"{}", token.unwrap())
}

type Expected = fn(&ClaimsError) -> bool;

#[test]
fn each_field_does_what_the_builder_does() {
    let (a, m, o) = (account().public_key(), module().public_key(), operator().public_key());
    let trusted = accounts();
    assert_eq!(decide(&trusted), Ok(()));
    let token = AccountBuilder::new(a).issue(&operator()).unwrap();
    assert_eq!(decide(&format!("operators = [\"{o}\"]\naccount_tokens = [\"{token}\"]")), Ok(()));
    let cases: [(String, Expected); 12] = [
        ("max_token_life_seconds = 149".into(), |e| {
            matches!(e, ClaimsError::LivesTooLong { limit: 149, .. })
        }),
        (format!("[actors]\ndenied = [\"{m}\"]"), |e| matches!(e, ClaimsError::ActorDenied { .. })),
        ("[actors]\nallowed = []".into(), |e| matches!(e, ClaimsError::ActorNotAllowed { .. })),
        (format!("[actors.minimum_revision]\n{m} = 8"), |e| {
            matches!(e, ClaimsError::RevisionTooLow { minimum: 8, .. })
        }),
        (format!("[actors]\nminimum_revision = {{ \"{m}\" = 8 }}"), |e| {
            matches!(e, ClaimsError::RevisionTooLow { minimum: 8, .. })
        }),
        (format!("[revoked]\nkeys = [\"{a}\"]"), |e| matches!(e, ClaimsError::KeyRevoked { .. })),
        (format!("[issuers.{a}]\ngrants = []"), |e| matches!(e, ClaimsError::CapabilityBeyondLimit { .. })),
        (format!("[[issuers.{a}.grants]]\ncapability = \"wascc:keyvalue\"\nlinks = [\"cache\"]"), |e| {
            matches!(e, ClaimsError::LinkBeyondLimit { .. })
        }),
        (format!("[[issuers.{a}.grants]]\ncapability = \"wascc:keyvalue\"\nlinks = []"), |e| {
            matches!(e, ClaimsError::LinkBeyondLimit { .. })
        }),
        (format!("[[issuers.{a}.grants]]\ncapability = \"wascc:keyvalue\"\noperations = [\"Set\"]"), |e| {
            matches!(e, ClaimsError::OperationBeyondLimit { .. })
        }),
        (format!("[[issuers.{a}.grants]]\ncapability = \"wascc:keyvalue\"\noperations = []"), |e| {
            matches!(e, ClaimsError::OperationBeyondLimit { .. })
        }),
        (format!("[[issuers.{a}.grants]]\ncapability = \"wascc:logging\""), |e| {
            matches!(e, ClaimsError::CapabilityBeyondLimit { .. })
        }),
    ];
    for (toml, expected) in cases {
        let error = decide(&format!("{trusted}{toml}")).expect_err(&toml);
        assert!(expected(&error), "{toml}: {error}");
    }
    let all = format!(
        "max_token_life_seconds = 150\n[actors]\nallowed = [\"{m}\"]\nminimum_revision = {{ {m} = 7 }}\n\
         [[issuers.{a}.grants]]\ncapability = \"wascc:keyvalue\"\nlinks = [\"default\"]\noperations = [\"Get\"]"
    );
    assert_eq!(decide(&format!("{trusted}{all}")), Ok(()));
}

#[test]
fn revoked_tokens_and_clock_skew_are_read() {
    let claims = verified();
    let revoked = format!("{}[revoked]\ntokens = [\"{}\"]", accounts(), claims.id());
    let error = TrustPolicy::from_toml(&revoked).unwrap().check(&claims, NOW).unwrap_err();
    assert!(matches!(error, ClaimsError::TokenRevoked { .. }));
    let skewed = TrustPolicy::from_toml(&format!("{}clock_skew_seconds = 5", accounts())).unwrap();
    assert!(skewed.check(&claims, NOW + 54).is_ok() && skewed.check(&claims, NOW + 55).is_err());
}

/// The two ways of writing the same policy end in the same value.
#[test]
fn toml_and_builder_mean_the_same() {
    let (a, m, o) = (account().public_key(), module().public_key(), operator().public_key());
    let toml = format!(
        "accounts = [\"{a}\"]\noperators = [\"{o}\"]\nclock_skew_seconds = 5\nmax_token_life_seconds = 600\n\
         [actors]\nallowed = [\"{m}\"]\ndenied = [\"{m}\"]\nminimum_revision = {{ {m} = 3 }}\n\
         [revoked]\nkeys = [\"{o}\"]\ntokens = [\"x\"]\n\
         [[issuers.{a}.grants]]\ncapability = \"c\"\nlinks = [\"l\"]\noperations = [\"o\"]\n"
    );
    let grant = Grant::of("c").link("l").operation("o");
    let built = TrustPolicy::nobody()
        .account(a)
        .operator(o)
        .clock_skew(Duration::from_secs(5))
        .max_token_life(Duration::from_secs(600))
        .revoke_key(o)
        .revoke_token("x")
        .allow_actor(m)
        .and_then(|policy| policy.deny_actor(m))
        .and_then(|policy| policy.minimum_revision(m, 3))
        .and_then(|policy| policy.limit(a, GrantLimit::nothing().and(grant)))
        .unwrap();
    assert_eq!(format!("{:?}", TrustPolicy::from_toml(&toml).unwrap()), format!("{built:?}"));
}

#[test]
fn mistakes_are_told_with_line_and_field() {
    let (a, m) = (account().public_key(), module().public_key());
    for (toml, line, field, says) in [
        ("clock_skew_seconds = 5\nacounts = []".to_owned(), 2, "acounts", "unknown field `acounts`"),
        ("\n\nclock_skew_seconds = -1".into(), 3, "clock_skew_seconds", "-1"),
        (
            format!("\naccounts = [\n  \"{a}\",\n  \"AXYZ\",\n]"),
            2,
            "accounts",
            "entry 2 of the list: this is not a key",
        ),
        (
            format!("accounts = [\"{m}\"]"),
            1,
            "accounts",
            "entry 1 of the list: a key in `accounts` must be of the kind account",
        ),
        (format!("[actors]\ndenied = [\"{a}\"]"), 2, "denied", "`actors.denied` must be"),
        (format!("[actors]\n[actors.minimum_revision]\n{a} = 1"), 2, "actors.minimum_revision", "must be"),
        (format!("[actors.minimum_revision]\n{m} = 3000000000"), 2, &m.to_string(), "3000000000"),
        (format!("[issuers.{m}]\ngrants = []"), 1, &format!("issuers.{m}"), "`issuers`"),
        (format!("[issuers.{a}]"), 1, &format!("issuers.{a}"), "missing field `grants`"),
        (format!("[[issuers.{a}.grants]]\nlinks = []"), 1, &format!("issuers.{a}.grants"), "`capability`"),
        (format!("[[issuers.{a}.grants]]\ncapability = \"c\"\nlink = \"x\""), 3, "link", "unknown field"),
        ("account_tokens = [\"x.y\"]".into(), 1, "account_tokens", "entry 1 of the list"),
        ("[revoked]\nkeys = 3".into(), 2, "keys", "expected a sequence"),
        ("accounts = []\naccounts = []".into(), 2, "accounts", "duplicate key"),
        ("clock_skew_seconds = ".into(), 1, "clock_skew_seconds", ""),
    ] {
        let error = TrustPolicy::from_toml(&toml).unwrap_err();
        let ClaimsError::MalformedPolicy { line: at, field: named, reason } = &error else {
            panic!("{toml}: {error:?}")
        };
        assert_eq!((*at, &**named), (line, field), "{toml}: {error}");
        assert!(reason.contains(says), "{toml}: {error}");
        assert!(error.to_string().contains(&format!("line {line}")), "{error}");
    }
}

#[test]
fn a_secret_that_was_pasted_is_not_repeated() {
    let part = &ACCOUNT[2..50];
    for toml in [
        format!("accounts = [\"{ACCOUNT}\"]"),
        format!("account_tokens = [\"{ACCOUNT}\"]"),
        format!("{ACCOUNT} = 1"),
        ACCOUNT.to_owned(),
        format!("{part} = 1"),
        format!("\"{ACCOUNT}\" = '"),
        format!("[{ACCOUNT}]"),
        format!("[issuers.{ACCOUNT}]\ngrants = []"),
        format!("[issuers]\n{ACCOUNT} = {{ grants = [] }}"),
        format!("[actors]\nminimum_revision = {{ {ACCOUNT} = 3 }}"),
        format!("[revoked]\n{ACCOUNT} = []\n{ACCOUNT} = []"),
    ] {
        let error = TrustPolicy::from_toml(&toml).unwrap_err();
        assert!(!error.to_string().contains(&ACCOUNT[4..30]), "{error}");
        assert!(!format!("{error:?}").contains(&ACCOUNT[4..30]), "{error:?}");
    }
}

/// Any text may be given for a policy: it is refused or read, and nothing panics.
#[test]
fn damaged_documents_are_refused_or_read() {
    let whole = format!(
        "{}clock_skew_seconds = 5\n[revoked]\ntokens = [\"\u{e4}\"]\n[issuers.{}]\ngrants = []\n",
        accounts(),
        account().public_key()
    );
    let mut numbers = common::Numbers(11);
    let mut refused = 0;
    for _ in 0..3000 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..=numbers.below(3) {
            let at = numbers.below(bytes.len());
            match numbers.below(3) {
                0 => bytes[at] = b"[]{}=\"'.\n#,x0"[numbers.below(13)],
                1 => bytes.truncate(at.max(1)),
                _ => drop(bytes.remove(at.min(bytes.len() - 1))),
            }
            if bytes.is_empty() {
                bytes.push(b'[');
            }
        }
        refused += usize::from(TrustPolicy::from_toml(&String::from_utf8_lossy(&bytes)).is_err());
    }
    assert!(refused > 1000, "{refused}");
}
