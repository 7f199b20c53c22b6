//! Checks that the parts of a manifest fit together, and makes a plan of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::ErrorKind,
    mem,
    ops::Range,
    path::PathBuf,
    sync::Arc,
};

use capability_claims::{PublicKey, TrustPolicy};
use capability_provider::{ActorId, CapabilityId, LinkName, Provider};
use host_core::RevisionLedger;
use provider_http_server::HttpServer;
use provider_keyvalue_memory::MemoryKeyValue;
use provider_keyvalue_redis::RedisKeyValue;
use provider_logging::LogProvider;
use toml::Spanned;

use crate::{
    deciding::Deciding,
    error::CliError,
    manifest::{
        ActorTable, AuditTable, HostTable, LinkTable, Manifest, ProviderKind, ProviderTable, Source,
        TrustTable,
    },
    run::Purpose,
    trust::{self, PolicyFile},
};

/// What to say when nothing remembers which policy of the signer was the newest.
const FORGETS_THE_NEWEST: &str = "after a restart an older policy of the same signer would be taken; name a file in [host] \
                                  revision_ledger, which remembers the newest";

/// Where a provider serves: a capability and a link name.
pub(crate) type Place = (CapabilityId, LinkName);

/// What is to be done: a manifest without contradictions, its providers made but not connected.
pub(crate) struct Plan {
    pub(crate) host: HostTable,
    pub(crate) files: Deciding,
    pub(crate) trust: TrustPolicy,
    /// Where the policy was read, if it came from a file of its own.
    pub(crate) policy: Option<PolicyFile>,
    /// What to say of the policy, if anything.
    pub(crate) doubt: Option<String>,
    pub(crate) ledger: Option<Arc<RevisionLedger>>,
    pub(crate) audit: Option<AuditTable>,
    pub(crate) actors: Vec<ActorTable>,
    pub(crate) providers: BTreeMap<Place, Planned>,
    pub(crate) links: Vec<LinkTable>,
}

/// A provider that is to serve.
pub(crate) struct Planned {
    /// Where it stands in the manifest.
    pub(crate) span: Range<usize>,
    pub(crate) provider: Arc<dyn Provider>,
    /// The same provider, if it listens.
    pub(crate) http: Option<Arc<HttpServer>>,
}

impl Plan {
    pub(crate) fn new(source: &Source, files: Deciding, purpose: Purpose) -> Result<Self, CliError> {
        let mut manifest = source.manifest()?;
        let trust = manifest.trust.as_ref().ok_or_else(|| {
            source.missing("trust", "missing table; it names the accounts or operators whose modules may run")
        })?;
        let signer = signer(source, trust)?;
        check_aliases(source, &manifest.actors)?;
        let providers = providers(source, mem::take(&mut manifest.providers))?;
        for link in &manifest.links {
            check_link(source, link, &manifest.actors, &providers)?;
        }
        let ledger = manifest.host.revision_ledger.as_ref().map_or(Ok(None), |path| {
            let opened = ledger(source.resolve(path.get_ref()), files, purpose);
            opened.map(|ledger| ledger.map(Arc::new)).map_err(source.at(path.span()))
        })?;
        let policy = trust.get_ref().policy.as_ref();
        let mut policy = policy
            .map(|policy| PolicyFile::new(source.resolve(policy.get_ref()), files, signer, ledger.clone()));
        let (trust, mut doubt) = trusted(source, trust, policy.as_mut())?;
        if signer.is_some() && manifest.host.revision_ledger.is_none() {
            doubt = Some(FORGETS_THE_NEWEST.to_owned());
        }
        let Manifest { host, audit, actors, links, .. } = manifest;
        Ok(Self { host, files, trust, policy, doubt, ledger, audit, actors, providers, links })
    }
}

/// Whom the manifest trusts: as a file says, or as the lists in the manifest do.
fn trusted(
    source: &Source,
    table: &Spanned<TrustTable>,
    file: Option<&mut PolicyFile>,
) -> Result<(TrustPolicy, Option<String>), CliError> {
    let TrustTable { policy, accounts, operators, account_tokens, .. } = table.get_ref();
    let (Some(policy), Some(file)) = (policy, file) else {
        return listed(source, table).map(|policy| (policy, None));
    };
    if !(accounts.is_empty() && operators.is_empty() && account_tokens.is_empty()) {
        let reason = "a `policy` says all about trust; move the other fields of this table into its file";
        return Err(source.wrong(policy.span(), reason.to_owned()));
    }
    let read = file.read().and_then(|read| file.remember().map(|()| read));
    read.map_err(source.at(policy.span()))
}

/// Who must have signed the policy, if somebody must.
fn signer(source: &Source, table: &Spanned<TrustTable>) -> Result<Option<PublicKey>, CliError> {
    let TrustTable { policy, signer: Some(signer), .. } = table.get_ref() else { return Ok(None) };
    if policy.is_none() {
        let reason = "only a `policy` in a file of its own is signed; name the file, or leave the signer out";
        return Err(source.wrong(signer.span(), reason.to_owned()));
    }
    let key = PublicKey::parse(signer.get_ref());
    key.map(Some).map_err(|error| source.at(signer.span())(error.into()))
}

/// The ledger in a file. A run that only checks neither begins one nor locks it, and goes without where there is none.
fn ledger(path: PathBuf, files: Deciding, purpose: Purpose) -> Result<Option<RevisionLedger>, CliError> {
    let opened = match purpose {
        Purpose::Serve if files.insecure() => RevisionLedger::open_anywhere(path),
        Purpose::Serve => RevisionLedger::open(path),
        Purpose::Check | Purpose::CheckStarts => match files.open(&path) {
            Ok(file) => RevisionLedger::snapshot(path, &file),
            Err(CliError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        },
    };
    opened.map(Some).map_err(CliError::from)
}

fn listed(source: &Source, table: &Spanned<TrustTable>) -> Result<TrustPolicy, CliError> {
    use capability_claims::KeyKind::{Account, Operator};
    let TrustTable { accounts, operators, account_tokens, .. } = table.get_ref();
    if accounts.is_empty() && operators.is_empty() {
        let reason = "nobody is trusted, so no actor can run; name accounts or operators whose modules may, or a policy";
        return Err(source.wrong(table.span(), reason.to_owned()));
    }
    let mut policy = TrustPolicy::nobody();
    for (keys, kind, role) in
        [(accounts, Account, "a trusted account"), (operators, Operator, "a trusted operator")]
    {
        for key in keys {
            let parsed = PublicKey::parse(key.get_ref()).and_then(|parsed| parsed.of_kind(kind, role));
            policy = policy.trust(parsed.map_err(|error| source.at(key.span())(error.into()))?)?;
        }
    }
    for token in account_tokens {
        policy = trust::add_account_token(policy, token.get_ref(), source.directory())
            .map_err(source.at(token.span()))?;
    }
    Ok(policy)
}

fn check_aliases(source: &Source, actors: &[ActorTable]) -> Result<(), CliError> {
    let mut seen = BTreeSet::new();
    for alias in actors.iter().filter_map(|actor| actor.name.as_ref()) {
        let name = alias.get_ref();
        let reason = if name.is_empty() || ActorId::has_form_of(name) {
            "give a name that is not empty and not a key; a link may name an actor by its key at any time"
                .to_owned()
        } else if seen.insert(name) {
            continue;
        } else {
            format!("another actor has the name `{name}` already")
        };
        return Err(source.wrong(alias.span(), reason));
    }
    Ok(())
}

fn providers(
    source: &Source,
    tables: Vec<Spanned<ProviderTable>>,
) -> Result<BTreeMap<Place, Planned>, CliError> {
    let mut planned = BTreeMap::new();
    for table in tables {
        let span = table.span();
        let table = table.into_inner();
        let provider = Planned::new(source, span.clone(), &table)?;
        let place = (provider.provider.capability(), table.link.0);
        if planned.contains_key(&place) {
            let (capability, link) = place;
            let reason = format!(
                "another provider serves `{capability}` under the link name `{link}` already; give this one another `link`"
            );
            return Err(source.wrong(span, reason));
        }
        planned.insert(place, provider);
    }
    Ok(planned)
}

impl Planned {
    fn new(source: &Source, span: Range<usize>, table: &ProviderTable) -> Result<Self, CliError> {
        let (provider, http): (Arc<dyn Provider>, _) = match (table.kind, &table.url) {
            (ProviderKind::KeyvalueRedis, Some(url)) => {
                let redis = RedisKeyValue::new(url.get_ref());
                (Arc::new(redis.map_err(|error| source.at(url.span())(error.into()))?), None)
            }
            (ProviderKind::KeyvalueRedis, None) => {
                return Err(
                    source.wrong(span, "missing field `url`, such as redis://127.0.0.1:6379".to_owned())
                );
            }
            (_, Some(url)) => {
                let reason = "only a provider of the kind `keyvalue-redis` has a `url`".to_owned();
                return Err(source.wrong(url.span(), reason));
            }
            (ProviderKind::KeyvalueMemory, None) => (Arc::new(MemoryKeyValue::new()), None),
            (ProviderKind::Logging, None) => (Arc::new(LogProvider::new()), None),
            (ProviderKind::HttpServer, None) => {
                let http = Arc::new(HttpServer::new());
                (http.clone(), Some(http))
            }
        };
        Ok(Self { span, provider, http })
    }
}

/// Whether there is a provider and, as far as can be told before the modules are read, an actor.
fn check_link(
    source: &Source,
    link: &LinkTable,
    actors: &[ActorTable],
    providers: &BTreeMap<Place, Planned>,
) -> Result<(), CliError> {
    let actor = link.actor.get_ref();
    let is_alias = |table: &ActorTable| table.name.as_ref().is_some_and(|name| name.get_ref() == actor);
    if !ActorId::has_form_of(actor) && !actors.iter().any(is_alias) {
        let reason =
            format!("no actor has the name `{actor}`; give an [[actor]] this `name`, or use its key");
        return Err(source.wrong(link.actor.span(), reason));
    }
    let (capability, name) = (&link.capability.get_ref().0, &link.name.0);
    if !providers.contains_key(&(capability.clone(), name.clone())) {
        let reason = format!("no [[provider]] serves `{capability}` under the link name `{name}`");
        return Err(source.wrong(link.capability.span(), reason));
    }
    Ok(())
}
