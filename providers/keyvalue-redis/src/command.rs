//! Makes the commands that carry out the contract's operations.

use redis::{Cmd, cmd};

/// Adds to a counter of 32 bits. Text and sum are checked before anything is changed, so that an error of `INCRBY` is about the
/// server; and the server runs a script as one step.
const ADD: &str = "\
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' and held.err then return held end
held = held or '0'
local whole = held == '0' or (#held <= 11 and string.match(held, '^%-?[1-9]%d*$'))
if not whole then return redis.error_reply('NOTACOUNTER the text is no whole number') end
local number = tonumber(held)
local sum = number + tonumber(ARGV[1])
if number < -2147483648 or number > 2147483647 then return redis.error_reply('NOTACOUNTER the number is too large') end
if sum < -2147483648 or sum > 2147483647 then return redis.error_reply('OVERFLOW ' .. held) end
return redis.pcall('INCRBY', KEYS[1], ARGV[1])";

/// Changes a list or a set, and returns how many items it has then: the change and the count are one step.
const CHANGE: &str = "\
local done = redis.pcall(ARGV[1], KEYS[1], unpack(ARGV, 3))
if type(done) == 'table' and done.err then return done end
return redis.call(ARGV[2], KEYS[1])";

/// Sets a key that is never read by anybody, in a way that changes nothing: `XX` sets only what is there.
const PROBE: &str = "wascc:health:never-set";

pub(crate) fn add(key: &str, delta: i32) -> Cmd {
    script(ADD, key).arg(delta).take()
}

pub(crate) fn get(key: &str) -> Cmd {
    cmd("GET").arg(key).take()
}

/// `seconds` of 0 stand for never.
pub(crate) fn set(key: &str, text: &str, seconds: u32) -> Cmd {
    let mut command = cmd("SET").arg(key).arg(text).take();
    if seconds > 0 {
        command.arg("EX").arg(seconds);
    }
    command
}

pub(crate) fn delete(key: &str) -> Cmd {
    cmd("DEL").arg(key).take()
}

/// Keeps no item of a list; unlike DEL it refuses a key that holds something else.
pub(crate) fn clear(key: &str) -> Cmd {
    cmd("LTRIM").arg(key).arg(1).arg(0).take()
}

pub(crate) fn push(key: &str, item: &str) -> Cmd {
    cmd("RPUSH").arg(key).arg(item).take()
}

pub(crate) fn list_delete(key: &str, item: &str) -> Cmd {
    script(CHANGE, key).arg("LREM").arg("LLEN").arg(0).arg(item).take()
}

pub(crate) fn range(key: &str, start: i32, stop: i32) -> Cmd {
    cmd("LRANGE").arg(key).arg(start).arg(stop).take()
}

pub(crate) fn set_add(key: &str, member: &str) -> Cmd {
    script(CHANGE, key).arg("SADD").arg("SCARD").arg(member).take()
}

pub(crate) fn set_remove(key: &str, member: &str) -> Cmd {
    script(CHANGE, key).arg("SREM").arg("SCARD").arg(member).take()
}

pub(crate) fn union(keys: &[String]) -> Cmd {
    cmd("SUNION").arg(keys).take()
}

pub(crate) fn intersection(keys: &[String]) -> Cmd {
    cmd("SINTER").arg(keys).take()
}

pub(crate) fn query(key: &str) -> Cmd {
    cmd("SMEMBERS").arg(key).take()
}

fn script(text: &str, key: &str) -> Cmd {
    cmd("EVAL").arg(text).arg(1).arg(key).take()
}

/// A write that changes nothing, which a server refuses that cannot write now: a replica, one that is full, one that has too few
/// replicas or cannot save.
pub(crate) fn probe(prefix: &str) -> Cmd {
    cmd("SET").arg([prefix, PROBE].concat()).arg("").arg("XX").take()
}
