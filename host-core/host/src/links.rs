//! What one actor is linked to, in the form that the router reads: an immutable table, replaced as a whole.

use std::sync::Arc;

use capability_provider::LinkName;
use parking_lot::RwLock;

use crate::providers::{Place, Served};

/// The links of one actor at one moment, in the order of (capability, link name).
#[derive(Default)]
pub(crate) struct LinkTable(Box<[LinkEntry]>);

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
    pub(crate) fn new(mut entries: Vec<LinkEntry>) -> Self {
        entries.sort_unstable_by(|a, b| a.place.cmp(&b.place));
        Self(entries.into())
    }

    /// The link to `capability` under the name `link`. Allocates nothing.
    pub(crate) fn find(&self, capability: &str, link: &str) -> Option<&LinkEntry> {
        let position = self.0.binary_search_by(|entry| {
            let Place { capability: c, link: l } = &entry.place;
            c.as_str().cmp(capability).then_with(|| l.as_str().cmp(link))
        });
        position.ok().map(|found| &self.0[found])
    }
}

/// The place where an actor's table lies. The lock is held for the time of a clone, never across a call.
#[derive(Default)]
pub(crate) struct LinkCell(RwLock<Arc<LinkTable>>);

impl LinkCell {
    pub(crate) fn table(&self) -> Arc<LinkTable> {
        Arc::clone(&self.0.read())
    }

    pub(crate) fn store(&self, table: LinkTable) {
        // The old table is dropped after the lock, for it may hold the last reference to a provider.
        let _old = std::mem::replace(&mut *self.0.write(), Arc::new(table));
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
        let table = LinkTable::new(places.iter().map(|p| LinkEntry::new(p.clone(), None)).collect());
        for Place { capability, link } in &places {
            let entry = table.find(capability.as_str(), link.as_str()).expect("it was put there");
            assert_eq!((&entry.place.capability, entry.link()), (capability, link));
        }
        assert!(table.find("a:x", "three").is_none() && table.find("c", "default").is_none());
    }
}
