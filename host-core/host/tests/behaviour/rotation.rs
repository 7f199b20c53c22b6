//! An account rotates its key while its actor serves: the new version takes over, the old key is revoked, and no call fails.

use capability_claims::{ClaimsError, KeyKind, KeyPair, ManualClock, RotationBuilder, TrustPolicy};
use host_core::Host;

use crate::support::{NOW, echo, module_key, sign_by};

#[test]
fn sign_trust_rotate_and_revoke_while_it_serves() {
    let [old, new] = [(); 2].map(|()| KeyPair::generate(KeyKind::Account).unwrap());
    let trust = || TrustPolicy::nobody().account(old.public_key());
    let clock = std::sync::Arc::new(ManualClock::new(NOW));
    let host = Host::builder().trust(trust()).clock(clock.clone()).build().unwrap();
    let key = module_key();
    let signed = |account: &KeyPair, revision| sign_by(account, &echo(), &key, |c| c.revision(revision));
    let actor = host.add_actor(signed(&old, 1)).unwrap();
    let serves = || assert_eq!(&host.call(&actor, "op", b"well").unwrap()[..], b"well");
    serves();

    let rotation = RotationBuilder::new().issued_at(NOW).expires_at(NOW + 60).issue(&old, &new).unwrap();
    let rotated = || trust().rotation(&rotation).unwrap();
    let report = host.replace_policy(rotated()).unwrap();
    assert!(report.barred.is_empty());
    serves();
    host.replace_actor(signed(&new, 2)).unwrap();
    serves();
    let report = host.replace_policy(rotated().revoke_key(old.public_key())).unwrap();
    assert!(report.barred.is_empty(), "{report:?}");
    serves();
    let refused = host.replace_actor(signed(&old, 3)).unwrap_err();
    assert!(matches!(refused.refusal(), Some(ClaimsError::KeyRevoked { .. })), "{refused}");
    // After the overlap, too.
    clock.set(NOW + 61);
    serves();
}
