//! Actors on an operator's authority.

use std::sync::Arc;

use capability_claims::{
    AccountBuilder, Chain, ClaimsBuilder, KeyKind, KeyPair, ManualClock, OperatorBuilder, PublicKey,
    TrustPolicy, sign_module,
};
use host_core::Host;

use super::{NOW, wasm};

/// An operator, the account that it vouches for, and a host that trusts the operator only.
pub(crate) struct Vouched {
    pub(crate) host: Host,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) operator: KeyPair,
    pub(crate) account: KeyPair,
}

impl Vouched {
    pub(crate) fn new() -> Self {
        let [operator, account] =
            [KeyKind::Operator, KeyKind::Account].map(|kind| KeyPair::generate(kind).unwrap());
        let clock = Arc::new(ManualClock::new(NOW));
        let trust = TrustPolicy::nobody().operator(operator.public_key());
        let host = Host::builder().trust(trust).clock(Arc::clone(&clock) as _).build().unwrap();
        Self { host, clock, operator, account }
    }

    pub(crate) fn trust(&self) -> TrustPolicy {
        TrustPolicy::nobody().operator(self.operator.public_key())
    }

    /// The operator's word for its own key, and for an account.
    pub(crate) fn tokens(
        &self,
        account: PublicKey,
        terms: impl FnOnce(AccountBuilder) -> AccountBuilder,
    ) -> [String; 2] {
        let root =
            OperatorBuilder::new().name("the house").id("root").issued_at(NOW).issue(&self.operator).unwrap();
        let team = AccountBuilder::new(account).name("team red").id("team").issued_at(NOW);
        [root, terms(team).issue(&self.operator).unwrap()]
    }

    /// A module signed by the account, with the chain inside when there is one.
    pub(crate) fn sign(
        &self,
        wat: &str,
        chain: Option<&[String; 2]>,
        key: &KeyPair,
        claims: impl FnOnce(ClaimsBuilder) -> ClaimsBuilder,
    ) -> Vec<u8> {
        let mut module = wasm(wat);
        if let Some(tokens) = chain {
            module = Chain::new(tokens.iter().map(String::as_str)).unwrap().embed(&module).unwrap();
        }
        let claims = claims(ClaimsBuilder::new(key.public_key()).name("counter").issued_at(NOW));
        sign_module(&module, &claims, &self.account).unwrap()
    }
}
