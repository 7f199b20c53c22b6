//! Finds what a policy leaves of each grant: tries every link and operation that it names, and one that stands for all others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use capability_claims::{Access, ClaimsError, GrantRule, ModuleClaims, PolicyDocument, TrustPolicy};
use capability_provider::ActorId;
use serde::Serialize;
use untrusted_text::Shown;

use crate::{code, row::LONGEST};

/// Stand for all links and operations that the policy does not name. As limits compare whole names, all of these fare alike.
const OTHER_LINK: &str = "any other link";
const OTHER_OPERATION: &str = "any other operation";

/// Asks the policy about one module.
pub(super) struct Judge<'a> {
    /// Any issuer's rules about each capability.
    rules: BTreeMap<&'a str, Vec<&'a GrantRule>>,
    policy: &'a TrustPolicy,
    claims: &'a ModuleClaims,
    now: u64,
}

/// What the policy leaves of one grant.
#[derive(Debug, Serialize)]
pub(super) struct GrantView {
    grant: String,
    here: Here,
    uses: Vec<UseView>,
    /// Why not the rest. None: nothing else is asked for, or the module may not run.
    refusal: Option<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Here {
    Allowed,
    Limited,
    Refused,
}

/// Operations that may be used over a link.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct UseView {
    /// None: every link that has no use of its own; for the grant of an actor's key, which needs no link, its calls.
    link: Option<String>,
    operations: Operations,
}

/// None: all.
type Operations = Option<Vec<String>>;

/// Why something is refused.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    code: &'static str,
    message: String,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        document: &'a PolicyDocument,
        policy: &'a TrustPolicy,
        claims: &'a ModuleClaims,
        now: u64,
    ) -> Self {
        let mut rules: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for rule in document.issuers.values().flat_map(|issuer| &issuer.grants) {
            rules.entry(&rule.capability).or_default().push(rule);
        }
        Self { rules, policy, claims, now }
    }

    /// A view of each grant of the token, in its order.
    pub(super) fn grants(&self) -> Vec<GrantView> {
        each_once(self.claims.caps()).map(|grant| self.grant(grant)).collect()
    }

    fn grant(&self, grant: &str) -> GrantView {
        let others = self.operations(grant, OTHER_LINK);
        let mut uses = Vec::new();
        for link in self.named(|rule| rule.links.as_ref(), grant) {
            let operations = self.operations(grant, link);
            if operations != others {
                uses.push(UseView { link: Some(link.to_owned()), operations });
            }
        }
        let whole = others.is_none();
        uses.push(UseView { link: None, operations: others });
        uses.retain(|left| left.operations.as_ref().is_none_or(|operations| !operations.is_empty()));
        let here = match (whole, uses.is_empty()) {
            (true, _) => Here::Allowed,
            (false, false) => Here::Limited,
            (false, true) => Here::Refused,
        };
        let refusal = self.decide(grant, OTHER_LINK, OTHER_OPERATION).err().map(|error| Refusal::new(&error));
        GrantView { grant: grant.to_owned(), here, uses, refusal }
    }

    fn operations(&self, grant: &str, link: &str) -> Operations {
        let allowed = |operation: &&str| self.decide(grant, link, operation).is_ok();
        if allowed(&OTHER_OPERATION) {
            return None;
        }
        let named = self.named(|rule| rule.operations.as_ref(), grant).into_iter();
        Some(named.filter(allowed).map(str::to_owned).collect())
    }

    fn decide(&self, grant: &str, link: &str, operation: &str) -> Result<(), ClaimsError> {
        let access = if ActorId::has_form_of(grant) {
            Access::module(grant, operation)
        } else {
            Access::capability(grant, link, operation)
        };
        self.policy.allows(self.claims, &access, self.now)
    }

    /// The names that any issuer's rules about this grant have.
    fn named(
        &self,
        names: impl Fn(&'a GrantRule) -> Option<&'a Vec<Box<str>>>,
        grant: &str,
    ) -> BTreeSet<&'a str> {
        let rules = self.rules.get(grant).into_iter().flatten().copied();
        rules.filter_map(names).flatten().map(|name| &**name).collect()
    }
}

/// A view of each grant of a module that may not run at all.
pub(super) fn all_refused(claims: &ModuleClaims) -> Vec<GrantView> {
    let refused = |grant: &str| {
        let (grant, uses) = (grant.to_owned(), Vec::new());
        GrantView { grant, here: Here::Refused, uses, refusal: None }
    };
    each_once(claims.caps()).map(refused).collect()
}

fn each_once(grants: &[String]) -> impl Iterator<Item = &str> {
    let mut seen = BTreeSet::new();
    grants.iter().map(String::as_str).filter(move |grant| seen.insert(*grant))
}

impl Refusal {
    pub(super) fn new(error: &ClaimsError) -> Self {
        Self { code: code::of_claims(error), message: error.to_string() }
    }
}

impl GrantView {
    /// How wide the first column must be for it.
    pub(super) fn width(&self) -> usize {
        Shown::new(&self.grant).to_string().chars().count()
    }

    /// Its line of the table, with a line break before it.
    pub(super) fn row(&self, f: &mut fmt::Formatter<'_>, width: usize) -> fmt::Result {
        let here = match self.here {
            Here::Allowed => "allowed",
            Here::Limited => "limited",
            Here::Refused => "refused",
        };
        write!(f, "\n{:<width$}  {here}  ", Shown::new(&self.grant).to_string())?;
        for (index, left) in self.uses.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            // What holds for every link need not be said of the only one.
            let over = if self.uses.len() > 1 { " over every other link" } else { "" };
            write!(f, "{between}{}", left.words(over))?;
        }
        match &self.refusal {
            None if self.uses.is_empty() => f.write_str("the module may not run"),
            None => Ok(()),
            Some(Refusal { message, .. }) if self.uses.is_empty() => {
                write!(f, "{}", Shown::new(message).up_to(LONGEST))
            }
            Some(Refusal { message, .. }) => {
                write!(f, "\n{:<width$}  {:<7}  not more: {}", "", "", Shown::new(message).up_to(LONGEST))
            }
        }
    }
}

impl UseView {
    /// In words; `others` says over which links when none is named.
    fn words(&self, others: &str) -> String {
        let operations = match &self.operations {
            None => "every operation".to_owned(),
            Some(names) => Shown::new(&names.join(", ")).up_to(LONGEST).to_string(),
        };
        match &self.link {
            None => operations + others,
            Some(link) => format!("{operations} over {}", Shown::new(link)),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fmt::Write, time::Duration};

    use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, sign_module};
    use nix::sys::resource::{UsageWho, getrusage};

    use super::*;

    /// How long this thread was on a processor, so that others on the machine do not count.
    fn worked() -> Duration {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
        let parts = [usage.user_time(), usage.system_time()];
        let micros: i64 = parts.iter().map(|part| part.tv_sec() * 1_000_000 + part.tv_usec()).sum();
        Duration::from_micros(micros.unsigned_abs())
    }

    /// How much work it is to tell what is left of so many grants, each of which has a rule.
    fn judging(count: usize) -> Duration {
        let [account, module] =
            [KeyKind::Account, KeyKind::Module].map(|kind| KeyPair::generate(kind).unwrap());
        let names = || (0..count).map(|number| format!("{number:04x}"));
        let mut text = format!("accounts = [\"{0}\"]\n", account.public_key());
        for name in names() {
            let rules = format!("[[issuers.{}.grants]]\ncapability = \"{name}\"", account.public_key());
            writeln!(text, "{rules}\noperations = [\"Get\"]").unwrap();
        }
        let document = PolicyDocument::from_toml(&text).unwrap();
        let policy = document.clone().into_policy().unwrap();
        let bare = ClaimsBuilder::new(module.public_key());
        let signed =
            sign_module(b"\0asm\x01\0\0\0", &names().fold(bare, ClaimsBuilder::capability), &account);
        let verified = policy.verify(signed.unwrap().into(), 1_800_000_000).unwrap();
        let before = worked();
        let grants = Judge::new(&document, &policy, verified.claims(), 1_800_000_000).grants();
        let taken = worked() - before;
        assert!(grants.len() == count && grants.iter().all(|grant| grant.here == Here::Limited));
        taken
    }

    /// In proportion it is eight times the work and a little more, with the square it is sixty-four.
    #[test]
    fn eight_times_the_grants_and_rules_take_some_eight_times_as_long() {
        let mut best = [Duration::MAX; 2];
        let ratio = |[few, many]: [Duration; 2]| many.as_secs_f64() / few.as_secs_f64();
        // Caches are shared with others, so it has its better moments.
        for _ in 0..5 {
            best = [best[0].min(judging(800)), best[1].min(judging(6400))];
            if ratio(best) < 20.0 {
                break;
            }
        }
        assert!(ratio(best) < 20.0, "{best:?}, {:.1} times as long", ratio(best));
    }
}
