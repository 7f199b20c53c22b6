//! What the guest does on each operation, tested natively: as functions, and over the bytes that a host sends.

use calculator::{Operands, add, divide, guest_call, sum};
use wapc_guest::{Codec, MessagePack, testing};

#[test]
fn add_answers_with_the_sum() {
    assert_eq!(add(Operands { left: 40, right: 2 }), Ok(42));
    assert_eq!(add(Operands { left: i32::MAX, right: 1 }), Err("the sum does not fit"));
    assert_eq!(guest_call("add", b"\x82\xa4left\x28\xa5right\x02".to_vec()), Ok(vec![42]));
}

#[test]
fn divide_answers_with_the_quotient() {
    assert_eq!(divide(Operands { left: -9, right: 2 }), Ok(-4));
}

#[test]
fn a_message_that_is_none_is_an_error() {
    let text = guest_call("add", b"\x81\xa4left\x28".to_vec()).unwrap_err();
    assert_eq!(text, "the message of `add` cannot be read: missing field `right`");
}

#[test]
fn sum_lets_the_host_add() {
    let host = testing::install(|call| {
        let Operands { left, right } = MessagePack::decode("Add", &call.payload)?;
        MessagePack::encode("Add", &(left + right))
    });
    assert_eq!(sum(vec![1, 2, 3]), Ok(6));
    assert_eq!(host.calls().len(), 3);
    assert_eq!(sum(vec![]), Ok(0));
}
