//! Tests expiry, on a clock that the cases move on.

use std::time::Duration;

use capability_provider::Provider;

use super::{
    TimedCase, Verdict,
    client::{Client, is},
};

pub(super) const CASES: &[TimedCase] = &[
    ("a text is there until its time is over", until_then),
    ("a text without a time to live stays", stays),
    ("setting a text anew sets its time anew", anew),
    ("a counter keeps its time to live", counter),
    ("what comes after an expired text does not expire", after),
];

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn until_then(provider: &dyn Provider, pass: &dyn Fn(Duration)) -> Verdict {
    let client = Client::new(provider)?;
    is("Set", client.set_for("until:k", "1", 100), "1")?;
    is("Get at once", client.get("until:k"), Some("1".to_owned()))?;
    pass(seconds(90));
    is("Get before its end", client.get("until:k"), Some("1".to_owned()))?;
    pass(seconds(11));
    is("Get after its end", client.get("until:k"), None)?;
    is("KeyExists after its end", client.exists("until:k"), (false, String::new()))
}

fn stays(provider: &dyn Provider, pass: &dyn Fn(Duration)) -> Verdict {
    let client = Client::new(provider)?;
    is("Set", client.set("stays:k", "1"), "1")?;
    is("Set for as long as there is", client.set_for("stays:long", "1", i32::MAX), "1")?;
    pass(seconds(1_000_000));
    is("Get", client.get("stays:k"), Some("1".to_owned()))?;
    is("Get", client.get("stays:long"), Some("1".to_owned()))
}

fn anew(provider: &dyn Provider, pass: &dyn Fn(Duration)) -> Verdict {
    let client = Client::new(provider)?;
    for (key, expires) in [("anew:longer", 100), ("anew:never", 0)] {
        is("Set", client.set_for(key, "1", 10), "1")?;
        is("Set anew", client.set_for(key, "2", expires), "2")?;
    }
    pass(seconds(50));
    is("Get of the longer one", client.get("anew:longer"), Some("2".to_owned()))?;
    is("Get of the one that stays", client.get("anew:never"), Some("2".to_owned()))?;
    pass(seconds(51));
    is("Get of the longer one, later", client.get("anew:longer"), None)?;
    is("Get of the one that stays, later", client.get("anew:never"), Some("2".to_owned()))
}

fn counter(provider: &dyn Provider, pass: &dyn Fn(Duration)) -> Verdict {
    let client = Client::new(provider)?;
    is("Set", client.set_for("counter:k", "5", 100), "5")?;
    pass(seconds(50));
    is("Add", client.add("counter:k", 1), 6)?;
    pass(seconds(51));
    is("Add after its end", client.add("counter:k", 1), 1)?;
    pass(seconds(1000));
    is("Get of the new counter", client.get("counter:k"), Some("1".to_owned()))
}

fn after(provider: &dyn Provider, pass: &dyn Fn(Duration)) -> Verdict {
    let client = Client::new(provider)?;
    is("Set", client.set_for("after:k", "1", 10), "1")?;
    pass(seconds(11));
    is("Push under the same key", client.push("after:k", "1"), 1)?;
    pass(seconds(1000));
    is("Push later", client.push("after:k", "2"), 2)
}
