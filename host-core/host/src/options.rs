//! Says how an actor is to be added, and how a swap is to be done.

use std::sync::Arc;

use capability_claims::PublicKey;
use capability_provider::ActorId;
use wapc_host::{GuestClock, HostCallError, Isolation};

use crate::actors::system::{OwnSystem, Source};

/// How an actor is to be added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddOptions {
    /// The tokens between an operator and the account that signed the module, the operator's first when it is there. They take
    /// the place of a chain inside the module.
    pub chain: Option<Vec<String>>,
    /// A revision that may come in although a higher one of the same key ran before: this one and no other. Only looked at where the
    /// host has a [revision ledger](crate::HostBuilder::revision_ledger). Nothing else is waived.
    pub lower_revision: Option<i32>,
    /// The account that the actor is handed over to, or an operator for the accounts that it vouches for, where the
    /// [revision ledger](crate::HostBuilder::revision_ledger) remembers that it belonged to another: see
    /// [`SwapOptions::hand_over_to`].
    pub hand_over_to: Option<PublicKey>,
    /// What the actor is given of the system, whatever version of it serves.
    pub(crate) system: OwnSystem,
}

impl AddOptions {
    /// As the module comes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same options with a [`chain`](Self::chain) beside the module.
    #[must_use]
    pub fn chain<T: Into<String>>(mut self, tokens: impl IntoIterator<Item = T>) -> Self {
        self.chain = Some(tokens.into_iter().map(Into::into).collect());
        self
    }

    /// The same options with a [handover](Self::hand_over_to) to this account or operator.
    #[must_use]
    pub fn hand_over_to(mut self, owner: PublicKey) -> Self {
        self.hand_over_to = Some(owner);
        self
    }

    /// The same options with a [`lower_revision`](Self::lower_revision) that may come in.
    #[must_use]
    pub fn lower_revision(mut self, revision: i32) -> Self {
        self.lower_revision = Some(revision);
        self
    }

    /// The same options with a clock of the actor's own, whatever the host's setting: see
    /// [`HostBuilder::guest_clock`](crate::HostBuilder::guest_clock). It holds until the actor is removed, over all swaps, as all of the
    /// clock and of random bytes.
    #[must_use]
    pub fn guest_clock(mut self, clock: impl GuestClock) -> Self {
        self.system.clock = Some(Source::Owner(Arc::new(clock)));
        self
    }

    /// The same options with the system's clock, whatever the host's setting.
    #[must_use]
    pub fn system_guest_clock(mut self) -> Self {
        self.system.clock = Some(Source::System);
        self
    }

    /// The same options without the time, whatever the host's setting: see
    /// [`HostBuilder::no_guest_clock`](crate::HostBuilder::no_guest_clock).
    #[must_use]
    pub fn no_guest_clock(mut self) -> Self {
        self.system.clock = Some(Source::Denied);
        self
    }

    /// The same options with random bytes from `fill`, whatever the host's setting: see
    /// [`HostBuilder::guest_random`](crate::HostBuilder::guest_random).
    #[must_use]
    pub fn guest_random(
        mut self,
        fill: impl Fn(&mut [u8]) -> Result<(), HostCallError> + Send + Sync + 'static,
    ) -> Self {
        self.system.random = Some(Source::Owner(Arc::new(fill)));
        self
    }

    /// The same options with the system's random bytes, whatever the host's setting.
    #[must_use]
    pub fn system_guest_random(mut self) -> Self {
        self.system.random = Some(Source::System);
        self
    }

    /// The same options without random bytes, whatever the host's setting: see
    /// [`HostBuilder::no_guest_random`](crate::HostBuilder::no_guest_random).
    #[must_use]
    pub fn no_guest_random(mut self) -> Self {
        self.system.random = Some(Source::Denied);
        self
    }

    /// The same options with what each call of the actor may find of earlier ones in its instance, whatever the host's setting: see
    /// [`HostBuilder::isolation`](crate::HostBuilder::isolation). It holds until the actor is removed, over all swaps.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.system.isolation = Some(isolation);
        self
    }

    /// The same options with pristine calls allowed, or not, where the actor's start drew random bytes, whatever the host's setting: see
    /// [`HostBuilder::allow_frozen_start`](crate::HostBuilder::allow_frozen_start).
    #[must_use]
    pub fn frozen_start(mut self, allowed: bool) -> Self {
        self.system.frozen_start = Some(allowed);
        self
    }
}

/// How a swap is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SwapOptions {
    /// Whether a lower revision may take the place of a higher one, or of one that is higher in the host's
    /// [revision ledger](crate::HostBuilder::revision_ledger). Nothing else is waived: the module is verified as ever, and a lowest
    /// revision that the policy asks for holds.
    pub force: bool,
    /// The actor that is to be replaced. A module of another key is refused; without this, the module's key says which actor
    /// it replaces.
    pub actor: Option<ActorId>,
    /// The tokens between an operator and the account that signed the module: see [`AddOptions::chain`].
    pub chain: Option<Vec<String>>,
    /// The account that the actor is handed over to, or an operator for the accounts that it vouches for. An actor belongs to the
    /// account that brought it in; without this only that one's modules take its place, and those of others whom the policy names:
    /// see [`TrustPolicy::may_take_over`](capability_claims::TrustPolicy::may_take_over).
    pub hand_over_to: Option<PublicKey>,
    /// A revision that may take the place of a higher one, as [`force`](Self::force) lets any: this one and no other.
    pub lower_revision: Option<i32>,
}

impl SwapOptions {
    /// A swap that refuses a lower revision.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same options with [`force`](Self::force) as given.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// The same options with a [handover](Self::hand_over_to) to this account or operator.
    #[must_use]
    pub fn hand_over_to(mut self, owner: PublicKey) -> Self {
        self.hand_over_to = Some(owner);
        self
    }

    /// The same options with a [`lower_revision`](Self::lower_revision) that may take the place of a higher one.
    #[must_use]
    pub fn lower_revision(mut self, revision: i32) -> Self {
        self.lower_revision = Some(revision);
        self
    }

    /// The same options for this [`actor`](Self::actor) only.
    #[must_use]
    pub fn actor(mut self, actor: ActorId) -> Self {
        self.actor = Some(actor);
        self
    }

    /// The same options with a [`chain`](Self::chain) beside the module.
    #[must_use]
    pub fn chain<T: Into<String>>(mut self, tokens: impl IntoIterator<Item = T>) -> Self {
        self.chain = Some(tokens.into_iter().map(Into::into).collect());
        self
    }
}
