//! Models a key-value store as its contract tells it: without a thought for time or memory.

use std::collections::{BTreeMap, BTreeSet};

/// What a key and an item count for, beside their texts.
const PER_KEY: usize = 128;
const PER_ITEM: usize = 48;

/// How large things may be, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// A key, with its link's prefix.
    pub key: usize,
    /// A text, an item or a member.
    pub value: usize,
    /// What was put there over each link.
    pub links: [usize; 2],
    /// All of it.
    pub total: usize,
}

/// A store that two links share.
#[derive(Debug)]
pub struct StoreModel {
    entries: BTreeMap<String, Entry>,
    sizes: Sizes,
    seconds: u64,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    /// The second at which it is gone.
    expires: Option<u64>,
    owner: usize,
}

#[derive(Debug)]
enum Value {
    Text(String),
    List(Vec<String>),
    Set(BTreeSet<String>),
}

/// Why something is not done.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// A key or a value is larger than it may be.
    TooLarge(usize, usize),
    /// Anything else, in words.
    Because(String),
}

type Answer<T> = Result<T, Refused>;

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::List(_) => "list",
            Self::Set(_) => "set",
        }
    }

    fn cost(&self) -> usize {
        let items = |item: &String| PER_ITEM + item.len();
        match self {
            Self::Text(text) => text.len(),
            Self::List(list) => list.iter().map(items).sum(),
            Self::Set(set) => set.iter().map(items).sum(),
        }
    }
}

impl StoreModel {
    /// An empty store at second 0.
    pub fn new(sizes: Sizes) -> Self {
        Self { entries: BTreeMap::new(), sizes, seconds: 0 }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What all of it counts for.
    pub fn used(&self) -> usize {
        self.entries.iter().map(|(key, entry)| PER_KEY + key.len() + entry.value.cost()).sum()
    }

    /// Gives a link more or less room from now on.
    pub fn set_limit(&mut self, link: usize, bytes: usize) {
        self.sizes.links[link] = bytes;
    }

    /// Time goes on.
    pub fn pass(&mut self, seconds: u64) {
        self.seconds += seconds;
        self.entries.retain(|_, entry| entry.expires.is_none_or(|expires| expires > self.seconds));
    }

    pub fn get(&self, key: &str) -> Answer<Option<String>> {
        match self.entries.get(key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(other) => Err(wrong_kind(other, "text")),
        }
    }

    pub fn exists(&self, key: &str) -> (String, bool) {
        (self.get(key).ok().flatten().unwrap_or_default(), self.entries.contains_key(key))
    }

    pub fn set(&mut self, link: usize, key: &str, text: &str, seconds: i32) -> Answer<()> {
        let Ok(seconds) = u64::try_from(seconds) else {
            return because(format!("a value cannot expire in {seconds} seconds; 0 stands for never"));
        };
        self.put(link, key, text, (seconds > 0).then_some(self.seconds + seconds))
    }

    fn put(&mut self, link: usize, key: &str, text: &str, expires: Option<u64>) -> Answer<()> {
        self.check_sizes(key, text)?;
        let whole = PER_KEY + key.len() + text.len();
        let old = self.entries.get(key).map(|old| (old.owner, PER_KEY + key.len() + old.value.cost()));
        let of_link = match old {
            Some((owner, cost)) if owner == link => whole.saturating_sub(cost),
            _ => whole,
        };
        self.check_room(link, of_link, whole.saturating_sub(old.map_or(0, |(_, cost)| cost)))?;
        self.entries
            .insert(key.to_owned(), Entry { value: Value::Text(text.to_owned()), expires, owner: link });
        Ok(())
    }

    pub fn add(&mut self, link: usize, key: &str, delta: i32) -> Answer<i32> {
        let holds = match self.get(key)? {
            None => 0,
            Some(text) => match text.parse::<i32>() {
                Ok(number) if number.to_string() == text => number,
                _ => return because("the text under the key is not a whole number of 32 bits".to_owned()),
            },
        };
        let sum = i64::from(holds) + i64::from(delta);
        let Ok(sum) = i32::try_from(sum) else {
            return because(format!("{holds} plus {delta} is outside of {} to {}", i32::MIN, i32::MAX));
        };
        self.put(link, key, &sum.to_string(), self.entries.get(key).and_then(|entry| entry.expires))?;
        Ok(sum)
    }

    pub fn delete(&mut self, key: &str) {
        self.entries.remove(key);
    }

    pub fn clear(&mut self, key: &str) -> Answer<()> {
        self.list(key)?;
        self.delete(key);
        Ok(())
    }

    pub fn push(&mut self, link: usize, key: &str, item: &str) -> Answer<usize> {
        self.check_sizes(key, item)?;
        let mut list = self.list(key)?;
        self.check_growth(link, key, PER_ITEM + item.len())?;
        list.push(item.to_owned());
        let length = list.len();
        self.keep(link, key, Value::List(list));
        Ok(length)
    }

    pub fn delete_items(&mut self, key: &str, item: &str) -> Answer<usize> {
        let mut list = self.list(key)?;
        list.retain(|other| other != item);
        let length = list.len();
        self.keep(0, key, Value::List(list));
        Ok(length)
    }

    pub fn range(&self, key: &str, start: i32, stop: i32) -> Answer<Vec<String>> {
        let list = self.list(key)?;
        let from_start =
            |index: i32| if index < 0 { list.len() as i64 + i64::from(index) } else { index.into() };
        let (start, stop) = (from_start(start), from_start(stop));
        let inside = (0..).zip(&list).filter(|(at, _)| (start..=stop).contains(at));
        Ok(inside.map(|(_, item)| item.clone()).collect())
    }

    pub fn set_add(&mut self, link: usize, key: &str, member: &str) -> Answer<usize> {
        self.check_sizes(key, member)?;
        let mut set = self.set_of(key)?;
        let added = if set.contains(member) { 0 } else { PER_ITEM + member.len() };
        self.check_growth(link, key, added)?;
        set.insert(member.to_owned());
        let size = set.len();
        self.keep(link, key, Value::Set(set));
        Ok(size)
    }

    pub fn set_remove(&mut self, key: &str, member: &str) -> Answer<usize> {
        let mut set = self.set_of(key)?;
        set.remove(member);
        let size = set.len();
        self.keep(0, key, Value::Set(set));
        Ok(size)
    }

    pub fn set_query(&self, key: &str) -> Answer<BTreeSet<String>> {
        self.set_of(key)
    }

    pub fn union(&self, keys: &BTreeSet<String>) -> Answer<BTreeSet<String>> {
        Ok(self.sets(keys)?.concat_all())
    }

    pub fn intersection(&self, keys: &BTreeSet<String>) -> Answer<BTreeSet<String>> {
        let sets = self.sets(keys)?;
        let everywhere = |member: &String| sets.iter().all(|set| set.contains(member));
        Ok(sets.concat_all().into_iter().filter(everywhere).collect())
    }

    fn sets(&self, keys: &BTreeSet<String>) -> Answer<Vec<BTreeSet<String>>> {
        if keys.is_empty() {
            return because("name at least one key".to_owned());
        }
        keys.iter().map(|key| self.set_of(key)).collect()
    }

    fn list(&self, key: &str) -> Answer<Vec<String>> {
        match self.entries.get(key).map(|entry| &entry.value) {
            None => Ok(Vec::new()),
            Some(Value::List(list)) => Ok(list.clone()),
            Some(other) => Err(wrong_kind(other, "list")),
        }
    }

    fn set_of(&self, key: &str) -> Answer<BTreeSet<String>> {
        match self.entries.get(key).map(|entry| &entry.value) {
            None => Ok(BTreeSet::new()),
            Some(Value::Set(set)) => Ok(set.clone()),
            Some(other) => Err(wrong_kind(other, "set")),
        }
    }

    /// Puts a list or a set in the place of the one that is there, whose owner it stays; an empty one is not kept.
    fn keep(&mut self, link: usize, key: &str, value: Value) {
        let (owner, expires) =
            self.entries.remove(key).map_or((link, None), |entry| (entry.owner, entry.expires));
        if value.cost() > 0 {
            self.entries.insert(key.to_owned(), Entry { value, expires, owner });
        }
    }

    fn check_sizes(&self, key: &str, value: &str) -> Answer<()> {
        for (size, limit) in [(key.len(), self.sizes.key), (value.len(), self.sizes.value)] {
            if size > limit {
                return Err(Refused::TooLarge(size, limit));
            }
        }
        Ok(())
    }

    /// What grows counts for whoever put the key there.
    fn check_growth(&self, link: usize, key: &str, added: usize) -> Answer<()> {
        match self.entries.get(key) {
            Some(entry) => self.check_room(entry.owner, added, added),
            None => self.check_room(link, added + PER_KEY + key.len(), added + PER_KEY + key.len()),
        }
    }

    fn check_room(&self, link: usize, of_link: usize, of_all: usize) -> Answer<()> {
        let own = self.entries.iter().filter(|(_, entry)| entry.owner == link);
        let own: usize = own.map(|(key, entry)| PER_KEY + key.len() + entry.value.cost()).sum();
        for (holds, used, needed, limit) in [
            ("what was put there over this link has", own, of_link, self.sizes.links[link]),
            ("the store holds", self.used(), of_all, self.sizes.total),
        ] {
            if needed > 0 && used + needed > limit {
                return because(format!(
                    "{holds} {used} of {limit} bytes and this needs {needed} more: delete something first"
                ));
            }
        }
        Ok(())
    }
}

/// All members of some sets.
trait ConcatAll {
    fn concat_all(&self) -> BTreeSet<String>;
}

impl ConcatAll for Vec<BTreeSet<String>> {
    fn concat_all(&self) -> BTreeSet<String> {
        self.iter().flatten().cloned().collect()
    }
}

fn because<T>(reason: String) -> Answer<T> {
    Err(Refused::Because(reason))
}

fn wrong_kind(value: &Value, wanted: &str) -> Refused {
    Refused::Because(format!("the key holds a {}, and this operation is for a {wanted}", value.kind()))
}
