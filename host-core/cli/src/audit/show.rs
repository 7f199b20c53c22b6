//! Runs `wascc audit show`: what the records of an audit log say.

use std::{fmt, ops::ControlFlow, path::PathBuf, time::Duration};

use capability_claims::{Clock, KeyKind, Moment, PublicKey, SystemClock};
use clap::Args;
use host_audit::{Record, Summary, verify_each};
use serde::Serialize;
use untrusted_text::{Shown, ShownOf};

use crate::{audit::fields::Value, error::CliError, output::Output, row};

/// How much room the names of fields have.
const NAMES: usize = 22;

/// Show the records, or those that all filters let through
///
/// Each record is checked before it is shown; where the log breaks, the rest is not shown and the exit status is 1. A filter that is
/// given several times lets through what any of its values does.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The audit log; - reads standard input
    file: PathBuf,

    /// Only events of this kind, such as actor_refused
    #[arg(long, value_name = "EVENT", value_parser = kind)]
    kind: Vec<String>,

    /// Only what is about this actor, or a call to it: its key (M...)
    #[arg(long, value_name = "KEY", value_parser = actor)]
    actor: Vec<PublicKey>,

    /// Only what names a module of this name or hash
    #[arg(long, value_name = "NAME|HASH")]
    module: Vec<String>,

    /// Only what came on the authority of this account or operator: its key (A... or O...)
    #[arg(long, value_name = "KEY", value_parser = authority)]
    account: Vec<PublicKey>,

    /// Only from this second on, by the host's clock: a time such as 2026-11-23T03:31:41Z, seconds since
    /// 1970, or how long ago, such as 2h
    #[arg(long, value_name = "TIME", value_parser = TypedMoment::parse)]
    since: Option<TypedMoment>,

    /// Only up to this second, which is given in the same ways
    #[arg(long, value_name = "TIME", value_parser = TypedMoment::parse)]
    until: Option<TypedMoment>,
}

/// A moment, as it may be typed.
#[derive(Debug, Clone, Copy)]
enum TypedMoment {
    At(u64),
    Ago(Duration),
}

fn kind(text: &str) -> Result<String, &'static str> {
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word {
        Ok(text.to_owned())
    } else {
        Err("an event has only small letters and _, as in actor_refused")
    }
}

fn actor(text: &str) -> Result<PublicKey, String> {
    let key = PublicKey::parse(text).and_then(|key| key.of_kind(KeyKind::Module, "the key of an actor"));
    key.map_err(|error| error.to_string())
}

fn authority(text: &str) -> Result<PublicKey, String> {
    let key = PublicKey::parse(text).map_err(|error| error.to_string())?;
    match key.kind() {
        KeyKind::Operator => Ok(key),
        _ => key.of_kind(KeyKind::Account, "the key of an account").map_err(|error| error.to_string()),
    }
}

impl TypedMoment {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if let Ok(second) = text.parse() {
            return Ok(Self::At(second));
        }
        if let Ok(ago) = humantime::parse_duration(text) {
            return Ok(Self::Ago(ago));
        }
        let time = humantime::parse_rfc3339_weak(text).ok();
        let time = time.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        time.map(|time| Self::At(time.as_secs()))
            .ok_or("give a time such as 2026-11-23T03:31:41Z, or 2h for two hours ago")
    }

    fn second(self, now: u64) -> u64 {
        match self {
            Self::At(second) => second,
            Self::Ago(ago) => now.saturating_sub(ago.as_secs()),
        }
    }
}

/// What the filters let through.
struct Filter<'a> {
    arguments: &'a Arguments,
    actors: Vec<String>,
    accounts: Vec<String>,
    since: u64,
    until: u64,
}

impl<'a> Filter<'a> {
    fn new(arguments: &'a Arguments, now: u64) -> Self {
        let text = |keys: &[PublicKey]| keys.iter().map(PublicKey::to_string).collect();
        Self {
            arguments,
            actors: text(&arguments.actor),
            accounts: text(&arguments.account),
            since: arguments.since.map_or(0, |time| time.second(now)),
            until: arguments.until.map_or(u64::MAX, |time| time.second(now)),
        }
    }

    fn lets_through(&self, record: &Record<'_>, fields: &Value) -> bool {
        /// Whether there is no filter, or one of its values is right.
        fn any<T>(values: &[T], is_right: impl FnMut(&T) -> bool) -> bool {
            values.is_empty() || values.iter().any(is_right)
        }
        let is = |name: &str, text: &str| fields.field(name).is_some_and(|value| value.is_text(text));
        (self.since..=self.until).contains(&record.at)
            && any(&self.arguments.kind, |kind| kind == record.event)
            && any(&self.actors, |actor| is("actor", actor) || is("capability", actor))
            && any(&self.arguments.module, |module| fields.has("name", module) || has_hash(fields, module))
            && any(&self.accounts, |key| fields.has("issuer", key) || fields.has("key", key))
    }
}

fn has_hash(fields: &Value, hash: &str) -> bool {
    fields.has("module_hash", &hash.to_ascii_uppercase())
}

pub(super) fn show(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let path = &arguments.file;
    let filter = Filter::new(arguments, SystemClock.now());
    let mut shown = 0_u64;
    let read = verify_each(super::open(path)?, |record| {
        let Ok(fields) = serde_json::from_str(record.json) else {
            // It has been read once already, as far as is needed to check it.
            return ControlFlow::Break(CliError::NotShown { path: path.clone(), line: record.seq });
        };
        if !filter.lets_through(&record, &fields) {
            return ControlFlow::Continue(());
        }
        shown += 1;
        match output.show(&Shows { record, fields }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    });
    match read.map_err(|source| CliError::Audit { path: path.clone(), source })? {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(summary) => {
            output.event(&Read { file: path.display().to_string(), shown, summary });
            Ok(())
        }
    }
}

/// One record: as it is in JSON; and for people its number, time and event, and a line for each field, without what chains it.
struct Shows<'a> {
    record: Record<'a>,
    fields: Value,
}

impl Serialize for Shows<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}

impl fmt::Display for Shows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_ALREADY: [&str; 5] = ["seq", "at", "prev", "event", "hash"];
        let Record { seq, at, event, .. } = self.record;
        write!(f, "{seq}  {}  {}", Moment(at), Shown::new(event))?;
        let mut written = Ok(());
        self.fields.rows("", &mut |name, value| {
            if SHOWN_ALREADY.contains(&name) {
                return;
            }
            let (title, value) = (Shown::new(name), Shown::new(value).up_to(row::LONGEST));
            written = written.and_then(|()| write!(f, "\n  {:<NAMES$}{value}", title.to_string()));
        });
        written
    }
}

/// What is said at the end, beside the records.
#[derive(Serialize)]
struct Read {
    file: String,
    shown: u64,
    #[serde(flatten)]
    summary: Summary,
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { records, head, .. } = self.summary;
        let file = ShownOf(&self.file);
        write!(f, "{} of {records} records; {file} is whole, head {head}", self.shown)
    }
}
