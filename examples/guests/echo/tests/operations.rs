//! What the guest does on each operation, tested natively.

use echo::guest_call;
use wapc_guest::testing;

#[test]
fn echo_answers_with_the_payload() {
    assert_eq!(guest_call("echo", vec![0, 255]), Ok(vec![0, 255]));
    assert_eq!(guest_call("echo", vec![]), Ok(vec![]));
}

#[test]
fn callback_answers_with_what_the_host_says() {
    let host = testing::install(|call| match call.payload.as_slice() {
        b"fail" => Err("no".to_owned()),
        payload => Ok(payload.to_ascii_uppercase()),
    });
    assert_eq!(guest_call("callback", b"abc".to_vec()), Ok(b"ABC".to_vec()));
    assert_eq!(guest_call("callback", b"fail".to_vec()), Err("no".to_owned()));
    let call = host.calls().remove(0);
    assert_eq!(
        (call.binding.as_str(), call.namespace.as_str(), call.operation.as_str()),
        ("default", "example:echo", "Callback")
    );
}

#[test]
fn log_writes_the_payload_to_the_console() {
    let host = testing::install(|_| unreachable!("nothing is called"));
    assert_eq!(guest_call("log", b"a line".to_vec()), Ok(vec![]));
    assert_eq!(host.console(), ["a line"]);
}

#[test]
fn fail_fails_with_the_payload() {
    assert_eq!(guest_call("fail", b"why".to_vec()), Err("why".to_owned()));
    assert_eq!(guest_call("fail", vec![]), Err("asked to fail, without a reason".to_owned()));
}
