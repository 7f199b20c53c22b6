//! What the host's owner allows: who may run here, and what a running actor may use.

use std::sync::Arc;

use bytes::Bytes;
use capability_claims::{ClaimsError, Clock, ModuleClaims, TrustPolicy, VerifiedModule};

/// The trust policy together with the clock that it is judged by.
pub(crate) struct Policy {
    trust: TrustPolicy,
    clock: Arc<dyn Clock>,
}

impl Policy {
    pub(crate) fn new(trust: TrustPolicy, clock: Arc<dyn Clock>) -> Self {
        Self { trust, clock }
    }

    /// The only way from bytes to a module that this host runs.
    pub(crate) fn admit(&self, wasm: Bytes) -> Result<VerifiedModule, ClaimsError> {
        self.trust.verify(wasm, self.clock.now())
    }

    /// Whether an actor that was admitted may still be called. Asked before every call.
    pub(crate) fn may_run(&self, claims: &ModuleClaims) -> Result<(), ClaimsError> {
        self.trust.check(claims, self.clock.now())
    }
}

/// What a token grants: capability ids and, for calls between actors, public keys of modules.
pub(crate) struct Grants(Box<[Box<str>]>);

impl Grants {
    pub(crate) fn new<'a>(granted: impl IntoIterator<Item = &'a String>) -> Self {
        let mut granted: Vec<Box<str>> = granted.into_iter().map(|id| id.as_str().into()).collect();
        granted.sort_unstable();
        granted.dedup();
        Self(granted.into())
    }

    /// Whether `id` is granted: the whole text must be equal. Asked before every call that leaves an actor.
    pub(crate) fn allow(&self, id: &str) -> bool {
        self.0.binary_search_by(|granted| granted.as_ref().cmp(id)).is_ok()
    }

    /// Every grant once, in order.
    pub(crate) fn to_vec(&self) -> Vec<String> {
        self.0.iter().map(|id| id.to_string()).collect()
    }

    /// Those that `other` does not have.
    pub(crate) fn beyond(&self, other: &Self) -> Vec<String> {
        self.0.iter().filter(|id| !other.allow(id)).map(|id| id.to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(ids: &[&str]) -> Grants {
        Grants::new(&ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn only_the_whole_id_is_granted() {
        let grants = grants(&["wascc:keyvalue", "wascc:http_server"]);
        assert!(grants.allow("wascc:keyvalue") && grants.allow("wascc:http_server"));
        for id in ["", "wascc:", "wascc:keyvalue2", "wascc:keyvalu", "WASCC:KEYVALUE", "*"] {
            assert!(!grants.allow(id), "{id}");
        }
    }

    #[test]
    fn gained_and_lost_are_told_apart() {
        let (old, new) = (grants(&["a", "b"]), grants(&["b", "c", "c"]));
        assert_eq!(new.beyond(&old), ["c"]);
        assert_eq!(old.beyond(&new), ["a"]);
    }
}
