//! Reports what `run` has to say once it runs.

use std::{fmt, path::Path};

use capability_claims::VerifiedModule;
use host_core::{ActorStatus, LinkStatus, PolicyReport, ProviderStatus, SwapReport};
use serde::Serialize;
use untrusted_text::{Shown, ShownOf};

use crate::{
    row::LONGEST,
    run::{assembly::Assembly, plan::Plan},
};

/// A manifest that was found good.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    checked: String,
    actors: Vec<ActorView>,
    providers: usize,
    links: usize,
}

impl Checked {
    pub(crate) fn new(manifest: &Path, assembly: &Assembly, plan: &Plan) -> Self {
        let started: Vec<_> = assembly.host().status().actors.into_iter().map(ActorView::new).collect();
        let checked = assembly.checked().iter().map(ActorView::of);
        Self {
            checked: manifest.display().to_string(),
            actors: if started.is_empty() { checked.collect() } else { started },
            providers: plan.providers.len(),
            links: plan.links.len(),
        }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.actors.iter().try_for_each(|actor| writeln!(f, "{actor}"))?;
        let Self { checked, actors, providers, links } = self;
        let checked = ShownOf(checked);
        write!(f, "{checked} is good; actors: {}, providers: {providers}, links: {links}", actors.len())
    }
}

/// A host that serves.
#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    actors: Vec<ActorView>,
    providers: Vec<ProviderStatus>,
    links: Vec<LinkStatus>,
    listening: Vec<Listening>,
    /// The policy, which SIGHUP reads again, as it does the modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

#[derive(Debug, Serialize)]
struct ActorView {
    id: String,
    name: Option<String>,
    version: Option<String>,
    revision: Option<i32>,
    issuer: String,
    capabilities: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Listening {
    url: String,
    actor: String,
    link: String,
}

impl Ready {
    pub(crate) fn new(assembly: &Assembly, policy: Option<&Path>) -> Self {
        let status = assembly.host().status();
        let listening = assembly.listeners().map(|(key, url)| Listening {
            url,
            actor: key.actor.to_string(),
            link: key.link.to_string(),
        });
        Self {
            listening: listening.collect(),
            actors: status.actors.into_iter().map(ActorView::new).collect(),
            providers: status.providers,
            links: status.links,
            policy: policy.map(|path| path.display().to_string()),
        }
    }

    fn name(&self, actor: &str) -> &str {
        self.actors
            .iter()
            .find(|view| view.id == actor)
            .and_then(|view| view.name.as_deref())
            .unwrap_or("unnamed")
    }
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.actors.iter().try_for_each(|actor| writeln!(f, "{actor}"))?;
        for link in &self.links {
            let (name, provider) =
                (self.name(link.actor.as_str()), link.provider.as_deref().unwrap_or("none"));
            writeln!(
                f,
                "link `{}` of \"{}\" to {}: {provider}",
                link.link,
                Shown::new(name),
                link.capability
            )?;
        }
        for Listening { url, actor, .. } in &self.listening {
            writeln!(f, "listening on {url} for \"{}\"", Shown::new(self.name(actor)))?;
        }
        if let Some(policy) = &self.policy {
            writeln!(f, "SIGHUP reads {} and the modules again", ShownOf(policy))?;
        }
        f.write_str("SIGINT (Ctrl-C) or SIGTERM ends it")
    }
}

/// Another policy that holds.
#[derive(Debug, Serialize)]
pub(crate) struct Reloaded {
    policy: String,
    #[serde(flatten)]
    report: PolicyReport,
}

impl Reloaded {
    pub(crate) fn new(path: &Path, report: PolicyReport) -> Self {
        Self { policy: path.display().to_string(), report }
    }
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} holds now", ShownOf(&self.policy))?;
        for barred in &self.report.barred {
            write!(f, "\n{}", Shown::new(&barred.reason).up_to(LONGEST))?;
        }
        self.report.restored.iter().try_for_each(|actor| write!(f, "\nactor {actor} may be called again"))
    }
}

/// Another module that serves.
#[derive(Debug, Serialize)]
pub(crate) struct Swapped {
    module: String,
    #[serde(flatten)]
    report: SwapReport,
}

impl Swapped {
    pub(crate) fn new(path: &Path, report: SwapReport) -> Self {
        Self { module: path.display().to_string(), report }
    }
}

impl fmt::Display for Swapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} serves now: {}", ShownOf(&self.module), self.report)
    }
}

impl ActorView {
    fn of(module: &VerifiedModule) -> Self {
        let claims = module.claims();
        Self {
            id: claims.subject().to_string(),
            name: claims.name().map(str::to_owned),
            version: claims.version().map(str::to_owned),
            revision: claims.revision(),
            issuer: claims.issuer().to_string(),
            capabilities: claims.caps().to_vec(),
        }
    }

    fn new(status: ActorStatus) -> Self {
        Self {
            id: status.id.to_string(),
            name: status.name,
            version: status.version,
            revision: status.revision,
            issuer: status.issuer.to_string(),
            capabilities: status.grants,
        }
    }
}

impl fmt::Display for ActorView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "actor \"{}\"", Shown::new(self.name.as_deref().unwrap_or("unnamed")))?;
        if let Some(version) = &self.version {
            write!(f, " {}", Shown::new(version))?;
        }
        if let Some(revision) = self.revision {
            write!(f, " (revision {revision})")?;
        }
        write!(f, ": {}, signed by {}", self.id, self.issuer)
    }
}
