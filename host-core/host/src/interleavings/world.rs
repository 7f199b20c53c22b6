//! Runs a host with an actor, its provider and its audit log, and checks what has to be so after each step of whatever is done to it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use capability_claims::{
    ClaimsBuilder, Grant, GrantLimit, KeyKind, KeyPair, ManualClock, TrustPolicy, sign_module,
};
use capability_provider::{
    ActorHandle, ActorId, CapabilityCall, CapabilityId, LinkConfig, LinkKey, LinkName, Provider,
    ProviderError, Reply,
};
use host_audit::{AuditLog, OnFailure};
use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;

use super::schedule::{Choose, Party, Watch, in_one_order};
use crate::{actors::actor::ENTERS, error::Error, host::Host, trust::rights::LET_IN};

const NOW: u64 = 1_800_000_000;
const STORE: &str = "test:store";
/// Who calls after each step.
const WATCH: &str = "watch";
/// Longer than any order takes.
const LONG: Duration = Duration::from_secs(600);

/// The versions of the actor, each with its revision. The first one is there from the beginning, the last one is signed by another account.
const VERSIONS: [(&str, i32); 4] = [("v1", 1), ("v2", 2), ("v3", 3), (THEIRS, 2)];
pub(super) const THEIRS: &str = "th";

/// The policies that are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    /// Trusts the account of the actor.
    Ours,
    /// Trusts both accounts.
    Both,
    /// Trusts both and binds the actor to the other one.
    HandsOver,
    /// Trusts the other account alone.
    Theirs,
    /// Trusts the account, and leaves nothing of the store.
    NoStore,
    Nobody,
}

/// What all orders begin with.
pub(super) struct Cast {
    accounts: [KeyPair; 2],
    key: KeyPair,
    modules: BTreeMap<&'static str, Bytes>,
    actor: ActorId,
    cache: TempDir,
    /// What came of what was done, in any of the orders.
    outcomes: Mutex<BTreeSet<String>>,
}

/// What is known to be so, because what made it so has come back. Each that holds has the number of the moment since when.
#[derive(Debug, Default, Clone)]
struct Facts {
    moment: u64,
    nobody: Option<u64>,
    no_store: Option<u64>,
    /// The policy hands the actor over to nobody, after one did.
    kept: Option<u64>,
    removed: Option<u64>,
    /// Versions whose place another took, or that were removed.
    replaced: BTreeSet<String>,
    /// Something has begun by which calls fail.
    failing: bool,
    /// The log could not be written at some time, and whether it can again.
    unwritable: bool,
    mended: bool,
    /// Another account may take the actor over.
    contested: bool,
    /// How many loads have begun.
    loads: usize,
}

thread_local! {
    /// What was known when this thread's call began.
    static BEGAN: RefCell<Facts> = RefCell::default();
    /// The same, or what was known when its last host call came back.
    static SEEN: RefCell<Facts> = RefCell::default();
}

/// What the parties, the provider and the watch of one order share.
struct Ledger {
    facts: Mutex<Facts>,
    /// What was known as a party was about to be let in.
    doors: Mutex<BTreeMap<&'static str, Facts>>,
    /// What was known as the call of a party entered the version that it found.
    entries: Mutex<BTreeMap<&'static str, Facts>>,
    /// Whether the provider has the link.
    linked: AtomicBool,
    log: PathBuf,
    recorded: Mutex<BTreeSet<String>>,
    wrong: Mutex<Vec<String>>,
}

/// A host in one order of the steps.
pub(super) struct World<'a> {
    cast: &'a Cast,
    pub(super) host: Host,
    ledger: Arc<Ledger>,
    _directory: TempDir,
}

impl Cast {
    pub(super) fn new() -> Self {
        let accounts = [(); 2].map(|()| KeyPair::generate(KeyKind::Account).unwrap());
        let key = KeyPair::generate(KeyKind::Module).unwrap();
        let modules = VERSIONS.map(|(name, revision)| {
            let claims = ClaimsBuilder::new(key.public_key()).issued_at(NOW).name(name).revision(revision);
            let by = &accounts[usize::from(name == THEIRS)];
            (name, sign_module(&guest(name), &claims.capability(STORE), by).unwrap().into())
        });
        let actor = ActorId::new(&key.public_key().to_string()).unwrap();
        Self {
            accounts,
            key,
            modules: modules.into(),
            actor,
            cache: tempfile::tempdir().unwrap(),
            outcomes: Mutex::default(),
        }
    }

    /// That each of these came about in one order or another: the orders meet where it matters.
    #[track_caller]
    pub(super) fn assert_came_about(&self, outcomes: &[&str]) {
        let seen = self.outcomes.lock();
        for outcome in outcomes {
            assert!(seen.contains(*outcome), "`{outcome}` never came about: {seen:#?}");
        }
    }

    /// That this came about in none of them.
    #[track_caller]
    pub(super) fn assert_never(&self, outcome: &str) {
        assert!(!self.outcomes.lock().contains(outcome), "`{outcome}` came about");
    }

    fn came_about(&self, outcome: impl FnOnce() -> String) {
        self.outcomes.lock().insert(outcome());
    }

    fn policy(&self, set: Set) -> TrustPolicy {
        let [ours, theirs] = [0, 1].map(|at| self.accounts[at].public_key());
        let (nobody, module) = (TrustPolicy::nobody(), self.key.public_key());
        match set {
            Set::Nobody => nobody,
            Set::Ours => nobody.account(ours),
            Set::NoStore => nobody
                .account(ours)
                .limit(ours, GrantLimit::nothing().and(Grant::of("test:other")))
                .expect("it is an account"),
            Set::Theirs => nobody.account(theirs),
            Set::Both => nobody.account(ours).account(theirs),
            Set::HandsOver => {
                [ours, theirs].into_iter().fold(nobody.account(ours).account(theirs), |policy, owner| {
                    policy.bind_module(module, owner).expect("they are of their kinds")
                })
            }
        }
    }

    /// A host under this policy, with the first version of the actor if there is to be one.
    pub(super) fn world(&self, set: Set, with_actor: bool) -> World<'_> {
        let directory = in_memory();
        let log = directory.path().join("audit.log");
        let host = Host::builder()
            .trust(self.policy(set))
            .clock(Arc::new(ManualClock::new(NOW)))
            .audit(AuditLog::open(&log, OnFailure::Refuse).unwrap())
            .cache_dir(self.cache.path())
            .call_deadline(LONG)
            .drain_deadline(LONG)
            .build()
            .unwrap();
        let ledger = Arc::new(Ledger {
            facts: Mutex::default(),
            doors: Mutex::default(),
            entries: Mutex::default(),
            linked: AtomicBool::new(false),
            log,
            recorded: Mutex::default(),
            wrong: Mutex::default(),
        });
        host.add_provider(LinkName::default(), Arc::new(Store(Arc::clone(&ledger)))).unwrap();
        // Before one policy has handed the actor over, none does.
        let kept = (set != Set::HandsOver).then_some(0);
        let facts = Facts { kept, contested: set != Set::Ours, ..Facts::default() };
        *ledger.facts.lock() = facts;
        let world = World { cast: self, host, ledger, _directory: directory };
        match with_actor {
            true => world.add("the beginning", "v1"),
            false => world.ledger.facts.lock().failing = true,
        }
        world
    }
}

/// A directory where it takes no time until a record is on the disk, if there is such a place.
fn in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// Makes a host call when it starts, whatever comes of it; makes two for each call, and answers with its name.
fn guest(name: &str) -> Vec<u8> {
    assert_eq!(name.len(), 2);
    let store = STORE.len();
    let call = |length: usize| {
        format!(
            "(call $host_call (i32.const 0) (i32.const 0) (i32.const 256) (i32.const {store}) (i32.const 512)
             (i32.const {length}) (i32.const 0) (i32.const 0))"
        )
    };
    let (starting, working) = (call(8), call(2));
    let failed = "(call $host_error (i32.const 1024)) (call $error (i32.const 1024) (call $host_error_len))
         (return (i32.const 0))";
    wat::parse_str(format!(
        r#"(module
          (import "wapc" "__guest_response" (func $response (param i32 i32)))
          (import "wapc" "__guest_error" (func $error (param i32 i32)))
          (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
          (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
          (import "wapc" "__host_error" (func $host_error (param i32)))
          (memory (export "memory") 1)
          (data (i32.const 256) "{STORE}") (data (i32.const 512) "{name}-start")
          (func (export "wapc_init") (drop {starting}))
          (func (export "__guest_call") (param i32 i32) (result i32)
            (if (i32.eqz {working}) (then {failed}))
            (if (i32.eqz {working}) (then {failed}))
            (call $response (i32.const 512) (i32.const 2))
            (i32.const 1)))"#
    ))
    .unwrap()
}

impl Facts {
    /// What takes away and was so before as it is now: whatever was asked for in between is refused. A removal takes nothing from the calls
    /// that `began` before it.
    fn since(&self, before: &Self, began: &Self) -> Option<&'static str> {
        let both = |now: Option<u64>, before: Option<u64>| now.is_some() && now == before;
        let takes_away = [
            ("the policy trusts nobody", both(self.nobody, before.nobody)),
            ("the policy leaves nothing of the store", both(self.no_store, before.no_store)),
            ("the actor is removed", both(self.removed, began.removed)),
        ];
        takes_away.into_iter().find(|(_, is_so)| *is_so).map(|(what, _)| what)
    }

    fn now(&mut self) -> Option<u64> {
        self.moment += 1;
        Some(self.moment)
    }
}

impl Ledger {
    fn wrong(&self, what: String) {
        self.wrong.lock().push(what);
    }

    fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.log).unwrap();
        // What broke it is no record.
        text.trim_end_matches(' ').lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Whether the log says that this version was let in.
    fn is_recorded(&self, version: &str) -> bool {
        if !self.recorded.lock().contains(version) {
            let records = self.records();
            self.recorded.lock().extend(records.iter().filter_map(let_in).map(str::to_owned));
        }
        self.recorded.lock().contains(version)
    }
}

/// The version that a record lets in.
fn let_in(record: &Value) -> Option<&str> {
    let token = match record["event"].as_str()? {
        "actor_loaded" => &record["token"],
        "actor_swapped" => &record["new"],
        _ => return None,
    };
    token["name"].as_str()
}

/// The provider, to which nothing may come that is not allowed.
struct Store(Arc<Ledger>);

impl Provider for Store {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new(STORE).unwrap()
    }

    fn name(&self) -> &str {
        "store"
    }

    fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
        if self.0.linked.swap(true, SeqCst) {
            self.0.wrong("the link was made again before it was ended".to_owned());
        }
        Ok(())
    }

    fn unlink(&self, _: &LinkKey) {
        self.0.linked.store(false, SeqCst);
    }

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        let version = &call.operation[..2];
        if !self.0.linked.load(SeqCst) {
            self.0.wrong(format!("{version} made the host call {} when its link was ended", call.operation));
        }
        if !self.0.is_recorded(version) {
            self.0.wrong(format!("{version} made the host call {} and is not recorded", call.operation));
        }
        let facts = self.0.facts.lock().clone();
        if let Some(why) = SEEN.with_borrow(|seen| BEGAN.with_borrow(|began| facts.since(seen, began))) {
            self.0.wrong(format!("{version} made the host call {} although {why}", call.operation));
        }
        SEEN.set(facts);
        Ok(Bytes::new().into())
    }

    fn health(&self) -> Result<(), ProviderError> {
        Ok(())
    }

    fn shutdown(&self) {}
}

/// Every step is watched, and the actor called after each.
struct Watching<'a>(&'a World<'a>);

impl Watch for Watching<'_> {
    fn before(&mut self, party: &'static str, step: &'static str) {
        let Ledger { facts, doors, entries, .. } = &*self.0.ledger;
        let noted = match step {
            LET_IN => doors,
            ENTERS => entries,
            _ => return,
        };
        let facts = facts.lock().clone();
        noted.lock().insert(party, facts);
    }

    fn look(&mut self) {
        self.0.call(WATCH);
        let wrong = self.0.ledger.wrong.lock();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

impl World<'_> {
    /// Has these take their steps in one order, and holds what is so in the end against the log.
    pub(super) fn run(&self, choose: &mut dyn Choose, parties: Vec<Party<'_>>) {
        in_one_order(parties, choose, &mut Watching(self));
        self.hold_against_the_log();
        self.assert_by_turns();
        self.host.shutdown();
        let outcomes = self.cast.outcomes.lock();
        let otherwise = outcomes.iter().find(|outcome| outcome.contains("otherwise"));
        assert!(otherwise.is_none(), "{otherwise:?}");
    }

    pub(super) fn add(&self, me: &'static str, version: &'static str) {
        {
            let mut facts = self.ledger.facts.lock();
            (facts.removed, facts.loads) = (None, facts.loads + 1);
        }
        match self.host.add_actor(self.cast.modules[version].clone()) {
            Ok(actor) => {
                self.came_in(me, version);
                let link = LinkKey::new(actor, CapabilityId::new(STORE).unwrap(), LinkName::default());
                match self.host.link(&link, LinkConfig::new()) {
                    Ok(()) | Err(Error::UnknownActor { .. }) => {}
                    Err(error) => self.ledger.wrong(format!("{version} is not linked: {error}")),
                }
            }
            Err(error @ (Error::Refused { .. } | Error::ActorExists { .. }))
                if self.ledger.facts.lock().failing =>
            {
                self.refused(version, &error);
            }
            Err(error) => self.ledger.wrong(format!("{version} is not loaded: {error}")),
        }
    }

    pub(super) fn swap(&self, me: &'static str, version: &'static str) {
        match self.host.replace_actor(self.cast.modules[version].clone()) {
            Ok(report) => {
                self.came_in(me, version);
                let before = VERSIONS.into_iter().find(|(name, revision)| {
                    (*name == THEIRS) == (report.from.issuer == self.cast.accounts[1].public_key())
                        && Some(*revision) == report.from.revision
                });
                let (before, _) = before.expect("there are no others");
                if report.from.revision > report.to.revision {
                    self.ledger.wrong(format!("{version} took the place of {before}, a higher revision"));
                }
                self.ledger.facts.lock().replaced.insert(before.to_owned());
            }
            // Whoever was refused by the policy before may be so still, as long as the new one spreads.
            Err(error @ Error::NotTheOwner { .. }) if self.ledger.facts.lock().contested => {
                self.refused(version, &error);
            }
            Err(error @ Error::RevisionTooLow { .. }) => self.refused(version, &error),
            Err(error @ (Error::Refused { .. } | Error::UnknownActor { .. }))
                if self.ledger.facts.lock().failing =>
            {
                self.refused(version, &error);
            }
            Err(error) => self.ledger.wrong(format!("{version} did not take the place: {error}")),
        }
    }

    fn refused(&self, version: &str, error: &Error) {
        self.cast.came_about(|| {
            let why = match error {
                Error::Refused { .. } => "refused by the policy",
                Error::ActorExists { .. } => "refused, for the actor is here",
                Error::UnknownActor { .. } => "refused, for the actor is gone",
                Error::NotTheOwner { .. } => "refused, for the actor belongs to another",
                Error::RevisionTooLow { .. } => "refused for its revision",
                _ => "refused",
            };
            format!("{version} is {why}")
        });
    }

    /// A version was let in: nothing stood against it as that was decided.
    fn came_in(&self, me: &'static str, version: &str) {
        let door = self.ledger.doors.lock().get(me).cloned().unwrap_or_default();
        if door.nobody.is_some() {
            self.ledger.wrong(format!("{version} was let in although the policy trusts nobody"));
        }
        self.cast.came_about(|| format!("{version} comes in"));
        if version == THEIRS && door.kept.is_some() {
            self.ledger.wrong(format!("{version} took the actor over although the policy keeps it"));
        }
    }

    pub(super) fn remove(&self) {
        let loads = {
            let mut facts = self.ledger.facts.lock();
            facts.failing = true;
            facts.loads
        };
        match self.host.remove_actor(&self.cast.actor) {
            Ok(()) => {
                let gone: Vec<_> =
                    self.ledger.records().iter().filter_map(let_in).map(str::to_owned).collect();
                let mut facts = self.ledger.facts.lock();
                if facts.loads == loads {
                    facts.replaced.extend(gone);
                    facts.removed = facts.now();
                }
            }
            Err(Error::UnknownActor { .. }) => {}
            Err(error) => self.ledger.wrong(format!("it was not removed: {error}")),
        }
    }

    /// Sets one policy after the other. Only one party does that, unless the log cannot be written.
    pub(super) fn set(&self, policies: &[Set]) {
        for (at, set) in policies.iter().enumerate() {
            {
                let mut facts = self.ledger.facts.lock();
                facts.contested |= *set == Set::HandsOver;
                facts.failing |= matches!(set, Set::Nobody | Set::NoStore | Set::Theirs);
                match set {
                    Set::Nobody | Set::Theirs => {}
                    Set::NoStore => facts.nobody = None,
                    Set::HandsOver => (facts.nobody, facts.no_store, facts.kept) = (None, None, None),
                    // What cannot be recorded gives nothing back.
                    Set::Ours | Set::Both if facts.unwritable => {}
                    Set::Ours | Set::Both => (facts.nobody, facts.no_store) = (None, None),
                }
            }
            match self.host.replace_policy(self.cast.policy(*set)) {
                Ok(_) => {}
                Err(Error::PolicyWaits { .. }) if self.ledger.facts.lock().unwritable => {
                    self.cast.came_about(|| format!("{set:?} waits for the log"));
                }
                Err(error) => self.ledger.wrong(format!("the policy was not set: {error}")),
            }
            let mut facts = self.ledger.facts.lock();
            let now = facts.now();
            match set {
                // What comes back now may have waited for a policy that was given later.
                Set::Nobody if facts.mended => {}
                Set::Nobody => (facts.nobody, facts.no_store, facts.kept) = (now, now, now),
                Set::NoStore => (facts.no_store, facts.kept) = (now, now),
                Set::Ours => facts.kept = now,
                Set::Both if at > 0 => facts.kept = now,
                Set::Both | Set::HandsOver | Set::Theirs => {}
            }
        }
    }

    /// Keeps the log from being continued, as a change by somebody else does.
    pub(super) fn break_the_log(&self) {
        let mut facts = self.ledger.facts.lock();
        (facts.failing, facts.unwritable) = (true, true);
        fs::write(&self.ledger.log, [&*fs::read(&self.ledger.log).unwrap(), b" "].concat()).unwrap();
    }

    /// Mends it, and has what waits for it recorded, as the host does by itself every second.
    pub(super) fn mend_the_log(&self) {
        {
            let mut facts = self.ledger.facts.lock();
            // From here on what was given last decides.
            (facts.mended, facts.nobody, facts.no_store) = (true, None, None);
            let text = fs::read(&self.ledger.log).unwrap();
            fs::write(&self.ledger.log, text.strip_suffix(b" ").unwrap()).unwrap();
        }
        self.host.shared().record_policies();
    }

    /// Calls the actor once.
    pub(super) fn call(&self, me: &'static str) {
        let before = self.ledger.facts.lock().clone();
        // Who takes no steps enters at once.
        self.ledger.entries.lock().insert(me, before.clone());
        BEGAN.set(before.clone());
        SEEN.set(before.clone());
        let called = self.host.call(&self.cast.actor, "Work", b"");
        let facts = self.ledger.facts.lock().clone();
        match called {
            Ok(reply) => {
                let version = String::from_utf8_lossy(&reply).into_owned();
                self.cast.came_about(|| format!("{version} answers"));
                if let Some(why) = facts.since(&before, &before) {
                    self.ledger.wrong(format!("{version} answered although {why}"));
                }
                // A removal lets those calls go on that have entered.
                let entered = self.ledger.entries.lock()[me].removed.is_some();
                if entered && facts.removed.is_some() {
                    self.ledger.wrong(format!("{version} was entered after it was removed"));
                }
                if before.replaced.contains(&version) {
                    self.ledger.wrong(format!("{version} answered although another is in its place"));
                }
            }
            Err(error) if facts.failing => self.cast.came_about(|| {
                let why = match &error {
                    Error::NoLongerValid { .. } => "refused by the policy",
                    Error::UnknownActor { .. } => "for nobody",
                    Error::Guest { .. } => "refused a host call",
                    other => return format!("a call fails otherwise: {other:?}"),
                };
                format!("a call is {why}")
            }),
            Err(error) => self.ledger.wrong(format!("a call failed: {error}")),
        }
    }

    /// That an actor whose version stays is barred and comes back by turns, as the log has it.
    fn assert_by_turns(&self) {
        let records = self.ledger.records();
        let events = || records.iter().filter_map(|record| record["event"].as_str());
        let versions = events().filter(|event| matches!(*event, "actor_loaded" | "actor_swapped")).count();
        if versions != 1 || events().any(|event| event == "records_lost") {
            return;
        }
        let seen: Vec<_> =
            events().filter(|event| matches!(*event, "actor_barred" | "actor_restored")).collect();
        let by_turns = ["actor_barred", "actor_restored"].into_iter().cycle().take(seen.len());
        assert!(by_turns.eq(seen.iter().copied()), "{seen:?}: {records:#?}");
        self.cast.came_about(|| match seen.len() {
            0 | 1 => "no return".to_owned(),
            2 => "one bar and one return".to_owned(),
            _ => "more bars than policies".to_owned(),
        });
    }

    /// What serves in the end is what the log says, and nobody used anything before the log had it.
    fn hold_against_the_log(&self) {
        let records = self.ledger.records();
        let name = |record: &Value| record["name"].as_str().map(str::to_owned);
        let refused_after = |at: usize, version: &str| {
            records[at..].iter().any(|record| {
                matches!(record["event"].as_str(), Some("actor_refused" | "swap_refused"))
                    && name(record).as_deref() == Some(version)
            })
        };
        let mut serving = None;
        let mut recorded = BTreeSet::new();
        for (at, record) in records.iter().enumerate() {
            if let Some(version) = let_in(record) {
                recorded.insert(version);
                if !refused_after(at, version) {
                    let is_swap = record["event"] == "actor_swapped";
                    assert_eq!(serving.is_some(), is_swap, "{version} came in beside another: {records:#?}");
                    serving = Some(version.to_owned());
                }
            }
            match record["event"].as_str() {
                Some("actor_removed") => serving = None,
                Some("grant_used") => {
                    let operation = record["operation"].as_str().unwrap();
                    assert!(recorded.contains(&operation[..2]), "{operation} was used first: {records:#?}");
                }
                _ => {}
            }
        }
        let policy = records.iter().rev().find(|record| record["event"] == "policy_replaced");
        let text = policy.and_then(|record| record["policy"]["text"].as_str()).unwrap();
        // A long one is cut.
        let text = text.split("... (").next().unwrap();
        let set = [Set::Ours, Set::Both, Set::HandsOver, Set::Theirs, Set::NoStore, Set::Nobody];
        let set = set.into_iter().find(|set| self.cast.policy(*set).to_string().starts_with(text));
        let served = match set.unwrap_or_else(|| panic!("another policy is recorded: {text}")) {
            Set::Nobody | Set::NoStore => false,
            Set::Ours => serving.as_deref().is_some_and(|serving| serving != THEIRS),
            Set::Theirs => serving.as_deref() == Some(THEIRS),
            Set::Both | Set::HandsOver => serving.is_some(),
        };
        let called = self.host.call(&self.cast.actor, "Work", b"");
        assert!(called.is_ok() == served, "{called:?}: {records:#?}");
        let here: Vec<_> = self.host.status().actors.into_iter().map(|actor| actor.name).collect();
        assert_eq!(here, serving.map(Some).into_iter().collect::<Vec<_>>(), "{records:#?}");
    }
}
