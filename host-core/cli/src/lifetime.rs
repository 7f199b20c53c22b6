//! Reads from when and until when a token is valid: options of the commands that issue one.

use std::time::Duration;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Lifetime {
    /// After which time the token expires, such as 30d; never unless given
    #[arg(long, value_name = "TIME")]
    expires_in: Option<humantime::Duration>,

    /// In which time the token begins to be valid, such as 1h; at once unless given
    #[arg(long, value_name = "TIME")]
    not_before_in: Option<humantime::Duration>,
}

impl Lifetime {
    /// The first second in which a token issued at `now` is valid, if that is not at once.
    pub(crate) fn start(&self, now: u64) -> Option<u64> {
        self.not_before_in.map(|time| after(now, *time))
    }

    /// The second from which on a token issued at `now` is refused, if it expires.
    pub(crate) fn end(&self, now: u64) -> Option<u64> {
        self.expires_in.map(|time| after(now, *time))
    }
}

fn after(now: u64, time: Duration) -> u64 {
    now.saturating_add(time.as_secs())
}
