//! Reads what a link's configuration says.

use std::{
    fmt::{self, Display},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use capability_provider::{LinkConfig, ProviderError};

use crate::{answer::Errors, head::host_and_port};

const KNOWN: &[&str] = &[
    "address",
    "port",
    "host",
    "path",
    "health_path",
    "body_limit",
    "header_limit",
    "header_timeout_ms",
    "request_timeout_ms",
    "write_timeout_ms",
    "drain_timeout_ms",
    "workers",
    "queue",
    "connections",
    "errors",
];

const DEFAULT_PORT: u16 = 8080;
const DEFAULT_HEALTH_PATH: &str = "/health";
/// hyper's smallest read buffer; a smaller limit on headers would not be kept.
const SMALLEST_HEADER_LIMIT: usize = 8 * 1024;
/// The longest path of a link, in bytes.
const LONGEST_PATH: usize = 1024;
/// A hundred years: longer waits are cut to this, so that no clock is asked for more than it can add up.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The checked configuration of one link.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where to listen; port 0 lets the system choose.
    pub(crate) address: SocketAddr,
    /// Which requests are the link's.
    pub(crate) place: Place,
    pub(crate) connection: ConnectionSettings,
    /// The path that answers for the actor's health, unless that is switched off.
    pub(crate) health_path: Option<String>,
    /// The longest request body, in bytes.
    pub(crate) body_limit: usize,
    /// How long one request may take from its head to its answer.
    pub(crate) request_timeout: Duration,
    /// How long requests in flight may go on when the link ends.
    pub(crate) drain_timeout: Duration,
    /// How many calls the actor may have at once.
    pub(crate) workers: usize,
    /// How many requests may wait for one of them to end.
    pub(crate) queue: usize,
    /// How much of a failure its client reads.
    pub(crate) errors: Errors,
}

/// Which requests of a listener are a link's: those to a host, to a path and what lies below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// In lower case; empty for every host.
    pub(crate) host: String,
    /// Without a slash at its end, so that it is empty for every path.
    pub(crate) path: String,
}

/// What holds for a connection, before it is known for which link its requests are: all links of one listener say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionSettings {
    /// The longest request head, in bytes.
    pub(crate) header_limit: usize,
    /// How long a client may take for a request's head, and how long a connection may be idle between two requests.
    pub(crate) header_timeout: Duration,
    /// How long a client may take for the next part of an answer.
    pub(crate) write_timeout: Duration,
    /// How many connections are served at once.
    pub(crate) connections: usize,
}

impl Settings {
    pub(crate) fn read(config: &LinkConfig) -> Result<Self, ProviderError> {
        config.only(KNOWN)?;
        let ip = config.parse("address")?.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port = config.parse("port")?.unwrap_or(DEFAULT_PORT);
        Ok(Self {
            address: SocketAddr::new(ip, port),
            place: Place { host: host(config)?, path: path(config)? },
            connection: ConnectionSettings {
                header_limit: number(config, "header_limit", 64 * 1024, SMALLEST_HEADER_LIMIT..=1024 * 1024)?,
                header_timeout: millis(config, "header_timeout_ms", 30_000)?,
                write_timeout: millis(config, "write_timeout_ms", 10_000)?,
                connections: number(config, "connections", 1024, 1..=65_536)?,
            },
            health_path: health_path(config)?,
            body_limit: number(config, "body_limit", 1024 * 1024, 0..=1024 * 1024 * 1024)?,
            request_timeout: millis(config, "request_timeout_ms", 60_000)?,
            drain_timeout: millis(config, "drain_timeout_ms", 10_000)?,
            workers: number(config, "workers", 64, 1..=1024)?,
            queue: number(config, "queue", 1024, 1..=65_536)?,
            errors: config.parse("errors")?.unwrap_or(Errors::Plain),
        })
    }
}

impl ConnectionSettings {
    /// The key in which these are not the same, when there is one.
    pub(crate) fn differs_from(&self, other: &Self) -> Option<&'static str> {
        [
            ("header_limit", self.header_limit == other.header_limit),
            ("header_timeout_ms", self.header_timeout == other.header_timeout),
            ("write_timeout_ms", self.write_timeout == other.write_timeout),
            ("connections", self.connections == other.connections),
        ]
        .into_iter()
        .find_map(|(key, is_same)| (!is_same).then_some(key))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.host.is_empty() { "every host" } else { &self.host };
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{path} of {host}")
    }
}

/// A host as requests name it, but in lower case and without the dot that may end it.
pub(crate) fn host_name(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn host(config: &LinkConfig) -> Result<String, ProviderError> {
    match config.value("host").map(|host| (host, host_and_port(host))) {
        None | Some(("", _)) => Ok(String::new()),
        Some((_, Some((host, None)))) => Ok(host_name(host)),
        Some(_) => Err(ProviderError::InvalidConfig {
            key: "host".to_owned(),
            reason: "it is a host's name or address without a port; an empty value stands for every host"
                .to_owned(),
        }),
    }
}

fn path(config: &LinkConfig) -> Result<String, ProviderError> {
    let path = config.value("path").unwrap_or("/");
    let is_valid = path.starts_with('/')
        && path.len() <= LONGEST_PATH
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&byte));
    if is_valid {
        return Ok(path.trim_end_matches('/').to_owned());
    }
    Err(ProviderError::InvalidConfig {
        key: "path".to_owned(),
        reason: format!(
            "a path begins with `/`, is written as in a request (percent-encoded, without `?` and `#`) and has at most \
             {LONGEST_PATH} bytes"
        ),
    })
}

fn health_path(config: &LinkConfig) -> Result<Option<String>, ProviderError> {
    match config.value("health_path").unwrap_or(DEFAULT_HEALTH_PATH) {
        "" => Ok(None),
        path if path.starts_with('/') => Ok(Some(path.to_owned())),
        _ => Err(ProviderError::InvalidConfig {
            key: "health_path".to_owned(),
            reason: "a path begins with `/`; an empty value switches it off".to_owned(),
        }),
    }
}

fn millis(config: &LinkConfig, key: &'static str, default: u64) -> Result<Duration, ProviderError> {
    number(config, key, default, 1..=u64::MAX).map(|millis| Duration::from_millis(millis).min(LONGEST))
}

fn number<T>(
    config: &LinkConfig,
    key: &'static str,
    default: T,
    range: RangeInclusive<T>,
) -> Result<T, ProviderError>
where
    T: FromStr + PartialOrd + Display,
    T::Err: Display,
{
    let number = config.parse(key)?.unwrap_or(default);
    if range.contains(&number) {
        return Ok(number);
    }
    Err(ProviderError::InvalidConfig {
        key: key.to_owned(),
        reason: format!("{number} is not from {} to {}", range.start(), range.end()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_configuration_has_the_documented_defaults() {
        let settings = Settings::read(&LinkConfig::new()).unwrap();
        assert_eq!(settings.address.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.health_path.as_deref(), Some("/health"));
        assert_eq!(settings.body_limit, 1_048_576);
    }

    #[test]
    fn an_empty_health_path_switches_it_off() {
        let settings = Settings::read(&LinkConfig::new().with("health_path", "")).unwrap();
        assert_eq!(settings.health_path, None);
    }

    #[test]
    fn a_place_has_one_spelling() {
        for (host, path, place) in [
            ("", "/", "/ of every host"),
            ("Shop.Example.", "/a/", "/a of shop.example"),
            ("[::1]", "//", "/ of [::1]"),
        ] {
            let settings = Settings::read(&LinkConfig::new().with("host", host).with("path", path)).unwrap();
            assert_eq!(settings.place.to_string(), place);
        }
    }

    #[test]
    fn values_without_sense_are_refused_by_name() {
        for (key, value) in [
            ("address", "localhost"),
            ("port", "70000"),
            ("health_path", "health"),
            ("host", "shop.example:80"),
            ("host", "me@shop.example"),
            ("path", "shop"),
            ("path", ""),
            ("path", "/a?b"),
            ("path", "/caf\u{e9}"),
            ("path", "/a b"),
            ("workers", "0"),
            ("queue", "0"),
            ("header_limit", "10"),
            ("request_timeout_ms", "-1"),
            ("write_timeout_ms", "0"),
            ("drain_timeout_ms", "99999999999999999999"),
            ("errors", "all"),
            ("prot", "1"),
        ] {
            let error = Settings::read(&LinkConfig::new().with(key, value)).unwrap_err();
            assert!(
                matches!(&error, ProviderError::InvalidConfig { key: named, .. } if named == key),
                "{error}"
            );
        }
    }
}
