//! Sets the id and the times of tokens that are to be issued, of whatever kind.

use data_encoding::BASE32_NOPAD;

use crate::{
    clock::{Clock, SystemClock},
    error::ClaimsError,
    keys::PublicKey,
    tokens::{
        claims::{Claims, REVISION},
        json::Object,
    },
};

/// Id and times of a token that is to be issued.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times {
    pub(crate) id: Option<String>,
    pub(crate) issued_at: Option<u64>,
    pub(crate) not_before: Option<u64>,
    pub(crate) expires: Option<u64>,
}

impl Times {
    /// Claims with these times, with an id and a time of issue where none were given.
    pub(crate) fn claims<M>(
        &self,
        issuer: PublicKey,
        subject: PublicKey,
        about: M,
    ) -> Result<Claims<M>, ClaimsError> {
        if let (Some(not_before), Some(expires)) = (self.not_before, self.expires)
            && expires <= not_before
        {
            return Err(ClaimsError::NeverValid { not_before, expires });
        }
        Ok(Claims {
            expires: self.expires,
            id: self.id.clone().map_or_else(random_id, Ok)?,
            issued_at: self.issued_at.unwrap_or_else(|| SystemClock.now()),
            issuer,
            subject,
            not_before: self.not_before,
            about: Object(about),
            wascap_revision: Some(REVISION),
        })
    }
}

fn random_id() -> Result<String, ClaimsError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|source| ClaimsError::NoRandomness { source })?;
    Ok(BASE32_NOPAD.encode(&bytes))
}

/// The methods of a builder that set its `times`.
macro_rules! time_setters {
    () => {
        /// The second from which on the token is refused, since 1970.
        #[must_use]
        pub fn expires_at(mut self, seconds: u64) -> Self {
            self.times.expires = Some(seconds);
            self
        }

        /// The first second in which the token is good, since 1970.
        #[must_use]
        pub fn not_before(mut self, seconds: u64) -> Self {
            self.times.not_before = Some(seconds);
            self
        }

        /// The time at which the token says that it was issued, in seconds since 1970. Without it:
        /// the time of [`SystemClock`](crate::SystemClock).
        #[must_use]
        pub fn issued_at(mut self, seconds: u64) -> Self {
            self.times.issued_at = Some(seconds);
            self
        }

        /// The token's own id, which must be different for each token. Without it: 128 random bits.
        #[must_use]
        pub fn id(mut self, id: impl Into<String>) -> Self {
            self.times.id = Some(id.into());
            self
        }
    };
}

pub(crate) use time_setters;
