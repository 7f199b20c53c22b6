//! Stores values: every operation in one place, each either done whole or not at all.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    fault::{Fault, Full},
    limits::Limits,
    links::{Account, Link},
    value::{List, Set, Value, item_cost, key_cost},
};

#[derive(Debug)]
struct Entry {
    value: Value,
    /// What the value counts for, in bytes.
    cost: usize,
    expires: Option<Instant>,
    /// The link over which the key was put there, for which it counts.
    owner: Arc<Account>,
    /// The number of the last change of it.
    version: u64,
}

/// What is full if this is too much, how much of it is used, how much more is needed, and how much there is; in bytes.
type Need = (Full, usize, usize, usize);

/// What an operation did to a list or a set.
struct Change {
    /// How many items or members there are now.
    count: usize,
    added: usize,
    removed: usize,
}

/// Keys and values, and the order in which they expire.
///
/// Nothing is collected in the background: each operation first takes away what is due ([`Store::collect`]), so it never sees
/// an expired value, and each value is taken away once.
///
/// All links wait for the one lock that the store is behind, so nothing is done here that takes longer for a large value: a reader
/// gets the value itself, which shares its nodes with the one that is kept, and what was taken away is freed later ([`Store::taken`]).
#[derive(Debug, Default)]
pub(crate) struct Store {
    entries: HashMap<Arc<str>, Entry>,
    due: BTreeSet<(Instant, Arc<str>)>,
    used: usize,
    taken: Vec<Value>,
    /// How often a value was put there or changed.
    changes: u64,
    limits: Limits,
}

impl Store {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes away every value that is due at `now`.
    pub(crate) fn collect(&mut self, now: Instant) {
        while let Some((when, key)) = self.due.first() {
            if *when > now {
                return;
            }
            let key = Arc::clone(key);
            self.delete(&key);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn exists(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// What was taken away since this was last asked: to be freed when nobody waits for it.
    pub(crate) fn taken(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.taken)
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<Arc<str>>, Fault> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(Arc::clone(text))),
            Some(other) => Err(wrong_kind(key, other, Value::TEXT)),
        }
    }

    /// Sets a text; `expires` is when it ends, if it does. It counts for `link` from then on.
    pub(crate) fn set(
        &mut self,
        link: &Link,
        key: &str,
        text: &str,
        expires: Option<Instant>,
    ) -> Result<(), Fault> {
        self.check_sizes(key, text)?;
        let (cost, key_cost) = (text.len(), key_cost(key));
        let whole = cost + key_cost;
        let Some(entry) = self.entries.get(key) else {
            self.check_room(key, [self.part(link, whole), self.whole(whole)])?;
            self.insert(link, key, Value::Text(text.into()), expires);
            return Ok(());
        };
        let freed = entry.cost + key_cost;
        let is_own = Arc::ptr_eq(&entry.owner, &link.account);
        let of_link = if is_own { whole.saturating_sub(freed) } else { whole };
        self.check_room(key, [self.part(link, of_link), self.whole(whole.saturating_sub(freed))])?;
        if !is_own || entry.expires.is_some() || expires.is_some() {
            self.delete(key);
            self.insert(link, key, Value::Text(text.into()), expires);
            return Ok(());
        }
        let mut old = Value::Text(text.into());
        self.change_entry(key, |value| {
            std::mem::swap(value, &mut old);
            Change { count: 1, added: cost, removed: freed - key_cost }
        });
        self.taken.push(old);
        Ok(())
    }

    /// Adds to a counter, which is 0 when it is not there. The time at which it expires stays as it is.
    pub(crate) fn add(&mut self, link: &Link, key: &str, delta: i32) -> Result<i32, Fault> {
        let holds = match self.text(key)? {
            None => 0,
            Some(text) => counter(&text).ok_or_else(|| Fault::NotACounter { key: key.to_owned() })?,
        };
        let sum =
            holds.checked_add(delta).ok_or_else(|| Fault::Overflow { key: key.to_owned(), holds, delta })?;
        let expires = self.entries.get(key).and_then(|entry| entry.expires);
        self.set(link, key, &sum.to_string(), expires)?;
        Ok(sum)
    }

    /// Takes a key away, whatever it holds.
    pub(crate) fn delete(&mut self, key: &str) {
        if let Some((key, entry)) = self.entries.remove_entry(key) {
            let cost = key_cost(&key) + entry.cost;
            self.used -= cost;
            entry.owner.take(cost);
            if let Some(when) = entry.expires {
                self.due.remove(&(when, key));
            }
            self.taken.push(entry.value);
        }
    }

    /// Empties a list.
    pub(crate) fn clear(&mut self, key: &str) -> Result<(), Fault> {
        self.list(key)?;
        self.delete(key);
        Ok(())
    }

    /// Appends to a list and returns its new length.
    pub(crate) fn push(&mut self, link: &Link, key: &str, item: String) -> Result<usize, Fault> {
        self.check_sizes(key, &item)?;
        self.list(key)?;
        let added = item_cost(&item);
        self.check_growth(link, key, added)?;
        Ok(self.change(link, key, Value::List(List::new()), |value| match value {
            Value::List(items) => {
                items.push_back(item.into());
                Change { count: items.len(), added, removed: 0 }
            }
            _ => Change::NONE,
        }))
    }

    /// The list under a key, and the number of its last change: 0 when there is none.
    pub(crate) fn list_and_version(&self, key: &str) -> Result<(List, u64), Fault> {
        let version = self.entries.get(key).map_or(0, |entry| entry.version);
        Ok((self.list(key)?, version))
    }

    /// Puts `kept` in the place of a list out of which `removed` bytes were taken, unless it was changed since that `version` was read.
    pub(crate) fn exchange(&mut self, key: &str, version: u64, kept: List, removed: usize) -> bool {
        match self.entries.get(key) {
            None => return version == 0,
            Some(entry) if entry.version != version => return false,
            Some(_) => {}
        }
        let change = Change { count: kept.len(), added: 0, removed };
        let mut old = Value::List(kept);
        self.change_entry(key, |value| {
            std::mem::swap(value, &mut old);
            change
        });
        self.taken.push(old);
        true
    }

    /// Puts a member into a set and returns how many it has then.
    pub(crate) fn set_add(&mut self, link: &Link, key: &str, member: String) -> Result<usize, Fault> {
        self.check_sizes(key, &member)?;
        let is_new = !self.set_of(key)?.contains(member.as_str());
        let added = if is_new { item_cost(&member) } else { 0 };
        self.check_growth(link, key, added)?;
        Ok(self.change(link, key, Value::Set(Set::new()), |value| match value {
            Value::Set(members) => {
                if is_new {
                    members.insert(member.into());
                }
                Change { count: members.len(), added, removed: 0 }
            }
            _ => Change::NONE,
        }))
    }

    /// Takes a member out of a set and returns how many it has then.
    pub(crate) fn set_remove(&mut self, link: &Link, key: &str, member: &str) -> Result<usize, Fault> {
        self.set_of(key)?;
        Ok(self.change(link, key, Value::Set(Set::new()), |value| match value {
            Value::Set(members) => {
                let removed = members.remove(member).map_or(0, |member| item_cost(&member));
                Change { count: members.len(), added: 0, removed }
            }
            _ => Change::NONE,
        }))
    }

    /// The list under a key; an empty one when there is none.
    pub(crate) fn list(&self, key: &str) -> Result<List, Fault> {
        match self.value(key) {
            None => Ok(List::new()),
            Some(Value::List(items)) => Ok(items.clone()),
            Some(other) => Err(wrong_kind(key, other, Value::LIST)),
        }
    }

    /// The set under a key; an empty one when there is none.
    pub(crate) fn set_of(&self, key: &str) -> Result<Set, Fault> {
        match self.value(key) {
            None => Ok(Set::new()),
            Some(Value::Set(members)) => Ok(members.clone()),
            Some(other) => Err(wrong_kind(key, other, Value::SET)),
        }
    }

    /// The sets under all keys at one moment, each once however often it is named, so that no request makes more work than what is stored.
    pub(crate) fn sets(&self, keys: &[String]) -> Result<Vec<Set>, Fault> {
        if keys.is_empty() {
            return Err(Fault::NoKeys);
        }
        let distinct: BTreeSet<_> = keys.iter().collect();
        distinct.into_iter().map(|key| self.set_of(key)).collect()
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    fn check_sizes(&self, key: &str, value: &str) -> Result<(), Fault> {
        let Limits { key_bytes, value_bytes, .. } = self.limits;
        for (size, limit) in [(key.len(), key_bytes), (value.len(), value_bytes)] {
            if size > limit {
                return Err(Fault::TooLarge { size, limit });
            }
        }
        Ok(())
    }

    /// Whether `added` bytes more fit under `key`, which costs something itself when it is new. What is there counts for whoever put it
    /// there.
    fn check_growth(&self, link: &Link, key: &str, added: usize) -> Result<(), Fault> {
        match self.entries.get(key) {
            Some(entry) if !Arc::ptr_eq(&entry.owner, &link.account) => {
                let (used, limit) = (entry.owner.used(), self.allowed(&entry.owner));
                self.check_room(key, [(Full::Link, used, added, limit), self.whole(added)])
            }
            Some(_) => self.check_room(key, [self.part(link, added), self.whole(added)]),
            None => {
                let needed = added.saturating_add(key_cost(key));
                self.check_room(key, [self.part(link, needed), self.whole(needed)])
            }
        }
    }

    /// The [`Need`] of `needed` bytes, measured against the whole store.
    fn whole(&self, needed: usize) -> Need {
        (Full::Store, self.used, needed, self.limits.total_bytes)
    }

    /// The same, measured against what may be put there over the link.
    fn part(&self, link: &Link, needed: usize) -> Need {
        (Full::Link, link.account.used(), needed, self.allowed(&link.account))
    }

    fn allowed(&self, account: &Account) -> usize {
        account.limit().unwrap_or(self.limits.link_bytes)
    }

    fn check_room(&self, key: &str, needs: [Need; 2]) -> Result<(), Fault> {
        for (full, used, needed, limit) in needs {
            if needed > 0 && needed > limit.saturating_sub(used) {
                return Err(Fault::Full { key: key.to_owned(), full, used, needed, limit });
            }
        }
        Ok(())
    }

    fn insert(&mut self, link: &Link, key: &str, value: Value, expires: Option<Instant>) {
        let key: Arc<str> = key.into();
        let cost = value.cost();
        self.used += key_cost(&key) + cost;
        link.account.add(key_cost(&key) + cost);
        if let Some(when) = expires {
            self.due.insert((when, Arc::clone(&key)));
        }
        self.changes += 1;
        let (owner, version) = (Arc::clone(&link.account), self.changes);
        self.entries.insert(key, Entry { value, cost, expires, owner, version });
    }

    /// Changes the list or set under `key`, which is `empty` when it is not there. An empty one does not stay.
    fn change(
        &mut self,
        link: &Link,
        key: &str,
        empty: Value,
        act: impl FnOnce(&mut Value) -> Change,
    ) -> usize {
        if !self.exists(key) {
            self.insert(link, key, empty, None);
        }
        self.change_entry(key, act)
    }

    fn change_entry(&mut self, key: &str, act: impl FnOnce(&mut Value) -> Change) -> usize {
        self.changes += 1;
        let Some(entry) = self.entries.get_mut(key) else {
            return 0;
        };
        let change = act(&mut entry.value);
        entry.version = self.changes;
        entry.cost = entry.cost + change.added - change.removed;
        entry.owner.add(change.added);
        entry.owner.take(change.removed);
        self.used = self.used + change.added - change.removed;
        if entry.value.is_spent() {
            self.delete(key);
        }
        change.count
    }
}

impl Change {
    /// For a value of another kind; callers have looked at the kind before.
    const NONE: Self = Self { count: 0, added: 0, removed: 0 };
}

fn wrong_kind(key: &str, value: &Value, wanted: &'static str) -> Fault {
    Fault::WrongKind { key: key.to_owned(), holds: value.kind(), wanted }
}

/// Reads a counter in the one form in which counters are written, so that `07` or `+7` stay the texts that they are.
fn counter(text: &str) -> Option<i32> {
    text.parse::<i32>().ok().filter(|number| number.to_string() == text)
}

/// When a text that is set at `now` expires: 0 seconds stand for never.
pub(crate) fn expiry(key: &str, seconds: i32, now: Instant) -> Result<Option<Instant>, Fault> {
    match u64::try_from(seconds) {
        Ok(0) => Ok(None),
        Ok(seconds) => Ok(now.checked_add(Duration::from_secs(seconds))),
        Err(_) => Err(Fault::NegativeExpiry { key: key.to_owned(), expires: seconds }),
    }
}

#[cfg(test)]
mod tests {
    use capability_provider::{ActorId, CapabilityCall, CapabilityId, LinkConfig, LinkKey, LinkName};

    use super::*;
    use crate::links::Links;

    fn store(total: usize) -> Store {
        Store::new(Limits::default().key(8).value(16).total(total))
    }

    fn link(name: &str) -> Link {
        let actor = ActorId::new(&format!("M{}", "A".repeat(55))).unwrap();
        let (links, name) = (Links::default(), LinkName::new(name).unwrap());
        let key = LinkKey::new(actor.clone(), CapabilityId::new("test:store").unwrap(), name.clone());
        links.add(&key, &LinkConfig::new()).unwrap();
        links.find(&CapabilityCall::new(&actor, &name, "", b""), "test").unwrap()
    }

    #[test]
    fn what_is_taken_away_is_counted_back() {
        let (mut store, link, other) = (store(10_000), link("one"), link("other"));
        store.set(&link, "t", "text", Some(Instant::now())).unwrap();
        store.set(&link, "u", "text", None).unwrap();
        store.set(&other, "u", "other text", None).unwrap();
        for item in ["a", "b", "a"] {
            store.push(&link, "l", item.into()).unwrap();
        }
        store.push(&other, "l", "c".into()).unwrap();
        store.set_add(&link, "s", "m".into()).unwrap();
        store.set_add(&other, "s", "m".into()).unwrap();
        store.add(&link, "c", 10).unwrap();
        assert_eq!(store.used(), link.account.used() + other.account.used());
        let (items, version) = store.list_and_version("l").unwrap();
        assert!(store.exchange("l", version, items.clone().into_iter().skip(1).collect(), item_cost("a")));
        assert!(!store.exchange("l", version, List::new(), 3 * item_cost("a")), "it has changed since");
        let (_, version) = store.list_and_version("l").unwrap();
        assert!(store.exchange("l", version, List::new(), 3 * item_cost("a")));
        assert!(store.exchange("none", 0, List::new(), 0));
        store.set_remove(&other, "s", "m").unwrap();
        store.delete("c");
        store.delete("u");
        store.collect(Instant::now());
        assert_eq!((store.len(), store.used(), store.due.len()), (0, 0, 0));
        assert_eq!((link.account.used(), other.account.used()), (0, 0));
        assert!(!store.taken().is_empty());
    }

    #[test]
    fn a_full_store_refuses_growth_and_keeps_what_it_has() {
        let (mut store, link) = (store(key_cost("a") + 4), link("one"));
        store.set(&link, "a", "1234", None).unwrap();
        assert!(matches!(store.set(&link, "b", "1", None), Err(Fault::Full { .. })));
        assert!(matches!(store.set(&link, "a", "12345", None), Err(Fault::Full { needed: 1, .. })));
        assert!(matches!(store.push(&link, "l", "1".into()), Err(Fault::Full { .. })));
        assert!(matches!(store.set_add(&link, "s", "1".into()), Err(Fault::Full { .. })));
        assert_eq!(store.text("a").unwrap().as_deref(), Some("1234"));
        store.set(&link, "a", "4321", None).unwrap();
        store.delete("a");
        store.set(&link, "b", "1", None).unwrap();
    }

    #[test]
    fn a_link_that_has_all_it_may_refuses_growth_and_others_do_not() {
        let (mut store, one, other) = (store(10_000), link("one"), link("other"));
        one.account.set_limit(Some(key_cost("a") + item_cost("1234")));
        store.push(&one, "a", "1234".into()).unwrap();
        for refused in [store.set(&one, "b", "1", None), store.push(&one, "a", "1".into()).map(drop)] {
            assert!(matches!(refused, Err(Fault::Full { full: Full::Link, .. })), "{refused:?}");
        }
        store.set(&other, "b", "1", None).unwrap();
        // Others cannot have it hold more either.
        let refused = store.push(&other, "a", "1".into());
        assert!(matches!(refused, Err(Fault::Full { full: Full::Link, .. })), "{refused:?}");
        // What another link sets anew counts for that one.
        store.set(&other, "a", "1", None).unwrap();
        store.push(&one, "c", "1".into()).unwrap();
        let refused = store.set(&one, "b", "1", None);
        assert!(matches!(refused, Err(Fault::Full { full: Full::Link, .. })), "{refused:?}");
    }

    /// All links wait while the store does something.
    #[test]
    fn what_is_read_is_not_copied_in_the_store() {
        let (mut store, link) = (Store::new(Limits::default()), link("one"));
        for number in 0..1000 {
            store.push(&link, "l", number.to_string()).unwrap();
            store.set_add(&link, "s", number.to_string()).unwrap();
        }
        store.set(&link, "t", "text", None).unwrap();
        let list = store.list("l").unwrap();
        assert!(list.ptr_eq(&store.list("l").unwrap()));
        assert!(store.set_of("s").unwrap().ptr_eq(&store.sets(&["s".to_owned()]).unwrap()[0]));
        assert!(Arc::ptr_eq(&store.text("t").unwrap().unwrap(), &store.text("t").unwrap().unwrap()));
        // Whoever has read it sees it as it was.
        store.push(&link, "l", "more".into()).unwrap();
        assert_eq!((list.len(), store.list("l").unwrap().len()), (1000, 1001));
    }

    #[test]
    fn a_set_that_is_named_often_is_looked_through_once() {
        let (mut store, link) = (store(10_000), link("one"));
        store.set_add(&link, "s", "m".into()).unwrap();
        store.set_add(&link, "t", "n".into()).unwrap();
        let keys: Vec<_> = ["s", "t", "none"].iter().cycle().take(1000).map(ToString::to_string).collect();
        assert_eq!(store.sets(&keys).unwrap().len(), 3);
    }

    #[test]
    fn long_keys_and_values_are_refused_with_their_sizes() {
        let (mut store, link) = (store(10_000), link("one"));
        let key = store.set(&link, "123456789", "", None);
        assert_eq!(key, Err(Fault::TooLarge { size: 9, limit: 8 }));
        let value = store.push(&link, "k", "x".repeat(17));
        assert_eq!(value, Err(Fault::TooLarge { size: 17, limit: 16 }));
        assert_eq!(store.add(&link, "123456789", 1), Err(Fault::TooLarge { size: 9, limit: 8 }));
        assert_eq!(store.len(), 0);
    }

    #[test]
    fn setting_anew_forgets_the_old_expiry() {
        let (mut store, link, now) = (store(10_000), link("one"), Instant::now());
        let later = now + Duration::from_secs(1);
        store.set(&link, "k", "1", Some(later)).unwrap();
        store.set(&link, "k", "2", None).unwrap();
        store.collect(later);
        assert_eq!(store.text("k").unwrap().as_deref(), Some("2"));
        assert!(store.due.is_empty());
    }

    #[test]
    fn only_one_form_of_a_number_is_a_counter() {
        for text in ["", "+1", "01", " 1", "1.0", "-0", "2147483648", "x"] {
            assert_eq!(counter(text), None, "{text:?}");
        }
        for number in [0, -1, i32::MIN, i32::MAX] {
            assert_eq!(counter(&number.to_string()), Some(number));
        }
    }
}
