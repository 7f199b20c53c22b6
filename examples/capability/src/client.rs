//! Gives actors the calls of the dictionary.

use actor_sdk::{Error, request};

use crate::contract::{CAPABILITY, LookUpRequest, LookUpResponse, OP_LOOK_UP};

// region client
/// What `word` means, by the dictionary behind the link `link`.
///
/// # Errors
/// [`Error::Host`] when the dictionary, or the host, answers with an error; [`Error::Codec`] when the reply cannot be read.
pub fn look_up(link: &str, word: &str) -> Result<Option<String>, Error> {
    let message = LookUpRequest { word: word.to_owned() };
    let reply: LookUpResponse = request(link, CAPABILITY, OP_LOOK_UP, &message)?;
    Ok(reply.meaning)
}
// endregion client
