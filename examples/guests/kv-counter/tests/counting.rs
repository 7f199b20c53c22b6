//! The counter, tested natively over the same bytes that a host sends: no WebAssembly, no host, no store.

use std::{cell::Cell, rc::Rc};

use actor_sdk::{
    http,
    messages::{decode, encode, http_server::OP_HANDLE_REQUEST, keyvalue::*},
    testing::{self, TestHost},
};
use kv_counter::guest_call;

/// A store with one counter that starts at `start`.
fn store(start: i32) -> TestHost {
    let sum = Rc::new(Cell::new(start));
    testing::host()
        .on(CAPABILITY, OP_ADD, move |request: AddRequest| {
            let value = sum.get().checked_add(request.value).ok_or("the counter is full")?;
            sum.set(value);
            Ok(AddResponse { value })
        })
        .install()
}

fn send(method: &str, path: &str) -> Result<http::Response, String> {
    let request = http::Request { method: method.into(), path: path.into(), ..Default::default() };
    let reply = guest_call(OP_HANDLE_REQUEST, encode(&request).unwrap())?;
    Ok(decode(OP_HANDLE_REQUEST, &reply).unwrap())
}

#[test]
fn each_request_counts_one() {
    let host = store(0);
    for count in ["{\"counter\":1}", "{\"counter\":2}", "{\"counter\":3}"] {
        let response = send("GET", "/home").unwrap();
        assert_eq!(response.status_code, 200);
        assert_eq!(response.header["content-type"], "application/json");
        assert_eq!(response.body, count.as_bytes());
    }
    assert_eq!(host.calls().len(), 3);
}

#[test]
fn the_path_is_the_key() {
    let host = store(0);
    for (path, key) in [("/", "counter:"), ("/home", "counter:home"), ("/a/b", "counter:a:b")] {
        send("GET", path).unwrap();
        let call = host.calls().pop().unwrap();
        assert_eq!(call.binding, "default");
        assert_eq!(
            decode::<AddRequest>(OP_ADD, &call.payload).unwrap(),
            AddRequest { key: key.into(), value: 1 }
        );
    }
}

#[test]
fn only_get_counts() {
    let host = store(0);
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "get", ""] {
        let response = send(method, "/home").unwrap();
        assert_eq!((response.status_code, response.header["allow"].as_str()), (405, "GET"), "{method}");
    }
    assert!(host.calls().is_empty());
}

#[test]
fn a_full_counter_is_an_error() {
    let _host = store(i32::MAX);
    assert_eq!(send("GET", "/home"), Err("the counter is full".to_owned()));
}

#[test]
fn without_a_store_the_error_says_so() {
    let _host = testing::host().install();
    let text = send("GET", "/home").unwrap_err();
    assert!(text.contains(CAPABILITY), "{text}");
}

#[test]
fn the_health_check_is_answered() {
    assert_eq!(guest_call("HealthRequest", b"\x81\xabplaceholder\xc2".to_vec()), Ok(vec![0xc0]));
}

#[test]
fn a_request_that_is_none_is_an_error() {
    let text = guest_call(OP_HANDLE_REQUEST, vec![0xc1]).unwrap_err();
    assert!(text.contains("`HandleRequest`"), "{text}");
}
