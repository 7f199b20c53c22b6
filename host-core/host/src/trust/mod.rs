//! Decides what may run here and what it may use, and remembers what was used and what ran.
//!
//! `policy` holds the policies of this moment and everybody whose rights they decide, `decision`
//! has several of them agree, and `rights` are those of one generation, asked at each use. `audit`
//! writes to the audit log; the `trail` of a generation there has each of its `uses` once and
//! counts the others (`tally`). `ownership` and `remembered` decide who may take an actor's place,
//! by what the `ledger` has of the past.

pub(crate) mod audit;
mod decision;
pub(crate) mod ledger;
pub(crate) mod ownership;
pub(crate) mod policy;
pub(crate) mod remembered;
pub(crate) mod rights;
mod tally;
mod trail;
pub(crate) mod uses;
#[cfg(test)]
mod while_recorded;
