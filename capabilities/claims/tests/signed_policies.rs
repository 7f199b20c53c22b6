//! A signed policy is taken from one key, unaltered, and never in place of a newer one.
#![cfg(feature = "toml")]

mod common;

use capability_claims::{ClaimsError, KeyPair, PolicyError, SignedPolicies, SignedPolicy, TrustPolicy};
use common::{Numbers, OTHER_ACCOUNT, account, module, operator};

fn text() -> String {
    let a = account().public_key();
    format!("accounts = [\"{a}\"]\nclock_skew_seconds = 5\n[revoked]\ntokens = [\"x\"]\n[end]\nentries = 3\n")
}

fn signed(serial: u64) -> String {
    SignedPolicy::sign(&text(), serial, &account()).unwrap()
}

#[track_caller]
fn policy_error<T: std::fmt::Debug>(result: Result<T, ClaimsError>) -> PolicyError {
    match result.unwrap_err() {
        ClaimsError::Policy(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signed_policy_says_the_same_to_everybody() {
    let verified = SignedPolicy::verify(&signed(7), account().public_key()).unwrap();
    assert_eq!((verified.version.serial, verified.signer), (7, account().public_key()));
    let plain = TrustPolicy::from_toml(&text()).unwrap();
    assert_eq!(TrustPolicy::from_toml(&signed(7)).unwrap().hash(), plain.hash());
    assert_eq!(verified.document.into_policy().unwrap().hash(), plain.hash());
    // Signing anew takes the place of the old signature.
    let again = SignedPolicy::sign(&signed(7), 8, &account()).unwrap();
    assert_eq!(again.matches("# signature: ").count(), 1);
    assert_eq!(SignedPolicy::verify(&again, account().public_key()).unwrap().version.serial, 8);
    assert!(
        SignedPolicy::verify(&SignedPolicy::sign("", 1, &operator()).unwrap(), operator().public_key())
            .is_ok()
    );
}

#[test]
fn a_policy_of_nobody_or_somebody_else_is_refused() {
    let other = KeyPair::from_seed(OTHER_ACCOUNT).unwrap();
    let verify = |text: &str| SignedPolicy::verify(text, account().public_key());
    assert!(matches!(policy_error(verify(&text())), PolicyError::Unsigned { .. }));
    let theirs = SignedPolicy::sign(&text(), 1, &other).unwrap();
    assert!(
        matches!(policy_error(verify(&theirs)), PolicyError::OtherSigner { actual, .. } if actual == other.public_key())
    );
    let appended = format!("{}accounts = []\n", signed(1));
    assert!(matches!(policy_error(verify(&appended)), PolicyError::Unsigned { .. }));
    let cut = signed(1).replace("[revoked]\ntokens = [\"x\"]\n", "");
    assert!(matches!(policy_error(verify(&cut)), PolicyError::Changed { .. }));
    assert!(matches!(SignedPolicy::sign(&text(), 1, &module()), Err(ClaimsError::WrongKeyKind { .. })));
    assert!(
        SignedPolicy::sign("acounts = []", 1, &account()).is_err(),
        "nothing is signed that is not taken"
    );
}

#[test]
fn an_older_policy_does_not_come_back() {
    let mut policies = SignedPolicies::of(account().public_key());
    for serial in [3, 3, 5] {
        assert_eq!(policies.accept(&signed(serial)).unwrap().version.serial, serial);
    }
    let error = policy_error(policies.accept(&signed(4)));
    assert!(matches!(error, PolicyError::Replayed { serial: 4, newest: 5, .. }));
    let another = SignedPolicy::sign("clock_skew_seconds = 6", 5, &account()).unwrap();
    assert!(matches!(
        policy_error(policies.accept(&another)),
        PolicyError::Replayed { serial: 5, newest: 5, .. }
    ));
    let newest = SignedPolicy::verify(&signed(5), account().public_key()).unwrap().version;
    assert!(policies.accept(&signed(5)).is_ok() && policies.newest() == Some(newest));
    // What was refused is not remembered as the newest.
    assert!(policies.accept(&signed(9).replace("= 5", "= 6")).is_err() && policies.newest() == Some(newest));
}

#[test]
fn an_older_policy_does_not_come_back_in_the_next_run() {
    let signer = account().public_key();
    let newest = SignedPolicy::verify(&signed(6), signer).unwrap().version;
    let mut later = SignedPolicies::of(signer).since(newest);
    assert!(matches!(policy_error(later.accept(&signed(5))), PolicyError::Replayed { newest: 6, .. }));
    let another = SignedPolicy::sign("clock_skew_seconds = 6", 6, &account()).unwrap();
    assert!(matches!(
        policy_error(later.accept(&another)),
        PolicyError::Replayed { serial: 6, newest: 6, .. }
    ));
    assert!(later.accept(&signed(6)).is_ok() && later.accept(&signed(7)).is_ok());
    assert!(SignedPolicies::of(signer).since(None).accept(&signed(0)).is_ok());
    // What was taken is not forgotten, whatever somebody else remembers.
    let mut taken = SignedPolicies::of(signer);
    let ninth = taken.accept(&signed(9)).unwrap().version;
    let older = SignedPolicy::verify(&signed(3), signer).unwrap().version;
    for remembered in [None, Some(older)] {
        taken = taken.since(remembered);
        assert_eq!(taken.newest(), Some(ninth));
    }
}

#[test]
fn ten_thousand_changes_of_a_signed_policy_none_accepted() {
    let whole = signed(1);
    let mut numbers = Numbers(0x5161ed);
    let (mut made, mut accepted) = (0, 0);
    while made < 10_000 {
        let mut bytes = whole.clone().into_bytes();
        let at = numbers.below(bytes.len());
        let byte = b" \n#[]=\"AZaz09-_.x"[numbers.below(17)];
        match made % 4 {
            0 | 1 => bytes[at] = byte,
            2 => bytes.truncate(at),
            _ => bytes.insert(at, byte),
        }
        let changed = String::from_utf8(bytes).unwrap();
        // White space after the signature is not part of it.
        if changed.trim_end() != whole.trim_end() {
            accepted += usize::from(SignedPolicy::verify(&changed, account().public_key()).is_ok());
            made += 1;
        }
    }
    assert_eq!(accepted, 0);
}
