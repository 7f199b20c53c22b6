//! Reads one module of a manifest, as it is in its file at this moment.

use std::path::PathBuf;

use capability_claims::{PublicKey, VerifiedModule};
use capability_provider::ActorId;
use host_core::{AddOptions, Error as HostError, Host, SwapOptions, SwapReport};
use sha2::{Digest, Sha256};
use toml::Spanned;

use crate::{
    error::CliError,
    file,
    manifest::{ActorTable, IsolationName, Source},
    trust,
};

/// A module with the tokens beside it.
pub(super) struct Module {
    path: PathBuf,
    wasm: Vec<u8>,
    chain: Option<Vec<String>>,
    lower_revision: Option<i32>,
    hand_over_to: Option<PublicKey>,
    guest_clock: Option<bool>,
    guest_random: Option<bool>,
    isolation: Option<IsolationName>,
    frozen_start: Option<bool>,
}

/// Shows whether a module or a token beside it has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen([u8; 32]);

/// An actor that runs, and the module of which it was made.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) id: ActorId,
    pub(super) seen: Seen,
}

impl Module {
    pub(super) fn read(source: &Source, actor: &ActorTable) -> Result<Self, CliError> {
        let tokens = |token: &Spanned<String>| {
            trust::tokens_in(token.get_ref(), source.directory()).map_err(source.at(token.span()))
        };
        let chain = actor.chain.as_ref().map(|chain| chain.iter().map(tokens).collect::<Result<Vec<_>, _>>());
        let chain = chain.transpose()?.map(|tokens| tokens.concat());
        let path = source.resolve(actor.file.get_ref());
        let wasm = file::read(&path).map_err(source.at(actor.file.span()))?;
        let owner = |owner: &Spanned<String>| {
            PublicKey::parse(owner.get_ref()).map_err(|error| source.at(owner.span())(error.into()))
        };
        let hand_over_to = actor.hand_over_to.as_ref().map(owner).transpose()?;
        let &ActorTable { lower_revision, guest_clock, guest_random, isolation, frozen_start, .. } = actor;
        Ok(Self {
            path,
            wasm,
            chain,
            lower_revision,
            hand_over_to,
            guest_clock,
            guest_random,
            isolation,
            frozen_start,
        })
    }

    pub(super) fn seen(&self) -> Seen {
        let mut digest = Sha256::new_with_prefix(Sha256::digest(&self.wasm));
        for token in self.chain.iter().flatten() {
            digest.update(Sha256::digest(token));
        }
        Seen(digest.finalize().into())
    }

    /// Lets it in as a new actor.
    pub(super) fn add(self, host: &Host) -> Result<Loaded, CliError> {
        let seen = self.seen();
        let options = self.options();
        let id = host.add_actor_with(self.wasm, options).map_err(refusal(self.path))?;
        Ok(Loaded { id, seen })
    }

    /// Finds out whether it would be let in beside the others, without running anything of it.
    pub(super) fn check(self, host: &Host, others: &[Loaded]) -> Result<(Loaded, VerifiedModule), CliError> {
        let seen = self.seen();
        let options = self.options();
        let module = host.check_actor_with(self.wasm, options).map_err(refusal(self.path))?;
        let key = module.claims().subject().to_string();
        let id = ActorId::new(&key).expect("the subject of a verified module is a module's key");
        if others.iter().any(|other| other.id == id) {
            return Err(HostError::ActorExists { actor: id }.into());
        }
        Ok((Loaded { id, seen }, module))
    }

    fn options(&self) -> AddOptions {
        let mut options = AddOptions::new();
        options.chain.clone_from(&self.chain);
        options.lower_revision = self.lower_revision;
        options.hand_over_to = self.hand_over_to;
        options = match self.guest_clock {
            Some(true) => options.system_guest_clock(),
            Some(false) => options.no_guest_clock(),
            None => options,
        };
        options = match self.guest_random {
            Some(true) => options.system_guest_random(),
            Some(false) => options.no_guest_random(),
            None => options,
        };
        if let Some(isolation) = self.isolation {
            options = options.isolation(isolation.into());
        }
        match self.frozen_start {
            Some(allowed) => options.frozen_start(allowed),
            None => options,
        }
    }

    /// Puts it in the place of the one of which the actor was made.
    pub(super) fn replace(self, host: &Host, loaded: &mut Loaded) -> Result<SwapReport, CliError> {
        let seen = self.seen();
        let mut options = SwapOptions::new().actor(loaded.id.clone());
        options.chain = self.chain;
        options.lower_revision = self.lower_revision;
        options.hand_over_to = self.hand_over_to;
        let report = host.replace_actor_with(self.wasm, options).map_err(refusal(self.path))?;
        loaded.seen = seen;
        Ok(report)
    }
}

/// Names the file of a module that is refused.
fn refusal(path: PathBuf) -> impl FnOnce(HostError) -> CliError {
    |error| match error {
        HostError::Refused { module, source } => CliError::ModuleRefused { path, module, source },
        other => other.into(),
    }
}
