//! Begins threads where there is room for them.

use std::{
    io,
    thread::{self, JoinHandle},
};

use crate::{SystemLimit, Wanted};

/// The system has no room for another thread.
#[derive(Debug, thiserror::Error)]
#[error("no thread can be begun for `{name}`: {reason}{}", limit.map(|limit| format!(": {limit}")).unwrap_or_default())]
pub struct NoThread {
    /// What the thread was to be called.
    pub name: String,
    /// What the system said.
    pub reason: String,
    /// The limit that the process has come to, where the system tells.
    pub limit: Option<SystemLimit>,
}

/// Begins a thread of this name, which runs until `run` returns.
///
/// # Errors
/// One with [`NoThread`] inside when the system has no room for it. Nothing of `run` was done then.
pub fn begin_thread<T: Send + 'static>(
    name: impl Into<String>,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let name = name.into();
    if let Err(limit) = room_for_threads() {
        let (kind, reason) = (io::ErrorKind::OutOfMemory, "it needs some mappings of memory".to_owned());
        return Err(io::Error::new(kind, NoThread { name, reason, limit: Some(limit) }));
    }
    thread::Builder::new().name(name.clone()).spawn(run).map_err(|error| {
        let (kind, reason) = (error.kind(), error.to_string());
        io::Error::new(kind, NoThread { name, reason, limit: SystemLimit::met(Wanted::Thread) })
    })
}

/// Whether there is room for another thread, as far as the system tells, for whoever has others begin one: a compiler, for example. The standard
/// library ends the process when a new thread finds none for the stack of its signals.
///
/// # Errors
/// The limit, where there is hardly any room.
pub fn room_for_threads() -> Result<(), SystemLimit> {
    SystemLimit::of_mappings().map_or(Ok(()), Err)
}
