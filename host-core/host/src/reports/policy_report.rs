//! Tells what another policy changed for the actors that are here.

use std::fmt::{self, Display};

use capability_provider::ActorId;
use serde::Serialize;

use crate::reports::texts::{as_text, as_texts};

/// What another policy changed for the actors that are here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PolicyReport {
    /// Actors that might be called before and are refused from now on, in the order of their ids.
    pub barred: Vec<BarredActor>,
    /// Actors that were refused before and may be called again, in the order of their ids.
    #[serde(serialize_with = "as_texts")]
    pub restored: Vec<ActorId>,
}

/// An actor that the policy does not let run. It stays in place: a policy that lets it, or another version, brings it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BarredActor {
    /// The actor.
    #[serde(serialize_with = "as_text")]
    pub id: ActorId,
    /// Why it may not run, in words that name it.
    pub reason: String,
}

impl Display for PolicyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "another policy decides: {} barred, {} restored", self.barred.len(), self.restored.len())?;
        for BarredActor { reason, .. } in &self.barred {
            write!(f, "\n{reason}")?;
        }
        for id in &self.restored {
            write!(f, "\n{id} may be called again")?;
        }
        Ok(())
    }
}
