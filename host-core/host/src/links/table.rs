//! Holds what one actor is linked to, in the form that the router reads: an immutable table, replaced as a whole. The next table shares with the
//! one before all that did not change.

use std::sync::Arc;

use capability_provider::LinkName;
use parking_lot::RwLock;

use crate::links::{place::Place, providers::Served};

/// The links of one actor at one moment, in the order of (capability, link name).
#[derive(Default)]
pub(crate) struct LinkTable(Box<[Arc<LinkEntry>]>);

/// One link; without a provider it is down.
pub(crate) struct LinkEntry {
    place: Place,
    served: Option<Arc<Served>>,
}

impl LinkEntry {
    pub(crate) fn new(place: Place, served: Option<Arc<Served>>) -> Self {
        Self { place, served }
    }

    pub(crate) fn link(&self) -> &LinkName {
        &self.place.link
    }

    pub(crate) fn served(&self) -> Option<&Served> {
        self.served.as_deref()
    }
}

impl LinkTable {
    /// The same table with this link, in the place of the one that is there.
    fn with(&self, entry: LinkEntry) -> Self {
        let mut entries = Vec::with_capacity(self.0.len() + 1);
        let [before, after] = self.around(&entry.place);
        entries.extend_from_slice(before);
        entries.push(Arc::new(entry));
        entries.extend_from_slice(after);
        Self(entries.into())
    }

    /// The same table without the link of this place.
    fn without(&self, place: &Place) -> Self {
        Self(self.around(place).concat().into())
    }

    /// What comes before the link of a place, and what comes after it.
    fn around(&self, place: &Place) -> [&[Arc<LinkEntry>]; 2] {
        let (before, from) = self.0.split_at(self.0.partition_point(|entry| entry.place < *place));
        let here = from.first().is_some_and(|entry| entry.place == *place);
        [before, &from[usize::from(here)..]]
    }

    /// The link to `capability` under the name `link`. Allocates nothing.
    pub(crate) fn find(&self, capability: &str, link: &str) -> Option<&LinkEntry> {
        let position = self.0.binary_search_by(|entry| {
            let Place { capability: c, link: l } = &entry.place;
            c.as_str().cmp(capability).then_with(|| l.as_str().cmp(link))
        });
        position.ok().map(|found| &*self.0[found])
    }
}

/// The place where an actor's table lies. The lock is held for the time of a clone, never across a call.
#[derive(Default)]
pub(crate) struct LinkCell(RwLock<Arc<LinkTable>>);

impl LinkCell {
    pub(crate) fn table(&self) -> Arc<LinkTable> {
        Arc::clone(&self.0.read())
    }

    /// Puts a link in, or another provider behind it. Returns the table before, to be dropped outside of every lock: it may hold the last
    /// reference to a provider.
    #[must_use]
    pub(crate) fn put(&self, place: Place, served: Option<Arc<Served>>) -> Arc<LinkTable> {
        self.change(|table| table.with(LinkEntry::new(place, served)))
    }

    /// Takes a link out. Returns the table before, as [`put`](Self::put).
    #[must_use]
    pub(crate) fn take(&self, place: &Place) -> Arc<LinkTable> {
        self.change(|table| table.without(place))
    }

    /// Takes all links out.
    pub(crate) fn clear(&self) {
        drop(self.change(|_| LinkTable::default()));
    }

    /// Whoever changes the wiring is the only one who changes tables.
    fn change(&self, change: impl FnOnce(&LinkTable) -> LinkTable) -> Arc<LinkTable> {
        let next = Arc::new(change(&self.table()));
        std::mem::replace(&mut *self.0.write(), next)
    }
}

#[cfg(test)]
mod tests {
    use capability_provider::CapabilityId;

    use super::*;

    #[test]
    fn a_link_is_found_by_capability_and_name() {
        let place = |capability: &str, link: &str| Place {
            capability: CapabilityId::new(capability).unwrap(),
            link: LinkName::new(link).unwrap(),
        };
        let places = [place("b:x", "default"), place("a:x", "two"), place("a:x", "default"), place("a", "z")];
        let cell = LinkCell::default();
        for place in places.iter().chain(&places) {
            drop(cell.put(place.clone(), None));
        }
        let table = cell.table();
        for Place { capability, link } in &places {
            let entry = table.find(capability.as_str(), link.as_str()).expect("it was put there");
            assert_eq!((&entry.place.capability, entry.link()), (capability, link));
        }
        assert!(table.find("a:x", "three").is_none() && table.find("c", "default").is_none());
        for _ in 0..2 {
            drop(cell.take(&places[1]));
            let table = cell.table();
            assert!(table.find("a:x", "two").is_none() && table.find("a:x", "default").is_some());
            assert_eq!(table.0.len(), places.len() - 1);
        }
    }
}
