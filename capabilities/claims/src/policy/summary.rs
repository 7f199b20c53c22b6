//! Shows a policy on one line, in words.

use std::{fmt, slice};

use untrusted_text::Shown;

use crate::{
    keys::PublicKey,
    policy::{TrustPolicy, allowed::Allowed, bindings::Bindings, grants::Limit, standing::Standing},
};

/// The policy on one line, for logs, with the [`hash`](TrustPolicy::hash) of all of it: the same
/// policy always gives the same text, and two that decide differently give different ones.
impl fmt::Display for TrustPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rules: Vec<String> =
            self.standings().flat_map(|(key, standing)| standing.rules(key)).collect();
        if rules.is_empty() {
            rules.push("trusts nobody".to_owned());
        }
        if self.only_allowed {
            rules.push("allows no other actor".to_owned());
        }
        rules.extend(self.bindings.rules());
        let mut vouchers: Vec<_> = self.vouchers.values().flatten().collect();
        vouchers
            .sort_unstable_by_key(|voucher| (voucher.account(), voucher.operator(), voucher.id().to_owned()));
        rules.extend(
            vouchers
                .iter()
                .map(|voucher| format!("knows the word of {} for {}", voucher.operator(), voucher.account())),
        );
        let mut revoked: Vec<_> = self.revoked_tokens.iter().collect();
        revoked.sort_unstable();
        rules.extend(revoked.iter().map(|id| format!("revokes the token \"{}\"", Shown::new(id))));
        rules.extend(self.max_life.map(|life| format!("lets tokens live for {life} s")));
        if self.skew > 0 {
            rules.push(format!("lets clocks differ by {} s", self.skew));
        }
        write!(f, "{}; SHA-256 {}", rules.join("; "), self.hash())
    }
}

impl Bindings {
    /// What belongs to whom.
    fn rules(&self) -> impl Iterator<Item = String> {
        let modules = self.modules.iter().map(|(key, owners)| (key.to_string(), owners));
        let names = self
            .names
            .iter()
            .map(|(name, owners)| (format!("the name \"{}\"", Shown::new(&name.to_string())), owners));
        let tags = self.tags.iter().map(|(tag, owners)| (format!("the tag \"{}\"", Shown::new(tag)), owners));
        let bound = modules.chain(names).chain(tags).map(|(what, owners)| {
            let owners: Vec<String> = owners.iter().map(PublicKey::to_string).collect();
            format!("binds {what} to {}", owners.join(" or "))
        });
        bound.chain(self.shared.iter().map(|key| format!("lets the accounts of {key} share their actors")))
    }
}

impl Standing {
    /// What the policy says about this key.
    fn rules(&self, key: PublicKey) -> impl Iterator<Item = String> {
        let marks = [
            (self.account || self.operator, "trusts"),
            (self.revoked, "revokes"),
            (self.allowed, "allows"),
            (self.denied, "denies"),
        ];
        let marks = marks.into_iter().filter(|(set, _)| *set).map(move |(_, verb)| format!("{verb} {key}"));
        let succeeds = self.succeeds.as_ref().map(|rotation| {
            format!("lets {key} stand for {} by the token \"{}\"", rotation.from(), Shown::new(rotation.id()))
        });
        let asked = self
            .tokens
            .iter()
            .map(move |token| format!("asks for the token \"{}\" of {key}", Shown::new(token.id())));
        let revision = self.minimum_revision.map(|least| format!("wants {key} from revision {least}"));
        let limit = self.limit.as_deref().map(|limit| format!("lets {key} grant {limit}"));
        marks.chain(succeeds).chain(asked).chain(revision).chain(limit)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grants = self.grants().map(|(id, terms)| Allowed::new(id, slice::from_ref(terms)).to_string());
        let grants: Vec<String> = grants.collect();
        if grants.is_empty() { f.write_str("nothing") } else { f.write_str(&grants.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{Grant, GrantLimit, KeyKind, KeyPair, TrustPolicy};

    fn key(kind: KeyKind) -> crate::PublicKey {
        KeyPair::generate(kind).unwrap().public_key()
    }

    #[test]
    fn a_policy_says_all_of_itself() {
        let words = |policy: &TrustPolicy| {
            let (text, end) = (policy.to_string(), format!("; SHA-256 {}", policy.hash()));
            text.strip_suffix(&end).unwrap().to_owned()
        };
        assert_eq!(words(&TrustPolicy::nobody()), "trusts nobody");
        let [account, module] = [KeyKind::Account, KeyKind::Module].map(key);
        let reading = Grant::of("a:b").operation("Get").link("x");
        let policy = TrustPolicy::nobody()
            .account(account)
            .revoke_key(account)
            .limit(account, GrantLimit::nothing().and(reading).and(Grant::of("c:d")))
            .and_then(|policy| policy.allow_actor(module))
            .and_then(|policy| policy.minimum_revision(module, 7))
            .unwrap()
            .revoke_token("two")
            .revoke_token("one")
            .max_token_life(Duration::from_secs(60))
            .clock_skew(Duration::from_secs(5));
        assert_eq!(
            words(&policy),
            format!(
                "trusts {account}; revokes {account}; lets {account} grant a:b (Get over x), c:d; allows {module}; \
                 wants {module} from revision 7; allows no other actor; revokes the token \"one\"; revokes the token \
                 \"two\"; lets tokens live for 60 s; lets clocks differ by 5 s"
            )
        );
        let none = TrustPolicy::nobody().limit(account, GrantLimit::nothing()).unwrap();
        assert_eq!(words(&none), format!("lets {account} grant nothing"));
    }
}
