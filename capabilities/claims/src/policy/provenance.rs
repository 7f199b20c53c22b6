//! Tells what verification established about where a module comes from.

use crate::{
    chain::Link,
    policy::check::{Anchor, Voucher},
    tokens::ModuleClaims,
};

/// Who stands behind a module, from the key that the policy trusts down to the module itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance(Box<[Link]>);

impl Provenance {
    pub(crate) fn of(claims: &ModuleClaims, anchor: Anchor<'_>) -> Self {
        let Anchor::Operator(Voucher { account, operator, .. }) = anchor else {
            return Self([Link::bare(claims.issuer()), claims.into()].into());
        };
        let operator = operator.map_or_else(|| Link::bare(account.operator()), Link::from);
        Self([operator, account.into(), claims.into()].into())
    }

    /// The links, from the one that the policy trusts to the module. There are two or three.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.0
    }
}
