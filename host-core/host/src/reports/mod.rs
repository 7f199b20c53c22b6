//! Tells what runs in a host, how it is, and what has changed.
//!
//! `status` and `health` look at everything; for the latter `asking` asks several at once, each by
//! a `question` that is out once at a time. `policy_report` and `swap_report` are what changes give
//! back; `texts` writes names and keys in all of these.

mod asking;
pub(crate) mod health;
pub(crate) mod policy_report;
pub(crate) mod question;
pub(crate) mod status;
pub(crate) mod swap_report;
mod texts;
