//! The store: every operation in one place, each either done whole or not at all.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    fault::Fault,
    limits::Limits,
    value::{Value, item_cost, key_cost},
};

#[derive(Debug)]
struct Entry {
    value: Value,
    /// What the value counts for, in bytes.
    cost: usize,
    expires: Option<Instant>,
}

/// What an operation did to a list or a set.
struct Change {
    /// How many items or members there are now.
    count: usize,
    added: usize,
    removed: usize,
}

/// Keys and values, and the order in which they expire.
///
/// Nothing is collected in the background: whoever comes next first takes away what is due ([`Store::collect`]), so an
/// operation never sees an expired value and each value is taken away once.
#[derive(Debug, Default)]
pub(crate) struct Store {
    entries: HashMap<Arc<str>, Entry>,
    due: BTreeSet<(Instant, Arc<str>)>,
    used: usize,
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

    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>, Fault> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_kind(key, other, Value::TEXT)),
        }
    }

    /// Sets a text; `expires` is when it ends, if it does.
    pub(crate) fn set(&mut self, key: &str, text: String, expires: Option<Instant>) -> Result<(), Fault> {
        self.check_sizes(key, &text)?;
        let old = self.entries.get(key).map_or(0, |entry| entry.cost);
        self.check_room(key, text.len().saturating_sub(old))?;
        self.delete(key);
        self.insert(key, Value::Text(text), expires);
        Ok(())
    }

    /// Adds to a counter, which is 0 when it is not there. The time at which it expires stays as it is.
    pub(crate) fn add(&mut self, key: &str, delta: i32) -> Result<i32, Fault> {
        let holds = match self.text(key)? {
            None => 0,
            Some(text) => counter(text).ok_or_else(|| Fault::NotACounter { key: key.to_owned() })?,
        };
        let sum =
            holds.checked_add(delta).ok_or_else(|| Fault::Overflow { key: key.to_owned(), holds, delta })?;
        let expires = self.entries.get(key).and_then(|entry| entry.expires);
        self.set(key, sum.to_string(), expires)?;
        Ok(sum)
    }

    /// Takes a key away, whatever it holds.
    pub(crate) fn delete(&mut self, key: &str) {
        if let Some((key, entry)) = self.entries.remove_entry(key) {
            self.used -= key_cost(&key) + entry.value.cost();
            if let Some(when) = entry.expires {
                self.due.remove(&(when, key));
            }
        }
    }

    /// Empties a list.
    pub(crate) fn clear(&mut self, key: &str) -> Result<(), Fault> {
        self.list(key)?;
        self.delete(key);
        Ok(())
    }

    /// Appends to a list and returns its new length.
    pub(crate) fn push(&mut self, key: &str, item: String) -> Result<usize, Fault> {
        self.check_sizes(key, &item)?;
        self.list(key)?;
        let added = item_cost(&item);
        self.check_room(key, added)?;
        Ok(self.change(key, Value::List(Vec::new()), |value| match value {
            Value::List(items) => {
                items.push(item);
                Change { count: items.len(), added, removed: 0 }
            }
            _ => Change::NONE,
        }))
    }

    /// Takes every item that equals `item` out of a list and returns its new length.
    pub(crate) fn list_delete(&mut self, key: &str, item: &str) -> Result<usize, Fault> {
        self.list(key)?;
        Ok(self.change(key, Value::List(Vec::new()), |value| match value {
            Value::List(items) => {
                let before = items.len();
                items.retain(|other| other != item);
                let removed = (before - items.len()) * item_cost(item);
                Change { count: items.len(), added: 0, removed }
            }
            _ => Change::NONE,
        }))
    }

    /// The items from `start` to `stop`, both included; negative positions count from the end, -1 being the last item.
    pub(crate) fn range(&self, key: &str, start: i32, stop: i32) -> Result<Vec<String>, Fault> {
        let items = self.list(key)?;
        let from = position(start, items.len()).unwrap_or(0);
        let past = position(stop, items.len()).map_or(0, |last| last.saturating_add(1)).min(items.len());
        Ok(items.get(from..past).unwrap_or_default().to_vec())
    }

    /// Puts a member into a set and returns how many it has then.
    pub(crate) fn set_add(&mut self, key: &str, member: String) -> Result<usize, Fault> {
        self.check_sizes(key, &member)?;
        let is_new = self.members(key)?.is_none_or(|members| !members.contains(&member));
        let added = if is_new { item_cost(&member) } else { 0 };
        self.check_room(key, added)?;
        Ok(self.change(key, Value::Set(BTreeSet::new()), |value| match value {
            Value::Set(members) => {
                members.insert(member);
                Change { count: members.len(), added, removed: 0 }
            }
            _ => Change::NONE,
        }))
    }

    /// Takes a member out of a set and returns how many it has then.
    pub(crate) fn set_remove(&mut self, key: &str, member: &str) -> Result<usize, Fault> {
        self.members(key)?;
        Ok(self.change(key, Value::Set(BTreeSet::new()), |value| match value {
            Value::Set(members) => {
                let removed = if members.remove(member) { item_cost(member) } else { 0 };
                Change { count: members.len(), added: 0, removed }
            }
            _ => Change::NONE,
        }))
    }

    /// The members of a set.
    pub(crate) fn query(&self, key: &str) -> Result<Vec<String>, Fault> {
        Ok(self.members(key)?.into_iter().flatten().cloned().collect())
    }

    /// The members of any of the sets.
    pub(crate) fn union(&self, keys: &[String]) -> Result<Vec<String>, Fault> {
        let mut all = BTreeSet::new();
        for members in self.sets(keys)?.into_iter().flatten() {
            all.extend(members);
        }
        Ok(all.into_iter().cloned().collect())
    }

    /// The members that all of the sets have.
    pub(crate) fn intersection(&self, keys: &[String]) -> Result<Vec<String>, Fault> {
        let Some(sets) = self.sets(keys)?.into_iter().collect::<Option<Vec<_>>>() else {
            return Ok(Vec::new());
        };
        let Some((first, others)) = sets.split_first() else {
            return Ok(Vec::new());
        };
        Ok(first.iter().filter(|member| others.iter().all(|set| set.contains(*member))).cloned().collect())
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    fn list(&self, key: &str) -> Result<&[String], Fault> {
        match self.value(key) {
            None => Ok(&[]),
            Some(Value::List(items)) => Ok(items),
            Some(other) => Err(wrong_kind(key, other, Value::LIST)),
        }
    }

    fn members(&self, key: &str) -> Result<Option<&BTreeSet<String>>, Fault> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Set(members)) => Ok(Some(members)),
            Some(other) => Err(wrong_kind(key, other, Value::SET)),
        }
    }

    fn sets(&self, keys: &[String]) -> Result<Vec<Option<&BTreeSet<String>>>, Fault> {
        if keys.is_empty() {
            return Err(Fault::NoKeys);
        }
        keys.iter().map(|key| self.members(key)).collect()
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

    /// Whether `added` bytes more fit under `key`, which costs something itself when it is new.
    fn check_room(&self, key: &str, added: usize) -> Result<(), Fault> {
        let needed = if self.exists(key) { added } else { added.saturating_add(key_cost(key)) };
        let (used, limit) = (self.used, self.limits.total_bytes);
        if needed == 0 || needed <= limit.saturating_sub(used) {
            Ok(())
        } else {
            Err(Fault::Full { key: key.to_owned(), used, needed, limit })
        }
    }

    fn insert(&mut self, key: &str, value: Value, expires: Option<Instant>) {
        let key: Arc<str> = key.into();
        let cost = value.cost();
        self.used += key_cost(&key) + cost;
        if let Some(when) = expires {
            self.due.insert((when, Arc::clone(&key)));
        }
        self.entries.insert(key, Entry { value, cost, expires });
    }

    /// Changes the list or set under `key`, which is `empty` when it is not there. An empty one does not stay.
    fn change(&mut self, key: &str, empty: Value, act: impl FnOnce(&mut Value) -> Change) -> usize {
        if !self.exists(key) {
            self.insert(key, empty, None);
        }
        let Some(entry) = self.entries.get_mut(key) else {
            return 0;
        };
        let change = act(&mut entry.value);
        entry.cost = entry.cost + change.added - change.removed;
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

/// The place that an index from the start, or a negative one from the end, stands for; `None` when it is before the start.
fn position(index: i32, length: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX)),
    }
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
    use super::*;

    fn store(total: usize) -> Store {
        Store::new(Limits::default().key(8).value(16).total(total))
    }

    #[test]
    fn what_is_taken_away_is_counted_back() {
        let mut store = store(10_000);
        store.set("t", "text".into(), Some(Instant::now())).unwrap();
        store.push("l", "a".into()).unwrap();
        store.push("l", "b".into()).unwrap();
        store.push("l", "a".into()).unwrap();
        store.set_add("s", "m".into()).unwrap();
        store.set_add("s", "m".into()).unwrap();
        store.add("c", 10).unwrap();
        assert!(store.used() > 0);
        store.list_delete("l", "a").unwrap();
        store.list_delete("l", "b").unwrap();
        store.list_delete("none", "b").unwrap();
        store.set_remove("s", "m").unwrap();
        store.delete("c");
        store.collect(Instant::now());
        assert_eq!((store.len(), store.used(), store.due.len()), (0, 0, 0));
    }

    #[test]
    fn a_full_store_refuses_growth_and_keeps_what_it_has() {
        let mut store = store(key_cost("a") + 4);
        store.set("a", "1234".into(), None).unwrap();
        assert!(matches!(store.set("b", "1".into(), None), Err(Fault::Full { .. })));
        assert!(matches!(store.set("a", "12345".into(), None), Err(Fault::Full { needed: 1, .. })));
        assert!(matches!(store.push("l", "1".into()), Err(Fault::Full { .. })));
        assert!(matches!(store.set_add("s", "1".into()), Err(Fault::Full { .. })));
        assert_eq!(store.text("a"), Ok(Some("1234")));
        store.set("a", "4321".into(), None).unwrap();
        store.delete("a");
        store.set("b", "1".into(), None).unwrap();
    }

    #[test]
    fn long_keys_and_values_are_refused_with_their_sizes() {
        let mut store = store(10_000);
        let key = store.set("123456789", String::new(), None);
        assert_eq!(key, Err(Fault::TooLarge { size: 9, limit: 8 }));
        let value = store.push("k", "x".repeat(17));
        assert_eq!(value, Err(Fault::TooLarge { size: 17, limit: 16 }));
        assert_eq!(store.add("123456789", 1), Err(Fault::TooLarge { size: 9, limit: 8 }));
        assert_eq!(store.len(), 0);
    }

    #[test]
    fn setting_anew_forgets_the_old_expiry() {
        let (mut store, now) = (store(10_000), Instant::now());
        let later = now + Duration::from_secs(1);
        store.set("k", "1".into(), Some(later)).unwrap();
        store.set("k", "2".into(), None).unwrap();
        store.collect(later);
        assert_eq!(store.text("k"), Ok(Some("2")));
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
