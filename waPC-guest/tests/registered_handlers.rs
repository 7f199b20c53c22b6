//! Operations reach their handlers, and what handlers return reaches the host.

use std::fmt;

use wapc_guest::{HostError, handlers, host_call, testing};

const NAMED_BY_A_CONSTANT: &str = "constant";

handlers! {
    "bytes" => |payload: Vec<u8>| Ok::<_, HostError>(payload),
    "text" => |_| Ok::<_, HostError>("a text"),
    "owned text" => |_| Ok::<_, HostError>(String::from("owned")),
    "slice" => |_| Ok::<&[u8], HostError>(b"slice"),
    "nothing" => |_| Ok::<_, HostError>(()),
    "own error" => fails,
    "host error" => calls_the_host,
    NAMED_BY_A_CONSTANT => |_| Ok::<_, HostError>("by constant"),
    "bytes" => |_| Ok::<_, HostError>("never: the first handler of a name is the one"),
}

struct Sorry(u8);

impl fmt::Display for Sorry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sorry, {} times", self.0)
    }
}

fn fails(payload: Vec<u8>) -> Result<(), Sorry> {
    Err(Sorry(payload[0]))
}

fn calls_the_host(payload: Vec<u8>) -> Result<Vec<u8>, HostError> {
    host_call("default", "example:any", "Any", &payload)
}

#[track_caller]
fn answers(operation: &str, payload: &[u8], expected: &[u8]) {
    assert_eq!(guest_call(operation, payload.to_vec()).as_deref(), Ok(expected));
}

#[test]
fn every_kind_of_reply_is_passed_on() {
    answers("bytes", b"\x00\xff", b"\x00\xff");
    answers("bytes", b"", b"");
    answers("text", b"", b"a text");
    answers("owned text", b"", b"owned");
    answers("slice", b"", b"slice");
    answers("nothing", b"ignored", b"");
    answers("constant", b"", b"by constant");
}

/// The reply lies where the payload lay: nothing was copied.
#[test]
fn owned_bytes_are_not_copied() {
    let payload = vec![7; 1 << 20];
    let place = payload.as_ptr();
    let reply = guest_call("bytes", payload).unwrap();
    assert_eq!(reply.as_ptr(), place);
}

#[test]
fn errors_become_their_text() {
    assert_eq!(guest_call("own error", vec![3]), Err("sorry, 3 times".to_owned()));
    let _host = testing::install(|_| Err("not today".to_owned()));
    assert_eq!(guest_call("host error", vec![]), Err("not today".to_owned()));
}

#[test]
fn an_unknown_operation_is_told_with_those_that_there_are() {
    let text = guest_call("Bytes", vec![]).unwrap_err();
    assert_eq!(
        text,
        "this module has no operation `Bytes`; it has: `bytes` `text` `owned text` `slice` `nothing` \
         `own error` `host error` `constant`"
    );
}
