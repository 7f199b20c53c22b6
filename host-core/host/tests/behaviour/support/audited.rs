//! A host that writes an audit log.

use std::{fs, io::BufReader, ops::Deref, path::PathBuf};

use host_audit::{AuditLog, OnFailure, verify};
use host_core::HostBuilder;
use serde_json::Value;
use tempfile::TempDir;

use super::World;

/// A world whose host writes an audit log.
pub(crate) struct Audited {
    world: World,
    pub(crate) path: PathBuf,
    _directory: TempDir,
}

impl Deref for Audited {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Audited {
    pub(crate) fn new(on_failure: OnFailure) -> Self {
        Self::with(on_failure, |builder| builder)
    }

    /// Such a world whose host has other settings.
    pub(crate) fn with(on_failure: OnFailure, settings: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        let log = AuditLog::open(&path, on_failure).unwrap();
        Self { world: World::with(|builder| settings(builder.audit(log))), path, _directory: directory }
    }

    /// The records, whose chain is whole.
    #[track_caller]
    pub(crate) fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.path).unwrap();
        verify(BufReader::new(text.as_bytes())).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The records of one kind.
    #[track_caller]
    pub(crate) fn of(&self, event: &str) -> Vec<Value> {
        self.records().into_iter().filter(|record| record["event"] == event).collect()
    }

    /// Keeps the log from being continued, as a change by somebody else does.
    pub(crate) fn break_it(&self) {
        let mut text = fs::read(&self.path).unwrap();
        text.push(b' ');
        fs::write(&self.path, text).unwrap();
    }

    pub(crate) fn mend_it(&self) {
        let mut text = fs::read(&self.path).unwrap();
        assert_eq!(text.pop(), Some(b' '));
        fs::write(&self.path, text).unwrap();
    }
}
