//! Tries every order in which loads, changes of policy and removals can meet, step by step, on the host's own rights and policy.
//!
//! A step is what the code does in one go: a look or a change under one lock. After each step of each order it is asked of
//! everybody who ever had rights whether he may use something, and whether he may follows from what was done before.

use std::sync::Arc;

use capability_claims::{
    Access, ClaimsBuilder, KeyKind, KeyPair, ManualClock, ModuleClaims, Owner, Provenance, TrustPolicy,
    sign_module,
};
use capability_provider::ActorId;

use crate::{
    audit::Audit, error::Error, housekeeper::Housekeeper, ownership::Predecessor, policy::Policy,
    rights::Rights, trust::Trust,
};

const NOW: u64 = 1_800_000_000;
const STORE: &str = "test:store";

/// What all orders begin with.
struct Setting {
    audit: Arc<Audit>,
    trusting: TrustPolicy,
    claims: ModuleClaims,
    /// Those of a module that another account signed for the same key.
    theirs: ModuleClaims,
    /// On whose authority that one comes in.
    their_authority: Provenance,
    /// Trusts both accounts, and binds the actor to the other one.
    handing_over: TrustPolicy,
    /// Trusts both accounts, and hands nothing over.
    both: TrustPolicy,
    actor: ActorId,
}

/// Somebody with rights, and what was done with him.
struct Known {
    rights: Arc<Rights>,
    recorded: bool,
    removed: bool,
}

/// A host in one order of the steps.
struct Host<'a> {
    setting: &'a Setting,
    policy: Policy,
    known: Vec<Known>,
    /// Who serves, and who is being let in.
    serving: Option<usize>,
    coming: Option<usize>,
    leaving: Option<usize>,
    /// What a change of policy took in, and whether one that trusts nobody is done.
    spreading: Option<(Trust, Vec<Arc<Rights>>)>,
    nobody: bool,
    /// Whether a policy that hands nothing over any more is done.
    kept: bool,
}

type Step = fn(&mut Host<'_>);

/// As `Shared::load` and `Shared::swap` do.
const LOAD: [Step; 5] = [
    |host| {
        host.coming = Some(host.known.len());
        host.begin();
    },
    |host| host.comes(|known| known.rights.could_be_admitted(NOW)),
    |host| {
        host.comes(|known| {
            known.recorded = true;
            Ok(())
        });
    },
    |host| host.comes(|known| known.rights.admit(None, NOW).map(drop)),
    |host| {
        if let Some(coming) = host.coming.take() {
            host.serving = Some(coming);
        }
    },
];

/// As `Shared::swap` does, for a module that another account signed.
const TAKE_OVER: [Step; 4] = [
    |host| {
        host.coming = Some(host.known.len());
        host.begin_as(&host.setting.theirs.clone());
    },
    |host| host.takes_over(|_, _| {}),
    |host| host.takes_over(|known, _| known.recorded = true),
    |host| {
        host.takes_over(|_, kept| {
            assert!(!kept, "the other account took the actor over although the policy kept it for its owner");
        });
        host.serving = host.coming.take().or(host.serving);
    },
];

/// A policy that hands the actor over, and another that does not any more.
const HAND_OVER_AND_KEEP: [Step; 4] = [
    |host| {
        let policy = host.setting.handing_over.clone();
        host.policy.replace(policy);
    },
    |host| host.policy.spread(NOW),
    |host| {
        let policy = host.setting.both.clone();
        host.policy.replace(policy);
    },
    |host| {
        host.policy.spread(NOW);
        host.kept = true;
    },
];

/// A module that starts, and is not let in.
const BEGIN: [Step; 1] = [|host| host.begin()];

/// As `Shared::replace_policy` does, each who is here a step of his own.
const TRUST_NOBODY: [Step; 5] = [
    |host| host.policy.narrow(TrustPolicy::nobody()),
    |host| host.spreading = Some(host.policy.enrolled()),
    |host| host.adopt(0..1),
    |host| host.adopt(1..usize::MAX),
    |host| host.nobody = true,
];

/// The same at once, with its record.
const TRUST_NOBODY_AND_RECORD: [Step; 3] = [
    |host| {
        host.policy.narrow(TrustPolicy::nobody());
        host.policy.spread(NOW);
    },
    |host| host.nobody = true,
    |host| {
        let _kept_waiting = host.policy.record(only_nobody);
        host.policy.spread(NOW);
    },
];

/// A policy that trusts again is given, and cannot be recorded.
const TRUST_UNRECORDED: [Step; 2] = [
    |host| {
        let trusting = host.setting.trusting.clone();
        host.policy.narrow(trusting);
        host.policy.spread(NOW);
    },
    |host| {
        let _kept_waiting = host.policy.record(only_nobody);
        host.policy.spread(NOW);
    },
];

/// A log that only takes the record of the policy that takes away.
fn only_nobody(policy: &TrustPolicy) -> Result<(), Error> {
    let nobody = TrustPolicy::nobody().to_string();
    if policy.to_string() == nobody { Ok(()) } else { Err(Error::ShuttingDown) }
}

/// As `Shared::remove_actor` does.
const REMOVE: [Step; 3] = [
    |host| host.leaving = host.serving.take(),
    |host| {
        if let Some(leaving) = host.leaving {
            host.known[leaving].rights.end();
        }
    },
    |host| {
        if let Some(leaving) = host.leaving.take() {
            host.known[leaving].removed = true;
        }
    },
];

impl Setting {
    fn new() -> Self {
        let [account, other] = [(); 2].map(|()| KeyPair::generate(KeyKind::Account).unwrap());
        let module = KeyPair::generate(KeyKind::Module).unwrap().public_key();
        let claims = ClaimsBuilder::new(module).issued_at(NOW).capability(STORE);
        let [signed, theirs] =
            [&account, &other].map(|by| sign_module(b"\0asm\x01\0\0\0", &claims, by).unwrap());
        let trusting = TrustPolicy::nobody().account(account.public_key());
        let both = trusting.clone().account(other.public_key());
        let bound = [&account, &other].map(KeyPair::public_key);
        let handing_over = bound.into_iter().fold(both.clone(), |policy, owner| {
            policy.bind_module(module, owner).expect("they are of their kinds")
        });
        let [ours, theirs] = [signed, theirs].map(|signed| both.verify(signed.into(), NOW).unwrap());
        let housekeeper = Arc::new(Housekeeper::start().unwrap());
        let clock = Arc::new(ManualClock::new(NOW));
        let audit = Audit::begin(None, housekeeper, &[], &trusting, clock).unwrap();
        Self {
            audit,
            trusting,
            claims: ours.claims().clone(),
            theirs: theirs.claims().clone(),
            their_authority: theirs.provenance().clone(),
            handing_over,
            both,
            actor: ActorId::new(&module.to_string()).unwrap(),
        }
    }

    /// A host in which one version serves.
    fn host(&self) -> Host<'_> {
        let policy = Policy::new(self.trusting.clone(), Arc::new(ManualClock::new(NOW)));
        let mut host = Host {
            setting: self,
            policy,
            known: Vec::new(),
            serving: None,
            coming: None,
            leaving: None,
            spreading: None,
            nobody: false,
            kept: false,
        };
        LOAD.iter().for_each(|step| step(&mut host));
        host
    }

    /// Takes the steps of all in every order that keeps each one's own; returns how many orders there are.
    fn in_every_order(&self, all: &[&[Step]]) -> usize {
        let mut orders = 0;
        self.go_on(all, &mut Vec::new(), &mut orders);
        orders
    }

    fn go_on(&self, all: &[&[Step]], order: &mut Vec<usize>, orders: &mut usize) {
        let taken = |who: usize, order: &[usize]| order.iter().filter(|one| **one == who).count();
        let open: Vec<_> = (0..all.len()).filter(|who| taken(*who, order) < all[*who].len()).collect();
        if open.is_empty() {
            *orders += 1;
            let mut host = self.host();
            for (at, who) in order.iter().enumerate() {
                all[*who][taken(*who, &order[..at])](&mut host);
                host.check(&order[..=at]);
            }
        }
        for who in open {
            order.push(who);
            self.go_on(all, order, orders);
            order.pop();
        }
    }
}

impl Host<'_> {
    fn begin(&mut self) {
        self.begin_as(&self.setting.claims.clone());
    }

    fn begin_as(&mut self, claims: &ModuleClaims) {
        let Setting { audit, actor, .. } = self.setting;
        let rights = Rights::begin(claims.clone(), actor.clone(), &self.policy, Arc::clone(audit));
        self.known.push(Known { rights, recorded: false, removed: false });
    }

    /// A step of him who comes, who goes away when it fails.
    fn comes(&mut self, step: impl FnOnce(&mut Known) -> Result<(), Error>) {
        if let Some(coming) = self.coming
            && step(&mut self.known[coming]).is_err()
        {
            self.coming = None;
        }
    }

    /// A step of one who takes the place of another: the look first, and the last one lets him in.
    fn takes_over(&mut self, step: impl FnOnce(&mut Known, bool)) {
        let (Some(coming), Some(serving)) = (self.coming, self.serving) else { return };
        let serving = Arc::clone(&self.known[serving].rights);
        let place = Predecessor::of(Owner::of(serving.claims()), None, &self.setting.their_authority);
        let known = &mut self.known[coming];
        let decided = match known.recorded {
            true => known.rights.admit(Some(&place), NOW).map(drop),
            false => place
                .gives_way(&self.setting.actor, known.rights.claims(), &self.policy.trust(), NOW)
                .map(drop),
        };
        match decided {
            Ok(()) => step(known, self.kept),
            Err(_) => self.coming = None,
        }
    }

    fn adopt(&self, which: std::ops::Range<usize>) {
        let Some((trust, all)) = &self.spreading else { return };
        all.iter()
            .skip(which.start)
            .take(which.end - which.start)
            .for_each(|rights| rights.adopt(trust, NOW));
    }

    #[track_caller]
    fn check(&self, order: &[usize]) {
        let access = Access::capability(STORE, "default", "Work");
        for (who, known) in self.known.iter().enumerate() {
            let may = known.rights.allow(&access, NOW).is_ok();
            let wrong = match known {
                _ if self.nobody => "the policy that trusts nobody decides",
                Known { recorded: false, .. } => "it is not recorded",
                Known { removed: true, .. } => "it was removed",
                _ => continue,
            };
            assert!(!may, "number {who} may use the store although {wrong}; order: {order:?}");
        }
    }
}

#[test]
fn a_load_a_change_of_policy_and_a_removal_meet_in_every_order() {
    let orders = Setting::new().in_every_order(&[&LOAD, &TRUST_NOBODY, &REMOVE]);
    assert_eq!(orders, 72_072);
}

#[test]
fn a_policy_that_waits_for_its_record_brings_nobody_back_in_any_order() {
    let orders = Setting::new().in_every_order(&[&LOAD, &TRUST_NOBODY_AND_RECORD, &TRUST_UNRECORDED]);
    assert_eq!(orders, 2520);
}

#[test]
fn two_loads_and_a_change_of_policy_meet_in_every_order() {
    let setting = Setting::new();
    let orders = setting.in_every_order(&[&BEGIN, &LOAD, &TRUST_NOBODY]);
    assert_eq!(orders, 2772);
}

#[test]
fn a_takeover_and_a_policy_that_ends_it_meet_in_every_order() {
    let setting = Setting::new();
    let orders = setting.in_every_order(&[&TAKE_OVER, &HAND_OVER_AND_KEEP]);
    assert_eq!(orders, 70);
    // With both in their order the actor is taken over.
    let mut host = setting.host();
    HAND_OVER_AND_KEEP[..2].iter().chain(&TAKE_OVER).for_each(|step| step(&mut host));
    assert!(host.known[1].rights.allow(&Access::capability(STORE, "default", "Work"), NOW).is_ok());
}
