//! Decides what each error code of Redis means to the caller and to the connection on which it came.

use redis::RedisError;

/// What an error of the server is to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The server cannot do it now, or not for us.
    Unavailable,
    /// It cannot be done with these values.
    Rejected,
    /// Anything else.
    Failed,
}

/// What becomes of the connections to a server that answered so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is still the right server, and goes on with this connection.
    Keep,
    /// Another server may be the right one by now, or a new login may help: all connections are closed, and the next call looks
    /// the name up anew.
    Drop,
}

/// The error codes of Redis 7, Sentinel's and Cluster's among them, and of our own scripts.
const CODES: &[(&str, Kind, Fate)] = &[
    ("ASK", Kind::Unavailable, Fate::Drop),
    ("BUSY", Kind::Unavailable, Fate::Keep),
    ("CLUSTERDOWN", Kind::Unavailable, Fate::Drop),
    ("CROSSSLOT", Kind::Rejected, Fate::Keep),
    ("DENIED", Kind::Unavailable, Fate::Drop),
    ("LOADING", Kind::Unavailable, Fate::Keep),
    ("MASTERDOWN", Kind::Unavailable, Fate::Drop),
    ("MISCONF", Kind::Unavailable, Fate::Keep),
    ("MOVED", Kind::Unavailable, Fate::Drop),
    ("NOAUTH", Kind::Unavailable, Fate::Drop),
    ("NOPERM", Kind::Unavailable, Fate::Keep),
    ("NOREPLICAS", Kind::Unavailable, Fate::Keep),
    (NOT_A_COUNTER, Kind::Rejected, Fate::Keep),
    ("OOM", Kind::Unavailable, Fate::Keep),
    (OVERFLOW, Kind::Rejected, Fate::Keep),
    ("READONLY", Kind::Unavailable, Fate::Drop),
    ("TRYAGAIN", Kind::Unavailable, Fate::Keep),
    ("UNKILLABLE", Kind::Unavailable, Fate::Keep),
    ("WRONGPASS", Kind::Unavailable, Fate::Drop),
    (WRONG_TYPE, Kind::Rejected, Fate::Keep),
];

/// Errors that Redis gives without a code of their own, by how their text begins.
const WITHOUT_A_CODE: &[(&str, Kind, Fate)] = &[
    ("max number of clients reached", Kind::Unavailable, Fate::Drop),
    ("max number of clients + cluster", Kind::Unavailable, Fate::Drop),
    ("operation not permitted", Kind::Unavailable, Fate::Drop),
];

/// The error code of our addition for a text that is not a counter.
pub(crate) const NOT_A_COUNTER: &str = "NOTACOUNTER";
/// The error code of our addition for a sum that is out of range; the text behind it is what the counter holds.
pub(crate) const OVERFLOW: &str = "OVERFLOW";
/// Redis' own error code for a key that holds another kind of value.
pub(crate) const WRONG_TYPE: &str = "WRONGTYPE";

/// The decision on an error that the server answered with; `None` for one that is not of the server.
pub(crate) fn decide(error: &RedisError) -> Option<(Kind, Fate)> {
    let code = error.code()?;
    let by_text = || {
        let detail = error.detail().unwrap_or_default();
        WITHOUT_A_CODE.iter().find(|(start, ..)| detail.starts_with(start))
    };
    let known = CODES.iter().find(|(known, ..)| *known == code).or_else(by_text);
    Some(known.map_or((Kind::Failed, Fate::Keep), |(_, kind, fate)| (*kind, *fate)))
}

#[cfg(test)]
mod tests {
    use redis::parse_redis_value;

    use super::*;

    /// What a server's line stands for.
    #[track_caller]
    fn decision(line: &str) -> (Kind, Fate) {
        let value = parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        decide(&value.extract_error().unwrap_err()).expect("it is of the server")
    }

    #[test]
    fn every_code_has_its_decision() {
        let (now, drop, keep) = (Kind::Unavailable, Fate::Drop, Fate::Keep);
        let lines = [
            ("ASK 3999 127.0.0.1:6381", now, drop),
            (
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
                now,
                keep,
            ),
            ("CLUSTERDOWN The cluster is down", now, drop),
            ("CROSSSLOT Keys in request don't hash to the same slot", Kind::Rejected, keep),
            ("DENIED Redis is running in protected mode", now, drop),
            ("LOADING Redis is loading the dataset in memory", now, keep),
            ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", now, drop),
            ("MISCONF Redis is configured to save RDB snapshots", now, keep),
            ("MOVED 3999 127.0.0.1:6381", now, drop),
            ("NOAUTH Authentication required.", now, drop),
            ("NOPERM User default has no permissions to run the 'eval' command", now, keep),
            ("NOREPLICAS Not enough good replicas to write.", now, keep),
            ("NOTACOUNTER the text is no number", Kind::Rejected, keep),
            ("OOM command not allowed when used memory > 'maxmemory'.", now, keep),
            ("OVERFLOW 7", Kind::Rejected, keep),
            ("READONLY You can't write against a read only replica.", now, drop),
            ("TRYAGAIN Multiple keys request during rehashing of slot", now, keep),
            ("UNKILLABLE Sorry the script already executed write commands", now, keep),
            ("WRONGPASS invalid username-password pair or user is disabled.", now, drop),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", Kind::Rejected, keep),
        ];
        let codes: Vec<_> = lines.iter().map(|(line, ..)| line.split(' ').next().unwrap()).collect();
        assert_eq!(codes, CODES.iter().map(|(code, ..)| *code).collect::<Vec<_>>(), "one line for each");
        for (line, kind, fate) in lines {
            assert_eq!(decision(line), (kind, fate), "{line}");
        }
        assert_eq!(decision("ERR max number of clients reached"), (now, drop));
        for other in
            ["ERR unknown command 'EVAL'", "NOSCRIPT No matching script.", "NEWCODE of a newer server"]
        {
            assert_eq!(decision(other), (Kind::Failed, keep), "{other}");
        }
    }
}
