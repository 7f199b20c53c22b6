//! Keeps the providers in their places, and the links of actors to them.
//!
//! `wiring` owns both maps; `table` is what one actor is linked to, as the router reads it;
//! `providers` guards each call of a provider, which stands in a `place`; `standing` counts what keeps it.

pub(crate) mod place;
pub(crate) mod providers;
pub(crate) mod standing;
pub(crate) mod table;
pub(crate) mod wiring;
