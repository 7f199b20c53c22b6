//! The second version answers in another shape and counts on under the first version's keys.

use actor_sdk::{
    http,
    messages::{decode, encode, http_server::OP_HANDLE_REQUEST, keyvalue::*},
    testing,
};
use kv_counter_v2::guest_call;

fn send(method: &str, path: &str) -> http::Response {
    let request = http::Request { method: method.into(), path: path.into(), ..Default::default() };
    let reply = guest_call(OP_HANDLE_REQUEST, encode(&request).unwrap()).unwrap();
    decode(OP_HANDLE_REQUEST, &reply).unwrap()
}

#[test]
fn the_answer_tells_version_and_key() {
    let _host = testing::host()
        .on(CAPABILITY, OP_ADD, |request: AddRequest| Ok(AddResponse { value: 6 + request.value }))
        .install();
    let response = send("GET", "/a/b");
    assert_eq!(response.body, br#"{"version":2,"key":"counter:a:b","counter":7}"#);
    assert_eq!(response.status_code, 200);
}

#[test]
fn only_get_counts() {
    let host = testing::host().install();
    assert_eq!(send("POST", "/a").status_code, 405);
    assert!(host.calls().is_empty());
}
