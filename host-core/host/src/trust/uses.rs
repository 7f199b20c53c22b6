//! Knows which uses of an actor's grants are recorded: each operation of each grant, over each link, once while one policy decides.

use std::sync::{Arc, OnceLock};

use capability_claims::Access;

/// The most operations of one grant that have records of their own while one policy decides. Each grant has its own, so that what a
/// guest asks of one leaves the records of the others alone.
const MOST_OF_A_GRANT: usize = 64;

/// The most of a link's or an operation's name that tells it apart, in bytes.
pub(crate) const LONGEST_NAME: usize = 128;

/// What is recorded of the time of one policy. A look takes no lock.
#[derive(Default)]
pub(crate) struct Uses {
    /// What the token grants, in the order of the ids. Empty when nothing is recorded.
    grants: Arc<[String]>,
    /// What was used of each.
    used: Box<[OnceLock<Box<Recorded>>]>,
}

/// A use that is recorded, and the next one of the same grant.
struct Recorded {
    link: Option<Box<str>>,
    operation: Box<str>,
    next: OnceLock<Box<Recorded>>,
}

/// A use that is allowed, and what the log has to know of it before it happens.
pub(crate) enum Allowed {
    /// Nothing: it is recorded, or nothing is.
    Known,
    /// That it happens for the first time.
    First(Arc<Uses>),
    /// That there is one more of those that are only counted.
    Counted,
}

/// When a use goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "after a record things may be otherwise"]
pub(crate) enum Use {
    /// As it was decided: the log had to know nothing first.
    AtOnce,
    /// After a record was written, which may have taken any time.
    AfterRecord,
}

impl Uses {
    pub(crate) fn of(grants: Arc<[String]>) -> Self {
        let used = grants.iter().map(|_| OnceLock::new()).collect();
        Self { grants, used }
    }

    /// What is known of a use that is allowed.
    pub(crate) fn look(self: &Arc<Self>, access: &Access<'_>) -> Allowed {
        // What is allowed is granted, so it is only not found where nothing is recorded.
        let Some(grant) = self.position(access.capability) else { return Allowed::Known };
        match self.end(grant, access) {
            None => Allowed::Known,
            Some((_, before)) if before >= MOST_OF_A_GRANT => Allowed::Counted,
            Some(_) => Allowed::First(Arc::clone(self)),
        }
    }

    /// Notes that a use is recorded. One thread at a time does so.
    pub(crate) fn add(&self, access: &Access<'_>) {
        let Some((end, _)) = self.position(access.capability).and_then(|grant| self.end(grant, access))
        else {
            return;
        };
        let (link, operation) = (access.link.map(|link| cut(link).into()), cut(access.operation).into());
        let _known = end.set(Box::new(Recorded { link, operation, next: OnceLock::new() }));
    }

    /// Where a capability stands among the grants.
    pub(crate) fn position(&self, capability: &str) -> Option<usize> {
        self.grants.binary_search_by(|grant| grant.as_str().cmp(capability)).ok()
    }

    /// Where a use is to be added, and how many there are before it; `None` when it is there.
    fn end(&self, grant: usize, access: &Access<'_>) -> Option<(&OnceLock<Box<Recorded>>, usize)> {
        let (mut at, mut before) = (&self.used[grant], 0);
        while let Some(used) = at.get() {
            if used.is(access) {
                return None;
            }
            at = &used.next;
            before += 1;
        }
        Some((at, before))
    }
}

impl Recorded {
    fn is(&self, access: &Access<'_>) -> bool {
        *self.operation == *cut(access.operation) && self.link.as_deref() == access.link.map(cut)
    }
}

impl Drop for Uses {
    /// One after the other: a chain that drops itself would take the stack for each.
    fn drop(&mut self) {
        for first in &mut self.used {
            let mut next = first.take();
            while let Some(mut used) = next {
                next = used.next.take();
            }
        }
    }
}

/// As much of a name as tells it apart.
pub(crate) fn cut(name: &str) -> &str {
    if name.len() <= LONGEST_NAME { name } else { &name[..name.floor_char_boundary(LONGEST_NAME)] }
}
