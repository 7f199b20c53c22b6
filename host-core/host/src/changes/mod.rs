//! Changes a host while it serves: each change in its turn, and what it takes away is ended behind
//! it.
//!
//! - Of actors: `loading`, `swap`, `removing`. Of providers and links: `linking`. Of the policy:
//!   `replacing`. Of the whole host: `ending`.
//! - How: `management` gives the turns, `draining` ends what was taken away, `behind` whoever asked
//!   for it, and `housekeeper` the calls of old versions. `records` are what the audit log has of
//!   each change.
//! - On whose threads: `foreign` runs what may hang on a `crew`, and `put_off` does later what
//!   writes to the disk.

pub(crate) mod behind;
pub(crate) mod crew;
mod draining;
mod ending;
pub(crate) mod foreign;
pub(crate) mod housekeeper;
mod linking;
mod loading;
pub(crate) mod management;
pub(crate) mod put_off;
mod records;
mod removing;
mod replacing;
mod swap;
