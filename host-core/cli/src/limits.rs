//! Reads what a guest may use: options of the commands that run one.

use std::{env, ffi::OsString, path::PathBuf, str::FromStr, time::Duration};

use clap::Args;
use wapc_engine::Engine;

use crate::{error::CliError, seed};

/// The variable that names the directory for compiled modules when no option does.
const CACHE: &str = "WASCC_CACHE";

/// The options that every command which runs a single guest has.
#[derive(Debug, Args)]
pub(crate) struct Limits {
    /// How long it may take, such as 500ms or 2m
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(crate) timeout: humantime::Duration,

    /// How much memory it may have, such as 64MiB
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    pub(crate) memory_limit: ByteSize,

    #[command(flatten)]
    cache: CacheDir,
}

impl Limits {
    pub(crate) fn engine(&self) -> Result<Engine, CliError> {
        let mut engine = Engine::builder();
        if let Some(directory) = self.cache.given() {
            engine = engine.cache_dir(directory);
        }
        Ok(engine.build()?)
    }

    pub(crate) fn deadline(&self) -> Duration {
        *self.timeout
    }
}

/// Where compiled modules are kept.
#[derive(Debug, Args)]
pub(crate) struct CacheDir {
    /// Keep compiled modules in this directory, which must be yours alone. Without it, and without the environment
    /// variable WASCC_CACHE, nothing is kept
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

impl CacheDir {
    /// The directory, if one is given. A variable that holds a seed names none.
    pub(crate) fn given(&self) -> Option<PathBuf> {
        let is_name = |value: &OsString| !value.is_empty() && !seed::is_in(value.as_encoded_bytes());
        self.cache_dir.clone().or_else(|| env::var_os(CACHE).filter(is_name).map(PathBuf::from))
    }
}

/// A size in bytes, read from a number with or without a unit: `65536`, `64KiB`, `1 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteSize(pub(crate) u64);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a size: give bytes, or a number with KiB, MiB or GiB");
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let shift = match unit.trim() {
            "" | "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(1 << shift).map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::ByteSize;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("0", 0), ("65536", 65_536), ("64KiB", 65_536), ("2 MiB", 2 << 20), ("1GiB", 1 << 30)]
        {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for wrong in
            ["", "MiB", "-1", "1.5MiB", "1MB", "1 mib", "99999999999999999999", "18446744073709551615KiB"]
        {
            assert!(wrong.parse::<ByteSize>().is_err(), "{wrong}");
        }
    }
}
