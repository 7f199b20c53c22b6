//! Tests what every provider of the contract must do.

use capability_contracts::encode;
use capability_provider::{ActorId, CapabilityCall, LinkName, Provider, ProviderError};

use crate::contract::{LookUpRequest, LookUpResponse, OP_LOOK_UP};

// region suite
/// Holds a provider against the contract. Of the words it must know `tea` alone, which means "a drink".
///
/// # Panics
/// With what is wrong.
pub fn dictionary(provider: &dyn Provider) {
    assert_eq!(ask(provider, "tea").expect("a known word"), Some("a drink".to_owned()));
    assert_eq!(ask(provider, "TEA").expect("case does not matter"), Some("a drink".to_owned()));
    assert_eq!(ask(provider, "coffee").expect("an unknown word is no error"), None);
    let refused = ask(provider, "").expect_err("an empty word is refused");
    assert!(matches!(refused, ProviderError::Rejected { .. }), "{refused}");
    let refused = send(provider, OP_LOOK_UP, b"\xc1").expect_err("this is no message");
    assert!(matches!(refused, ProviderError::InvalidPayload { .. }), "{refused}");
    let refused = send(provider, "Forget", b"").expect_err("there is no such operation");
    assert!(matches!(refused, ProviderError::UnknownOperation { .. }), "{refused}");
}

fn ask(provider: &dyn Provider, word: &str) -> Result<Option<String>, ProviderError> {
    let message = encode(&LookUpRequest { word: word.to_owned() }).expect("a text can always be written");
    let reply = send(provider, OP_LOOK_UP, &message)?;
    let reply: LookUpResponse =
        capability_contracts::decode(OP_LOOK_UP, &reply).expect("the contract's reply");
    Ok(reply.meaning)
}
// endregion suite

fn send(provider: &dyn Provider, operation: &str, payload: &[u8]) -> Result<Vec<u8>, ProviderError> {
    let actor = ActorId::new(&format!("M{}", "A".repeat(55))).expect("it has the form of a key");
    let link = LinkName::default();
    let reply = CapabilityCall::new(&actor, &link, operation, payload).send_to(provider)?;
    Ok(reply.to_vec())
}
