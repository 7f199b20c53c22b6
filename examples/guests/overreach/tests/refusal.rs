//! The refusal's words are what the caller gets.

use actor_sdk::{
    http,
    messages::{encode, http_server::OP_HANDLE_REQUEST, keyvalue::*},
    testing,
};
use overreach::guest_call;

#[test]
fn a_refusal_is_passed_on() {
    let _host = testing::host()
        .on(CAPABILITY, OP_ADD, |_: AddRequest| Err::<AddResponse, _>("not granted".to_owned()))
        .install();
    let request = encode(&http::Request { path: "/x".into(), ..Default::default() }).unwrap();
    assert_eq!(guest_call(OP_HANDLE_REQUEST, request), Err("not granted".to_owned()));
}
