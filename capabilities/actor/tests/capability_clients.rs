//! Each method of the clients sends its operation over its link and understands the reply.

use std::fmt::Debug;

use actor_sdk::{
    Error, actor, call, http, http_client, keyvalue, logging,
    messages::{self, keyvalue::*, logging::WriteLogRequest},
    testing,
};
use serde::{Serialize, de::DeserializeOwned};

/// Runs `client` with a store that answers `operation`, which takes `expected`, with `reply`.
#[track_caller]
fn sends<T, R, V>(operation: &str, expected: T, reply: R, client: impl FnOnce() -> Result<V, Error>) -> V
where
    T: DeserializeOwned + PartialEq + Debug + 'static,
    R: Serialize + Clone + 'static,
{
    let host = testing::host()
        .on(CAPABILITY, operation, move |message: T| {
            assert_eq!(message, expected);
            Ok(reply.clone())
        })
        .install();
    let value = client().unwrap();
    assert_eq!(host.calls()[0].binding, "default");
    value
}

#[test]
fn values_and_counters() {
    let store = keyvalue::default();
    let key = || "k".to_owned();
    let value = || "v".to_owned();
    let add = AddRequest { key: key(), value: -2 };
    assert_eq!(sends(OP_ADD, add, AddResponse { value: 5 }, || store.add("k", -2)), 5);
    let found = GetResponse { value: value(), exists: true };
    assert_eq!(sends(OP_GET, GetRequest { key: key() }, found, || store.get("k")), Some(value()));
    let nothing = GetResponse::default();
    assert_eq!(sends(OP_GET, GetRequest { key: key() }, nothing, || store.get("k")), None);
    let set = |expires| SetRequest { key: key(), value: value(), expires };
    sends(OP_SET, set(0), SetResponse { value: value() }, || store.set("k", "v"));
    sends(OP_SET, set(9), SetResponse { value: value() }, || store.set_expiring("k", "v", 9));
    sends(OP_DEL, DelRequest { key: key() }, DelResponse { key: key() }, || store.delete("k"));
    let exists = KeyExistsResponse { value: String::new(), exists: true };
    assert!(sends(OP_KEY_EXISTS, KeyExistsRequest { key: key() }, exists, || store.exists("k")));
}

#[test]
fn lists() {
    let store = keyvalue::default();
    let (key, value) = (|| "k".to_owned(), || "v".to_owned());
    let push = PushRequest { key: key(), value: value() };
    assert_eq!(sends(OP_PUSH, push, PushResponse { new_count: 3 }, || store.push("k", "v")), 3);
    let range = RangeRequest { key: key(), start: 0, stop: -1 };
    let items = RangeResponse { values: vec![value()] };
    assert_eq!(sends(OP_RANGE, range, items, || store.range("k", 0, -1)), ["v"]);
    let remove = ListItemDeleteRequest { key: key(), value: value() };
    let left = ListItemDeleteResponse { new_count: 0 };
    assert_eq!(sends(OP_LIST_ITEM_DELETE, remove, left, || store.remove_item("k", "v")), 0);
    sends(OP_CLEAR, ClearRequest { key: key() }, ClearResponse { key: key() }, || store.clear("k"));
}

#[test]
fn sets() {
    let store = keyvalue::default();
    let (key, value) = (|| "k".to_owned(), || "v".to_owned());
    let add = SetAddRequest { key: key(), value: value() };
    assert_eq!(sends(OP_SET_ADD, add, SetAddResponse { new_count: 1 }, || store.set_add("k", "v")), 1);
    let remove = SetRemoveRequest { key: key(), value: value() };
    let left = SetRemoveResponse { new_count: 0 };
    assert_eq!(sends(OP_SET_REMOVE, remove, left, || store.set_remove("k", "v")), 0);
    let members = SetQueryResponse { values: vec![value()] };
    assert_eq!(sends(OP_SET_QUERY, SetQueryRequest { key: key() }, members, || store.members("k")), ["v"]);
    let keys = || vec!["a".to_owned(), "b".to_owned()];
    let all = SetUnionResponse { values: vec![value()] };
    assert_eq!(
        sends(OP_SET_UNION, SetUnionRequest { keys: keys() }, all, || store.union(&["a", "b"])),
        ["v"]
    );
    let common = SetIntersectionResponse { values: vec![] };
    let request = SetIntersectionRequest { keys: keys() };
    assert!(sends(OP_SET_INTERSECTION, request, common, || store.intersection(&["a", "b"])).is_empty());
}

/// A reply that nobody reads may be anything: some stores answer with nothing.
#[test]
fn a_reply_without_news_is_not_read() {
    let _host = wapc_guest::testing::install(|_| Ok(Vec::new()));
    assert_eq!(keyvalue::default().set("k", "v"), Ok(()));
    assert!(matches!(keyvalue::default().get("k"), Err(Error::Codec(_))));
}

#[test]
fn a_link_is_used_by_its_name() {
    let host = wapc_guest::testing::install(|_| Ok(Vec::new()));
    keyvalue::link("other").delete("k").unwrap();
    logging::link("audit").warn("x").unwrap();
    call("third", "example:any", "Any", b"raw").unwrap();
    let bindings: Vec<String> = host.calls().into_iter().map(|call| call.binding).collect();
    assert_eq!(bindings, ["other", "audit", "third"]);
}

#[test]
fn each_level_of_the_log() {
    let host = wapc_guest::testing::install(|_| Ok(Vec::new()));
    logging::error("1").unwrap();
    logging::warn("2").unwrap();
    logging::info("3").unwrap();
    logging::debug("4").unwrap();
    logging::trace("5").unwrap();
    for (call, level) in host.calls().iter().zip(1..) {
        assert_eq!((call.namespace.as_str(), call.operation.as_str()), ("wascc:logging", "WriteLog"));
        let line: WriteLogRequest = messages::decode(&call.operation, &call.payload).unwrap();
        assert_eq!(line, WriteLogRequest { level, body: level.to_string() });
    }
    assert_eq!(host.calls().len(), 5);
}

#[test]
fn an_http_client_gets() {
    let _host = testing::host()
        .on("wascc:http_client", "PerformRequest", |request: http::Request| {
            assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "http://example.test/"));
            Ok(http::Response::text("there").with_status(404))
        })
        .install();
    let response = http_client::default().get("http://example.test/").unwrap();
    assert_eq!((response.status_code, response.body.as_slice()), (404, &b"there"[..]));
}

#[test]
fn another_actor_is_called_by_its_key() {
    const KEY: &str = "MCOUNTERAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let host = testing::host().on(KEY, "Double", |number: u32| Ok(number * 2)).install();
    assert_eq!(actor::request::<u32, u32>(KEY, "Double", &21), Ok(42));
    assert_eq!(actor::call(KEY, "Double", b"\x15").unwrap(), [42]);
    assert_eq!(host.calls()[1].payload, b"\x15");
}

#[test]
fn a_refusal_is_passed_on_word_for_word() {
    let _host = wapc_guest::testing::install(|_| Err("not granted".to_owned()));
    let error = keyvalue::default().add("k", 1).unwrap_err();
    assert!(matches!(error, Error::Host(_)));
    assert_eq!(error.to_string(), "not granted");
}
