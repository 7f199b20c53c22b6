//! Assembles a host from a plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use capability_claims::VerifiedModule;
use capability_provider::{ActorId, LinkConfig, LinkKey, ProviderError};
use host_audit::{AuditError, AuditLog};
use host_core::{Error as HostError, Host, HostBuilder};
use provider_http_server::HttpServer;

use crate::{
    error::CliError,
    manifest::{LinkTable, Source},
    run::{
        Purpose,
        module::{Loaded, Module},
        plan::Plan,
    },
};

/// A host with its actors, and the links that it is to have.
pub(crate) struct Assembly {
    host: Host,
    /// In the order of the plan's actors.
    loaded: Vec<Loaded>,
    /// Those that were only checked.
    checked: Vec<VerifiedModule>,
    /// In the order of the plan's links.
    keys: Vec<LinkKey>,
    listeners: Vec<(LinkKey, Arc<HttpServer>)>,
}

impl Assembly {
    /// Verifies, compiles and, unless they are only checked, starts the actors. Nothing is connected to the world yet.
    pub(crate) fn load(
        source: &Source,
        plan: &Plan,
        cache: Option<PathBuf>,
        purpose: Purpose,
    ) -> Result<Self, CliError> {
        let audit = plan.audit.as_ref().filter(|_| purpose == Purpose::Serve);
        let mut builder = builder(source, plan, cache);
        if let Some(ledger) = &plan.ledger {
            builder = builder.revision_ledger(Arc::clone(ledger));
        }
        if let Some(table) = audit {
            let path = source.resolve(table.file.get_ref());
            let log = if plan.files.insecure() {
                AuditLog::open_anywhere(path, table.on_failure)
            } else {
                AuditLog::open(path, table.on_failure)
            };
            let told = |error| match error {
                AuditError::Untrusted { source } => CliError::Untrusted(source),
                other => other.into(),
            };
            builder = builder.audit(log.map_err(|error| source.at(table.file.span())(told(error)))?);
        }
        let host = builder.build()?;
        let (mut loaded, mut checked) = (Vec::new(), Vec::new());
        for actor in &plan.actors {
            let module = Module::read(source, actor)?;
            let let_in = if purpose == Purpose::Check {
                module.check(&host, &loaded).map(|(actor, module)| {
                    checked.push(module);
                    actor
                })
            } else {
                module.add(&host)
            };
            loaded.push(let_in.map_err(source.at(actor.file.span()))?);
        }
        let aliases = aliases(plan, &loaded);
        let mut seen = BTreeSet::new();
        let mut keys = Vec::new();
        let mut listeners = Vec::new();
        for link in &plan.links {
            let key = key(source, link, &aliases)?;
            if !seen.insert(key.clone()) {
                return Err(source.wrong(link.actor.span(), format!("there is a {key} already")));
            }
            let place = (key.capability.clone(), key.link.clone());
            if let Some(http) = plan.providers.get(&place).and_then(|planned| planned.http.clone()) {
                listeners.push((key.clone(), http));
            }
            keys.push(key);
        }
        Ok(Self { host, loaded, checked, keys, listeners })
    }

    /// Brings the providers in and makes the links; those that listen come last, when all that they need is there.
    pub(crate) fn connect(&self, source: &Source, plan: &Plan) -> Result<(), CliError> {
        for ((_, link), planned) in &plan.providers {
            self.host
                .add_provider(link.clone(), planned.provider.clone())
                .map_err(|error| source.at(planned.span.clone())(error.into()))?;
        }
        let listens = |key: &LinkKey| self.listeners.iter().any(|(listener, _)| listener == key);
        let links = || plan.links.iter().zip(&self.keys);
        let inner = links().filter(|(_, key)| !listens(key));
        for (link, key) in inner.chain(links().filter(|(_, key)| listens(key))) {
            self.link(source, link, key)?;
        }
        Ok(())
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// The modules that were only checked.
    pub(crate) fn checked(&self) -> &[VerifiedModule] {
        &self.checked
    }

    /// The actors, to put other modules in their places.
    pub(crate) fn loaded(&mut self) -> (&Host, &mut [Loaded]) {
        (&self.host, &mut self.loaded)
    }

    /// The links that listen, and the URL of each.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = (&LinkKey, String)> {
        self.listeners.iter().filter_map(|(key, http)| http.url(key).map(|url| (key, url)))
    }

    fn link(&self, source: &Source, link: &LinkTable, key: &LinkKey) -> Result<(), CliError> {
        let config: LinkConfig =
            link.config.iter().map(|(name, value)| (name.clone(), value.get_ref().0.clone())).collect();
        self.host.link(key, config).map_err(|error| {
            let wrong = match &error {
                HostError::LinkFailed { source, .. } => {
                    wrong_key(source).and_then(|key| link.config.get(key))
                }
                _ => None,
            };
            let span = wrong.map_or_else(|| link.capability.span(), |value| value.span());
            source.at(span)(error.into())
        })
    }
}

fn builder(source: &Source, plan: &Plan, cache: Option<PathBuf>) -> HostBuilder {
    let wanted = &plan.host;
    let mut builder = Host::builder().trust(plan.trust.clone());
    if let Some(directory) = cache.or_else(|| wanted.cache_dir.as_deref().map(|path| source.resolve(path))) {
        builder = builder.cache_dir(directory);
    }
    if let Some(time) = wanted.call_deadline {
        builder = builder.call_deadline(time.0);
    }
    if let Some(time) = wanted.drain_deadline {
        builder = builder.drain_deadline(time.0);
    }
    if let Some(time) = wanted.provider_deadline {
        builder = builder.provider_deadline(time.0);
    }
    if let Some(time) = wanted.max_wait {
        builder = builder.max_wait(time.0);
    }
    if let Some(size) = wanted.memory_limit {
        builder = builder.memory_limit(size.0);
    }
    if let Some(size) = wanted.payload_limit {
        builder = builder.payload_limit(usize::try_from(size.0).unwrap_or(usize::MAX));
    }
    if let Some(instances) = wanted.max_instances {
        builder = builder.max_instances(instances.get());
    }
    if let Some(depth) = wanted.max_call_depth {
        builder = builder.max_call_depth(depth);
    }
    if wanted.guest_clock == Some(false) {
        builder = builder.no_guest_clock();
    }
    if wanted.guest_random == Some(false) {
        builder = builder.no_guest_random();
    }
    if let Some(isolation) = wanted.isolation {
        builder = builder.isolation(isolation.into());
    }
    if wanted.frozen_start == Some(true) {
        builder = builder.allow_frozen_start();
    }
    builder
}

/// The actors by the names that links call them by.
fn aliases(plan: &Plan, loaded: &[Loaded]) -> BTreeMap<String, ActorId> {
    let actors = plan.actors.iter().zip(loaded);
    let names = actors.flat_map(|(actor, loaded)| {
        let alias = actor.name.as_ref().map(|alias| alias.get_ref().clone());
        alias.into_iter().chain([loaded.id.to_string()]).map(|name| (name, loaded.id.clone()))
    });
    names.collect()
}

/// The key of the value that a provider refused.
fn wrong_key(error: &ProviderError) -> Option<&str> {
    match error {
        ProviderError::InvalidConfig { key, .. } => Some(key),
        _ => None,
    }
}

fn key(source: &Source, link: &LinkTable, actors: &BTreeMap<String, ActorId>) -> Result<LinkKey, CliError> {
    let name = link.actor.get_ref();
    let actor = actors
        .get(name)
        .ok_or_else(|| source.wrong(link.actor.span(), format!("no [[actor]] has the key {name}")))?;
    Ok(LinkKey::new(actor.clone(), link.capability.get_ref().0.clone(), link.name.0.clone()))
}
