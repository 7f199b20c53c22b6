//! Reads the commands on standard input.

use std::{path::PathBuf, str::FromStr};

use untrusted_text::{Shown, cut};

/// What `help` prints.
pub(crate) const HELP: &str = "\
status             what runs: actors, providers, links
health             whether all of it is well
swap v1|v2|FILE    puts another version of the actor in place, while it serves; FILE is a signed module
kv memory          a new store in memory
kv redis URL       a Redis server, such as redis://127.0.0.1:6379
kv none            takes the store away
help               this list
quit               ends the demonstration";

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Nothing,
    Status,
    Health,
    Swap(Version),
    Store(Store),
    Help,
    Quit,
}

/// The version of the actor that is to serve.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Version {
    First,
    Second,
    File(PathBuf),
}

/// The store that is to serve.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Memory,
    Redis(String),
    None,
}

/// A line that is not a command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no command; try `help`", Shown::new(.0))]
pub(crate) struct NoCommand(String);

impl FromStr for Command {
    type Err = NoCommand;

    fn from_str(line: &str) -> Result<Self, NoCommand> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match (word, rest.trim()) {
            ("", "") => Ok(Self::Nothing),
            ("status", "") => Ok(Self::Status),
            ("health", "") => Ok(Self::Health),
            ("help", "") => Ok(Self::Help),
            ("quit", "") => Ok(Self::Quit),
            ("swap", "v1") => Ok(Self::Swap(Version::First)),
            ("swap", "v2") => Ok(Self::Swap(Version::Second)),
            ("swap", file) if !file.is_empty() => Ok(Self::Swap(Version::File(file.into()))),
            ("kv", "memory") => Ok(Self::Store(Store::Memory)),
            ("kv", "none") => Ok(Self::Store(Store::None)),
            ("kv", store) => match store.split_once(char::is_whitespace) {
                Some(("redis", url)) => Ok(Self::Store(Store::Redis(url.trim().to_owned()))),
                _ => Err(NoCommand(cut(line).to_owned())),
            },
            _ => Err(NoCommand(cut(line).to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_commands() {
        assert_eq!("  swap  v2 ".parse(), Ok(Command::Swap(Version::Second)));
        assert_eq!("swap my actor.wasm".parse(), Ok(Command::Swap(Version::File("my actor.wasm".into()))));
        assert_eq!(
            "kv redis redis://h:1".parse(),
            Ok(Command::Store(Store::Redis("redis://h:1".to_owned())))
        );
        assert_eq!("".parse(), Ok(Command::Nothing));
    }

    #[test]
    fn other_lines_are_refused() {
        for line in ["kv", "kv redis", "swap", "status now", "dance", "kv memory twice"] {
            assert!(line.parse::<Command>().is_err(), "{line}");
        }
    }
}
