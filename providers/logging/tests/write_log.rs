//! What reaches the logger. The logger is one for the whole process, so this is one test file with one logger.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use capability_contracts::{
    encode,
    logging::{OP_WRITE_LOG, WriteLogRequest},
};
use capability_provider::{
    ActorHandle, ActorId, CallContext, CapabilityCall, Dispatch, DispatchError, LinkConfig, LinkKey,
    LinkName, Provider, ProviderError,
};
use log::{Level, LevelFilter, Log, Metadata, Record};
use provider_logging::LogProvider;

type Line = (Level, String, String);

/// Keeps what is logged, up to the level debug.
struct Memory(Mutex<Vec<Line>>);

static MEMORY: Memory = Memory(Mutex::new(Vec::new()));

impl Log for Memory {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Debug
    }

    fn log(&self, record: &Record<'_>) {
        let line = (record.level(), record.target().to_owned(), record.args().to_string());
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

struct Nobody;

impl Dispatch for Nobody {
    fn call(&self, _: CallContext, _: &str, _: &[u8]) -> Result<Bytes, DispatchError> {
        Ok(Bytes::new())
    }

    fn health(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

/// An actor of its own for each test, whose lines are told apart by it.
struct Writer {
    provider: LogProvider,
    key: LinkKey,
}

impl Writer {
    fn new(letter: &str) -> Self {
        // Only the first test to come installs the logger; it is the same for all.
        let _ = log::set_logger(&MEMORY);
        log::set_max_level(LevelFilter::Trace);
        let provider = LogProvider::new();
        let actor = ActorId::new(&format!("M{}", letter.repeat(55))).unwrap();
        let key = LinkKey::new(actor, provider.capability(), LinkName::default());
        provider.link(&key, &LinkConfig::new(), ActorHandle::new(key.clone(), Arc::new(Nobody))).unwrap();
        Self { provider, key }
    }

    fn send(&self, operation: &str, payload: &[u8]) -> Result<Bytes, ProviderError> {
        let LinkKey { actor, link, .. } = &self.key;
        CapabilityCall::new(actor, link, operation, payload).send_to(&self.provider)
    }

    fn write(&self, level: u32, body: &str) -> Result<Bytes, ProviderError> {
        self.send(OP_WRITE_LOG, &encode(&WriteLogRequest { level, body: body.to_owned() }).unwrap())
    }

    fn lines(&self) -> Vec<(Level, String)> {
        let target = format!("actor::{}", self.key.actor);
        let lines = MEMORY.0.lock().unwrap();
        lines.iter().filter(|line| line.1 == target).map(|line| (line.0, line.2.clone())).collect()
    }
}

#[test]
fn each_level_of_the_contract_is_one_of_the_log() {
    let writer = Writer::new("A");
    for level in 0..=5 {
        assert!(writer.write(level, &format!("level {level}")).unwrap().is_empty());
    }
    let levels: Vec<_> = writer.lines();
    let expected = [Level::Error, Level::Warn, Level::Info, Level::Debug];
    assert_eq!(levels, expected.map(|level| (level, format!("level {}", level as usize))));
}

#[test]
fn a_level_out_of_range_is_rejected_and_nothing_is_written() {
    let writer = Writer::new("B");
    let error = writer.write(6, "x").unwrap_err();
    assert!(matches!(&error, ProviderError::Rejected { key, .. } if key == "level 6"), "{error}");
    assert!(writer.lines().is_empty());
}

#[test]
fn a_text_of_many_lines_is_one_line() {
    let writer = Writer::new("C");
    writer.write(1, "first\nERROR second\u{1b}[2J").unwrap();
    assert_eq!(writer.lines(), [(Level::Error, "first\\nERROR second\\u{1b}[2J".to_owned())]);
}

#[test]
fn what_is_not_the_contract_is_refused_by_name() {
    let writer = Writer::new("D");
    let error = writer.send("ReadLog", &[]).unwrap_err();
    assert!(matches!(&error, ProviderError::UnknownOperation { operation, .. } if operation == "ReadLog"));
    let error = writer.send(OP_WRITE_LOG, &[0xff, 0x00]).unwrap_err();
    assert!(matches!(error, ProviderError::InvalidPayload { size: 2, .. }), "{error}");
}

#[test]
fn without_its_link_an_actor_writes_nothing() {
    let writer = Writer::new("E");
    writer.provider.unlink(&writer.key);
    let error = writer.write(1, "x").unwrap_err();
    assert!(matches!(error, ProviderError::NotLinked { .. }), "{error}");
    assert!(writer.lines().is_empty());
}

#[test]
fn a_link_has_no_configuration() {
    let writer = Writer::new("F");
    let config = LinkConfig::new().with("level", "debug");
    let handle = ActorHandle::new(writer.key.clone(), Arc::new(Nobody));
    let error = writer.provider.link(&writer.key, &config, handle).unwrap_err();
    assert!(matches!(&error, ProviderError::InvalidConfig { key, .. } if key == "level"), "{error}");
}
