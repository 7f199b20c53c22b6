//! Everybody who is measured does the same work.

use std::time::Duration;

use peers::{Effort, Entrant, GUESTS, Host, OPERATIONS, SIZES, measure};

#[test]
fn every_contender_answers_every_operation_with_the_payload() {
    for entrant in Entrant::all() {
        let mut contender = entrant.contender().unwrap();
        for operation in OPERATIONS {
            for size in SIZES.into_iter().chain([1, 7, 9, 65]) {
                let payload: Vec<u8> = (0..size).map(|byte| byte as u8).collect();
                let payload: &'static [u8] = payload.leak();
                assert!(
                    contender.call(operation, payload).unwrap() == payload,
                    "{entrant:?}, {operation}, {size} bytes"
                );
            }
        }
    }
}

#[test]
fn who_does_not_answer_with_the_payload_is_not_measured() {
    let [_, ours, ..] = GUESTS else { panic!("our own guest is one of them") };
    let mut contenders = [Host::Ours.serve(ours).unwrap()];
    let effort = Effort { rounds: 3, turn: Duration::ZERO };
    measure(&mut contenders, "echo", b"payload", effort).unwrap();
    for (operation, reason) in [("log", "is not the payload of 7 bytes"), ("fail", "payload")] {
        let error = measure(&mut contenders, operation, b"payload", effort).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
