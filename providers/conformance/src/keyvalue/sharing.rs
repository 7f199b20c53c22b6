//! Tests links: who may use the store, and whose keys are whose.

use capability_provider::{LinkConfig, Provider, ProviderError};

use super::{
    Case, Verdict,
    client::{Client, is},
};

pub(super) const CASES: &[Case] = &[
    ("an actor without a link is refused", not_linked),
    ("actors share the keys of a store", shared),
    ("a prefix keeps the keys of a link apart", apart),
    ("a link that is made again has its new configuration", made_again),
    ("a misspelt configuration value is refused", misspelt),
];

fn not_linked(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("Set", client.set("linked:k", "1"), "1")?;
    client.unlink();
    match client.get("linked:k") {
        Err(ProviderError::NotLinked { .. }) => {}
        other => return Err(format!("Get after the link ended: expected NotLinked, got {other:?}")),
    }
    // A second end of the same link is nothing.
    client.unlink();
    let client = Client::new(provider)?;
    is("Get over a new link", client.get("linked:k"), Some("1".to_owned()))
}

fn shared(provider: &dyn Provider) -> Verdict {
    let one = Client::linked(provider, 'A', &LinkConfig::new())?;
    let other = Client::linked(provider, 'B', &LinkConfig::new())?;
    is("Add of one actor", one.add("shared:k", 1), 1)?;
    is("Add of another", other.add("shared:k", 1), 2)
}

fn apart(provider: &dyn Provider) -> Verdict {
    let plain = Client::linked(provider, 'A', &LinkConfig::new())?;
    let apart = Client::linked(provider, 'B', &LinkConfig::new().with("prefix", "apart:"))?;
    is("Add", plain.add("k:apart", 1), 1)?;
    is("Add behind a prefix", apart.add("k:apart", 5), 5)?;
    is("Add without it", plain.add("k:apart", 1), 2)?;
    is("Get with the prefix in the key", plain.get("apart:k:apart"), Some("5".to_owned()))?;
    is("SetAdd behind a prefix", apart.set_add("s:apart", "x"), 1)?;
    is("SetUnion behind a prefix", apart.union(&["s:apart"]), vec!["x".to_owned()])?;
    is("SetUnion without it", plain.union(&["s:apart"]), Vec::<String>::new())?;
    is("Del names the key as it was given", apart.del("k:apart"), "k:apart")?;
    is("Get after it", plain.get("k:apart"), Some("2".to_owned()))
}

fn made_again(provider: &dyn Provider) -> Verdict {
    let client = Client::linked(provider, 'A', &LinkConfig::new())?;
    is("Set", client.set("again:k", "1"), "1")?;
    let client = Client::linked(provider, 'A', &LinkConfig::new().with("prefix", "again:"))?;
    is("Get behind a prefix", client.get("k"), Some("1".to_owned()))
}

fn misspelt(provider: &dyn Provider) -> Verdict {
    match Client::linked(provider, 'A', &LinkConfig::new().with("prefx", "x")).map(drop) {
        Err(_) => Ok(()),
        Ok(()) => Err("the configuration value `prefx` went unnoticed".to_owned()),
    }
}
