//! Runs the demonstration: one host, one actor, two links.

use std::{fmt::Display, fs, path::PathBuf, sync::Arc};

use capability_contracts::{http_server, keyvalue, logging};
use capability_provider::{ActorId, CapabilityId, LinkConfig, LinkKey, LinkName, Provider};
use host_core::{Host, SwapOptions};
use provider_http_server::HttpServer;
use provider_keyvalue_memory::MemoryKeyValue;
use provider_keyvalue_redis::RedisKeyValue;
use provider_logging::LogProvider;

use crate::{
    commands::{Command, HELP, Store, Version},
    error::Error,
    modules::Modules,
};

pub(crate) struct Demonstration {
    host: Host,
    modules: Modules,
    actor: ActorId,
    server: Arc<HttpServer>,
}

impl Demonstration {
    /// Starts the first version on the in-memory store, behind HTTP on this port.
    pub(crate) fn start(modules: Modules, port: u16, cache: Option<PathBuf>) -> Result<Self, Error> {
        let mut builder = Host::builder().trust(modules.trust());
        if let Some(directory) = cache {
            builder = builder.cache_dir(directory);
        }
        let host = builder.build()?;
        let server = Arc::new(HttpServer::new());
        let providers: [Arc<dyn Provider>; 3] =
            [server.clone(), Arc::new(MemoryKeyValue::new()), Arc::new(LogProvider::new())];
        for provider in providers {
            host.add_provider(LinkName::default(), provider)?;
        }
        let actor = host.add_actor(modules.v1.clone())?;
        let demonstration = Self { host, modules, actor, server };
        for capability in [keyvalue::CAPABILITY, logging::CAPABILITY] {
            demonstration.host.link(&demonstration.link(capability), LinkConfig::new())?;
        }
        let http = LinkConfig::new().with("port", port.to_string()).with("errors", "detailed");
        demonstration.host.link(&demonstration.link(http_server::CAPABILITY), http)?;
        Ok(demonstration)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        let address = self.server.local_addr(&self.link(http_server::CAPABILITY));
        address.map_or_else(|| "(nowhere)".to_owned(), |address| format!("http://{address}"))
    }

    /// Carries a command out and tells what came of it. Whatever goes wrong, the demonstration goes on.
    pub(crate) fn obey(&mut self, command: &Command) -> String {
        let outcome = match command {
            Command::Status => Ok(lines(&self.host.status())),
            Command::Health => Ok(lines(&self.host.health())),
            Command::Swap(version) => self.swap(version),
            Command::Store(store) => self.store(store),
            Command::Help => Ok(HELP.to_owned()),
            Command::Nothing | Command::Quit => Ok(String::new()),
        };
        outcome.unwrap_or_else(|error| format!("error: {error}"))
    }

    pub(crate) fn stop(&self) {
        self.host.shutdown();
    }

    fn swap(&self, version: &Version) -> Result<String, Error> {
        let module = match version {
            Version::First => self.modules.v1.clone(),
            Version::Second => self.modules.v2.clone(),
            Version::File(path) => {
                fs::read(path).map_err(|source| Error::Read { path: path.clone(), source })?
            }
        };
        // Going back to an older revision is what somebody at this prompt may want.
        let report = self.host.replace_actor_with(module, SwapOptions::new().force(true))?;
        Ok(format!(
            "swapped {} for {}; {} calls finish on the old one",
            report.from, report.to, report.draining
        ))
    }

    fn store(&self, store: &Store) -> Result<String, Error> {
        let provider: Arc<dyn Provider> = match store {
            Store::Memory => Arc::new(MemoryKeyValue::new()),
            Store::Redis(url) => Arc::new(RedisKeyValue::new(url)?),
            Store::None => {
                self.host.remove_provider(&keyvalue_id(), &LinkName::default())?;
                return Ok("the store is gone".to_owned());
            }
        };
        let name = provider.name().to_owned();
        match self.host.replace_provider(LinkName::default(), provider.clone()) {
            Err(host_core::Error::UnknownProvider { .. }) => {
                self.host.add_provider(LinkName::default(), provider)?;
            }
            outcome => outcome?,
        }
        Ok(format!("the store is now {name}"))
    }

    fn link(&self, capability: &str) -> LinkKey {
        let capability = CapabilityId::new(capability).expect("the contracts' ids are valid");
        LinkKey::new(self.actor.clone(), capability, LinkName::default())
    }
}

fn keyvalue_id() -> CapabilityId {
    CapabilityId::new(keyvalue::CAPABILITY).expect("the contracts' ids are valid")
}

/// What a report displays, without the end of its last line.
fn lines(report: &dyn Display) -> String {
    report.to_string().trim_end().to_owned()
}
