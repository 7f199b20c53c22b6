//! Names the place of a provider: the capability that it serves, and the link name.

use std::fmt;

use capability_provider::{ActorId, CapabilityId, LinkKey, LinkName};

/// Where a provider stands: the capability it serves and the link name it serves it under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) capability: CapabilityId,
    pub(crate) link: LinkName,
}

impl Place {
    /// Where the provider of this link stands.
    pub(crate) fn of(key: &LinkKey) -> Self {
        Self { capability: key.capability.clone(), link: key.link.clone() }
    }

    /// The actor's link to whatever stands here.
    pub(crate) fn link_of(&self, actor: &ActorId) -> LinkKey {
        LinkKey { actor: actor.clone(), capability: self.capability.clone(), link: self.link.clone() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (link `{}`)", self.capability, self.link)
    }
}
