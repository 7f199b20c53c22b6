//! Holds what a policy binds to whom, and looks up what of a module is bound.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::{Bound, ClaimsError, OwnershipError},
    keys::PublicKey,
    policy::pattern::NamePattern,
    tokens::ModuleClaims,
};

/// What the policy binds to whom. An owner is an account, or an operator for all the accounts that
/// it vouches for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bindings {
    pub(crate) modules: BTreeMap<PublicKey, Owners>,
    pub(crate) names: BTreeMap<NamePattern, Owners>,
    pub(crate) tags: BTreeMap<Box<str>, Owners>,
    /// The operators whose accounts may take over each other's actors.
    pub(crate) shared: BTreeSet<PublicKey>,
}

/// Those to whom one thing is bound, any of whom is enough.
pub(crate) type Owners = BTreeSet<PublicKey>;

/// [`Bound`] without a text of its own, so that looking costs nothing when all is well.
#[derive(Clone, Copy)]
pub(crate) enum BoundIn<'a> {
    Key,
    Name(&'a str),
    Tag(&'a str),
}

impl BoundIn<'_> {
    pub(crate) fn refusal(self, claims: &ModuleClaims, owner: PublicKey) -> ClaimsError {
        let bound = match self {
            Self::Key => Bound::Key,
            Self::Name(name) => Bound::Name(untrusted_text::cut(name).into()),
            Self::Tag(tag) => Bound::Tag(untrusted_text::cut(tag).into()),
        };
        let (subject, issuer) = (claims.into(), claims.issuer());
        OwnershipError::BoundToAnother { subject, bound, owner, issuer }.into()
    }
}

impl Bindings {
    /// What of the module is bound to nobody among these keys, and to whom instead.
    pub(crate) fn elsewhere<'a>(
        &'a self,
        claims: &'a ModuleClaims,
        keys: impl Iterator<Item = PublicKey> + Clone,
    ) -> Option<(BoundIn<'a>, PublicKey)> {
        if self.is_empty() {
            return None;
        }
        let mut bound = self.of(claims);
        let (what, owners) = bound.find(|(_, owners)| !keys.clone().any(|key| owners.contains(&key)))?;
        Some((what, *owners.first()?))
    }

    fn is_empty(&self) -> bool {
        self.modules.is_empty() && self.names.is_empty() && self.tags.is_empty()
    }

    /// Everything of the module that is bound, with its owners.
    fn of<'a>(&'a self, claims: &'a ModuleClaims) -> impl Iterator<Item = (BoundIn<'a>, &'a Owners)> {
        let key = self.modules.get(&claims.subject()).map(|owners| (BoundIn::Key, owners));
        let names = [claims.name(), claims.call_alias()].into_iter().flatten().flat_map(|name| {
            let matching = self.names.iter().filter(move |(pattern, _)| pattern.matches(name));
            matching.map(move |(_, owners)| (BoundIn::Name(name), owners))
        });
        let tags = claims.tags().iter().filter_map(|tag| {
            let owners = self.tags.get(tag.as_str())?;
            Some((BoundIn::Tag(tag), owners))
        });
        key.into_iter().chain(names).chain(tags)
    }
}
