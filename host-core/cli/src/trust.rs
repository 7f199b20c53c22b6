//! Account tokens, which stand in files or on the command line.

use std::path::Path;

use capability_claims::TrustPolicy;

use crate::{error::CliError, file};

/// What every token's text begins with: `{"` in base64url.
const TOKEN: &str = "eyJ";

/// Hands an account's token to the policy: `given` is the token's text, or else the file that holds it, looked up from
/// `directory`.
pub(crate) fn add_account_token(
    policy: TrustPolicy,
    given: &str,
    directory: &Path,
) -> Result<TrustPolicy, CliError> {
    if given.starts_with(TOKEN) {
        return Ok(policy.account_token(given)?);
    }
    let path = directory.join(given);
    let text = file::read(&path)?;
    policy.account_token(String::from_utf8_lossy(&text).trim()).map_err(CliError::refused(&path))
}
