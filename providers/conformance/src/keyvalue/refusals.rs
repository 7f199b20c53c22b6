//! Tests what is refused: operations on another kind of value, bytes that are not a request, names that are not an operation.

use capability_contracts::keyvalue as kv;
use capability_provider::{Provider, ProviderError};

use super::{
    Case, Verdict,
    client::{Client, is, is_rejected, owned},
};

pub(super) const CASES: &[Case] = &[
    ("a text is neither a list nor a set", text_only),
    ("a list is neither a text nor a set", list_only),
    ("a set is neither a text nor a list", set_only),
    ("a text may take the place of anything", text_over_anything),
    ("bytes that are no request are refused", no_request),
    ("a name that is no operation is refused", no_operation),
];

const OPERATIONS: [&str; 14] = [
    kv::OP_ADD,
    kv::OP_GET,
    kv::OP_SET,
    kv::OP_DEL,
    kv::OP_CLEAR,
    kv::OP_PUSH,
    kv::OP_LIST_ITEM_DELETE,
    kv::OP_RANGE,
    kv::OP_SET_ADD,
    kv::OP_SET_REMOVE,
    kv::OP_SET_UNION,
    kv::OP_SET_INTERSECTION,
    kv::OP_SET_QUERY,
    kv::OP_KEY_EXISTS,
];

fn text_only(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("Set", client.set("kinds:text", "1"), "1")?;
    refuses_lists(&client, "kinds:text")?;
    refuses_sets(&client, "kinds:text")?;
    is("Get after it", client.get("kinds:text"), Some("1".to_owned()))
}

fn list_only(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("Push", client.push("kinds:list", "1"), 1)?;
    refuses_texts(&client, "kinds:list")?;
    refuses_sets(&client, "kinds:list")?;
    is("Range after it", client.range("kinds:list", 0, -1), owned(&["1"]))
}

fn set_only(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("SetAdd", client.set_add("kinds:set", "1"), 1)?;
    refuses_texts(&client, "kinds:set")?;
    refuses_lists(&client, "kinds:set")?;
    is("SetQuery after it", client.query("kinds:set"), owned(&["1"]))
}

fn refuses_texts(client: &Client<'_>, key: &str) -> Verdict {
    is_rejected("Get", client.get(key), kv::OP_GET, key)?;
    is_rejected("Add", client.add(key, 1), kv::OP_ADD, key)
}

fn refuses_lists(client: &Client<'_>, key: &str) -> Verdict {
    is_rejected("Push", client.push(key, "1"), kv::OP_PUSH, key)?;
    is_rejected("ListItemDelete", client.list_delete(key, "1"), kv::OP_LIST_ITEM_DELETE, key)?;
    is_rejected("Range", client.range(key, 0, -1), kv::OP_RANGE, key)?;
    is_rejected("Clear", client.clear(key), kv::OP_CLEAR, key)
}

fn refuses_sets(client: &Client<'_>, key: &str) -> Verdict {
    is_rejected("SetAdd", client.set_add(key, "1"), kv::OP_SET_ADD, key)?;
    is_rejected("SetRemove", client.set_remove(key, "1"), kv::OP_SET_REMOVE, key)?;
    is_rejected("SetQuery", client.query(key), kv::OP_SET_QUERY, key)?;
    is_rejected("SetUnion", client.union(&[key]), kv::OP_SET_UNION, key)?;
    is_rejected("SetIntersection", client.intersection(&[key]), kv::OP_SET_INTERSECTION, key)
}

fn text_over_anything(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("Push", client.push("over:list", "1"), 1)?;
    is("SetAdd", client.set_add("over:set", "1"), 1)?;
    for key in ["over:list", "over:set"] {
        is("Set", client.set(key, "text"), "text")?;
        is("Get", client.get(key), Some("text".to_owned()))?;
    }
    Ok(())
}

fn no_request(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    // Nothing; a reserved byte; a map that ends too early; a number; a map with a length that no memory has.
    let payloads: [&[u8]; 5] = [&[], &[0xc1], b"\x82\xa3key", &[0x07], &[0xdf, 0xff, 0xff, 0xff, 0xff]];
    for operation in OPERATIONS {
        for payload in payloads {
            match client.send(operation, payload) {
                Err(ProviderError::InvalidPayload { operation: named, size, .. })
                    if named == operation && size == payload.len() => {}
                other => {
                    return Err(format!(
                        "{operation} of {payload:x?}: expected InvalidPayload, got {other:?}"
                    ));
                }
            }
        }
    }
    Ok(())
}

fn no_operation(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    for unknown in ["", "add", "Drop", "Get\0"] {
        match client.send(unknown, &[]) {
            Err(ProviderError::UnknownOperation { capability, operation })
                if capability == kv::CAPABILITY && operation == unknown => {}
            other => return Err(format!("{unknown:?}: expected UnknownOperation, got {other:?}")),
        }
    }
    Ok(())
}
