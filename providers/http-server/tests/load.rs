//! Many requests at once: each is answered, with its own answer.

mod support;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use capability_contracts::http_server::Response;
use support::Served;

#[test]
fn twenty_thousand_requests_over_eight_connections_get_their_own_answers() {
    const CONNECTIONS: usize = 8;
    const EACH: usize = 2_500;
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let served = Served::start(|request| {
        CALLS.fetch_add(1, Ordering::Relaxed);
        Ok(Response::text(request.path))
    });
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let mut client = served.client();
            scope.spawn(move || {
                for number in 0..EACH {
                    let path = format!("/{connection}/{number}");
                    let reply = client.get(&path);
                    assert_eq!((reply.status, reply.text()), (200, path.as_str()));
                }
            });
        }
    });
    assert_eq!(CALLS.load(Ordering::Relaxed), CONNECTIONS * EACH);
}
