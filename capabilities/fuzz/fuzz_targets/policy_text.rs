//! Reads any text as a policy: it is accepted or refused, with the place of the mistake and without what may be a secret.
#![no_main]

use capability_claims::{ClaimsError, PolicyDocument, TrustPolicy};
use capability_fuzz::{ACCOUNT_SEED, PolicyText};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match PolicyDocument::from_toml(text) {
        Ok(document) => {
            let written = PolicyText::of(&document).to_string();
            assert_eq!(PolicyDocument::from_toml(&written).as_ref(), Ok(&document), "{written}");
            // Only as a whole it can be wrong still: in what its end says, or in rotations that contradict each other.
            match document.into_policy() {
                Ok(policy) => {
                    let again = TrustPolicy::from_toml(text).expect("the same in one step");
                    assert_eq!(policy.hash(), again.hash());
                }
                Err(ClaimsError::Policy(_) | ClaimsError::Rotation(_) | ClaimsError::TooMany { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        Err(error) => refused(text, &error),
    }
});

fn refused(text: &str, error: &ClaimsError) {
    let ClaimsError::MalformedPolicy { line, .. } = error else { panic!("{error:?}") };
    assert!((1..=text.split('\n').count()).contains(line), "line {line} of {text:?}");
    let said = format!("{error} {error:?}");
    assert!(!said.contains(&ACCOUNT_SEED[4..30]), "{said}");
    assert!(!error.to_string().contains(|c: char| c.is_control()), "{said}");
}
