//! Writes an audit log: what a host let in, refused and granted, in a file to which records are only ever added, and in which it
//! shows when a record was changed, removed, moved or slipped in afterwards.
//!
//! ```text
//!            ┌─────────────────┐   ┌─────────────────┐   ┌─────────────────┐
//!  0000... ◀─┤ prev      seq 1 │◀──┤ prev      seq 2 │◀──┤ prev      seq 3 │◀── head: remember it elsewhere
//!            │ actor_loaded    │   │ grant_used      │   │ grant_denied    │
//!            │ hash            │   │ hash            │   │ hash            │
//!            └─────────────────┘   └─────────────────┘   └─────────────────┘
//!                  one line              one line              one line
//! ```
//!
//! # Example
//!
//! ```
//! use std::{fs::File, io::BufReader};
//! use host_audit::{AuditLog, Event, OnFailure, VerifyError, verify, verify_against};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let path = directory.path().join("audit.log");
//! let log = AuditLog::open(&path, OnFailure::Refuse)?;
//! let actor = "MAWTZOX6RYV2OCU46C3VC6CPCFXTLS3EHQFBB6X56LXL7C7IKHUSV4QW";
//! let used = Event::GrantUsed { actor, capability: "wascc:keyvalue", link: Some("default"), operation: "Get" };
//! log.record(1_800_000_000, &used)?;
//! log.record(1_800_000_060, &Event::ActorRemoved { actor })?;
//! let head = log.head();
//! drop(log);
//!
//! let summary = verify(BufReader::new(File::open(&path)?))?;
//! assert_eq!((summary.records, summary.head), (2, head.hash));
//!
//! // Somebody makes another operation of it ...
//! let text = std::fs::read_to_string(&path)?;
//! let broken = verify(text.replace("Get", "Set").as_bytes());
//! assert!(matches!(broken, Err(VerifyError::Altered { line: 1, .. })));
//! // ... or cuts off the end, which only shows to those who remember the head.
//! let cut = text.lines().next().map(|first| format!("{first}\n")).unwrap_or_default();
//! assert!(verify(cut.as_bytes()).is_ok());
//! assert!(matches!(verify_against(cut.as_bytes(), head.hash), Err(VerifyError::HeadMissing { records: 1, .. })));
//! # Ok(())
//! # }
//! ```
//!
//! # What it shows, and what it cannot
//!
//! The hashes make every record stand for all that came before it. They hold no secret, so whoever may write the file can also
//! compute hashes anew: cut records off the end, or write everything from some record on differently. Both show only against a [`Head`] that
//! was kept out of that person's reach; [`verify_against`] asks for one. A head that the log has outgrown is as good: it vouches for
//! everything up to its record.
//!
//! # Failure
//!
//! A record is in the file as a whole, and on the disk, before [`AuditLog::record`] returns; when that fails the file is cut back to where it
//! was, and the next record that succeeds is preceded by one that says how many were lost and since when. [`OnFailure`] says whether
//! the host then refuses to do what it cannot record.
#![forbid(unsafe_code)]

mod error;
mod event;
mod file;
mod hash;
mod journal;
mod log_file;
mod record;
mod verify;

pub use crate::{
    error::{AuditError, VerifyError},
    event::{Authority, Counted, Event, Token},
    hash::{Head, RecordHash},
    log_file::{AuditLog, OnFailure},
    verify::{Record, Summary, verify, verify_against, verify_each},
};

/// The README's example runs too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
