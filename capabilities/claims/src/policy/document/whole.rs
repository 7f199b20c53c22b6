//! Counts a policy's entries, so that one that was cut off is found out, and bounds their number.

use super::{PolicyDocument, PolicyEnd};
use crate::error::{ClaimsError, PolicyError};

/// The most entries of a policy.
const MOST_ENTRIES: usize = 200_000;

impl PolicyDocument {
    /// How many entries the document has: each key, token, pattern, tag and number is one, and so
    /// is each grant with each of its links and operations. An issuer and a list that is there and
    /// empty count too. The end itself does not.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.count() as u64
    }

    /// Whether the document says that it is whole.
    ///
    /// # Errors
    /// [`PolicyError::NoEnd`] when it does not say so, [`PolicyError::NotWhole`] when that is not so.
    pub fn is_whole(&self) -> Result<(), ClaimsError> {
        match self.end {
            None => Err(PolicyError::NoEnd { count: self.entries() }.into()),
            Some(_) => self.check_whole(),
        }
    }

    /// That there are as many entries as the end says, when there is one, and not too many.
    pub(super) fn check_whole(&self) -> Result<(), ClaimsError> {
        let count = self.count();
        if count > MOST_ENTRIES {
            return Err(ClaimsError::TooMany { what: "entries in the policy", count, limit: MOST_ENTRIES });
        }
        match self.end {
            Some(PolicyEnd { entries }) if entries != count as u64 => {
                Err(PolicyError::NotWhole { said: entries, count: count as u64 }.into())
            }
            _ => Ok(()),
        }
    }

    fn count(&self) -> usize {
        let Self { actors, revoked, .. } = self;
        let tokens = self.account_tokens.len() + self.operator_tokens.len() + self.rotations.len();
        let keys = self.accounts.len() + self.operators.len() + self.shared_actors.len();
        let seconds =
            usize::from(self.clock_skew_seconds != 0) + usize::from(self.max_token_life_seconds.is_some());
        let allowed = actors.allowed.as_ref().map_or(0, |allowed| 1 + allowed.len());
        let actors = allowed + actors.denied.len() + actors.minimum_revision.len();
        let revoked = revoked.keys.len() + revoked.tokens.len() + revoked.since.len();
        let list = |list: &Option<Vec<Box<str>>>| list.as_ref().map_or(0, |list| 1 + list.len());
        let grants = self.issuers.values().flat_map(|rules| &rules.grants);
        let grants: usize = grants.map(|rule| 1 + list(&rule.links) + list(&rule.operations)).sum();
        let owned =
            self.owners.values().map(|rules| rules.modules.len() + rules.names.len() + rules.tags.len());
        let owned = self.owners.len() + owned.sum::<usize>();
        tokens + keys + seconds + actors + revoked + self.issuers.len() + grants + owned
    }
}
