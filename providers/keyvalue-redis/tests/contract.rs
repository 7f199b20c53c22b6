//! The contract's suite against a real server, and expiry in a time that passes on the server.

use std::time::Duration;

use provider_conformance::RedisServer;
use provider_keyvalue_redis::RedisKeyValue;
use redis::{Commands, Connection};

#[test]
fn the_provider_keeps_the_contract() {
    let Some(server) = RedisServer::for_test() else { return };
    provider_conformance::keyvalue(|| RedisKeyValue::new(&server.url()).unwrap());
}

#[test]
fn it_keeps_the_contract_over_a_single_connection() {
    let Some(server) = RedisServer::for_test() else { return };
    provider_conformance::keyvalue(|| RedisKeyValue::new(&server.url()).unwrap().with_connections(1));
}

#[test]
fn values_expire_on_the_server() {
    let Some(server) = RedisServer::for_test() else { return };
    let client = redis::Client::open(server.url()).unwrap();
    provider_conformance::keyvalue_expiry(
        || RedisKeyValue::new(&server.url()).unwrap(),
        |time| pass(&mut client.get_connection().unwrap(), time),
    );
}

/// What the passing of `time` does to the keys: it takes as much from what each has left.
fn pass(server: &mut Connection, time: Duration) {
    let time = i64::try_from(time.as_millis()).unwrap();
    let keys: Vec<String> = server.keys("*").unwrap();
    for key in keys {
        let left: i64 = server.pttl(&key).unwrap();
        if left > time {
            let _: bool = server.pexpire(&key, left - time).unwrap();
        } else if left >= 0 {
            let _: bool = server.del(&key).unwrap();
        }
    }
}
