//! The provider keeps the contract, and the client speaks it.

use std::{collections::BTreeMap, panic};

use actor_sdk::testing;
use capability_provider::{
    ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError, Reply,
};
use dictionary::{
    client::look_up,
    contract::{CAPABILITY, LookUpRequest, LookUpResponse, OP_LOOK_UP},
    provider::WordList,
    suite,
};

fn tea() -> WordList {
    WordList::new([("Tea", "a drink")])
}

// region test
#[test]
fn the_word_list_keeps_the_contract() {
    suite::dictionary(&tea());
}
// endregion test

/// A provider with a mistake: it tells the case of words apart.
#[derive(Debug)]
struct Pedantic(WordList);

impl Provider for Pedantic {
    fn capability(&self) -> CapabilityId {
        self.0.capability()
    }

    fn name(&self) -> &str {
        "pedantic"
    }

    fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
        Ok(())
    }

    fn unlink(&self, _: &LinkKey) {}

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        let shouts = call.payload.windows(3).any(|bytes| bytes == b"TEA");
        let unknown = || capability_contracts::encode(&LookUpResponse::default()).unwrap();
        if shouts { Ok(unknown().into()) } else { self.0.handle(call) }
    }
}

#[test]
fn the_suite_finds_a_mistake() {
    let found = panic::catch_unwind(|| suite::dictionary(&Pedantic(tea()))).unwrap_err();
    assert!(found.downcast_ref::<String>().unwrap().contains("a drink"));
}

// region client
#[test]
fn the_client_speaks_the_contract() {
    let meanings = BTreeMap::from([("tea", "a drink")]);
    let _host = testing::host()
        .on(CAPABILITY, OP_LOOK_UP, move |request: LookUpRequest| match request.word.as_str() {
            "" => Err("the word is empty".to_owned()),
            word => Ok(LookUpResponse { meaning: meanings.get(word).map(ToString::to_string) }),
        })
        .install();
    assert_eq!(look_up("default", "tea").unwrap().as_deref(), Some("a drink"));
    assert_eq!(look_up("default", "coffee").unwrap(), None);
    assert_eq!(look_up("default", "").unwrap_err().to_string(), "the word is empty");
}
// endregion client
