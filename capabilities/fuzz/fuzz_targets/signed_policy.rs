//! Tries signed policies: only what was signed is accepted, and never an older one after a newer one.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use capability_claims::{SignedPolicies, SignedPolicy, TrustPolicy};
use capability_fuzz::cast;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    changes: Vec<(u16, u8)>,
    cut: Option<u16>,
    appended: &'a str,
    text: &'a str,
    serials: Vec<u8>,
}

static GENUINE: LazyLock<String> = LazyLock::new(|| {
    let text = format!("accounts = [\"{}\"]\n[revoked]\ntokens = [\"x\"]\n", cast().account.public_key());
    SignedPolicy::sign(&text, 7, &cast().operator).expect("it is a policy")
});

fuzz_target!(|input: Input<'_>| {
    let signer = cast().operator.public_key();
    let mut changed = GENUINE.clone().into_bytes();
    for (at, byte) in &input.changes {
        let at = usize::from(*at) % changed.len();
        changed[at] = *byte;
    }
    if let Some(cut) = input.cut {
        changed.truncate(usize::from(cut));
    }
    changed.extend(input.appended.bytes());
    if let Ok(text) = str::from_utf8(&changed)
        && SignedPolicy::verify(text, signer).is_ok()
    {
        assert_eq!(text.trim_end(), GENUINE.trim_end());
    }

    let _ = SignedPolicy::verify(input.text, signer);
    let mut policies = SignedPolicies::of(signer);
    for serial in input.serials.iter().map(|serial| u64::from(*serial)).take(8) {
        let Ok(signed) = SignedPolicy::sign(input.text, serial, &cast().operator) else { return };
        let newest = policies.newest();
        // The same serial once more is signed at another moment, but it is the same text.
        assert_eq!(policies.accept(&signed).is_ok(), newest.is_none_or(|newest| serial >= newest.serial));
        let Ok(plain) = TrustPolicy::from_toml(input.text) else {
            // The line of an earlier signature, which was taken off, is a comment like any other, and may be no right one.
            let last = input.text.trim_end().rsplit('\n').next();
            assert!(last.is_some_and(|line| line.starts_with("# signature: ")), "{:?}", input.text);
            continue;
        };
        assert_eq!(TrustPolicy::from_toml(&signed).expect("so it is when it is signed").hash(), plain.hash());
    }
});
