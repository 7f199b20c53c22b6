//! Tests texts and counters.

use std::thread;

use capability_contracts::keyvalue::{CAPABILITY, OP_ADD, OP_SET};
use capability_provider::Provider;

use super::{
    Case, Verdict,
    client::{Client, is, is_rejected},
};

pub(super) const CASES: &[Case] = &[
    ("a provider says what it is and is well", introduces_itself),
    ("a key that was never set has no value", missing),
    ("a text is kept as it is", kept),
    ("a deleted key is gone, whatever it held", deleted),
    ("a key exists while it holds anything", exists),
    ("a counter begins at zero", counts),
    ("a counter is a text of digits", counter_is_text),
    ("a counter never wraps around", never_wraps),
    ("a text that is no counter is not added to", not_a_counter),
    ("no addition is lost between threads", no_addition_lost),
    ("a negative time to live is rejected", negative_expiry),
];

fn introduces_itself(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("the capability", Ok(provider.capability().as_str().to_owned()), CAPABILITY)?;
    is("whether the name is empty", Ok(provider.name().is_empty()), false)?;
    is("health", provider.health(), ())?;
    client.unlink();
    Ok(())
}

fn missing(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("Get", client.get("missing:none"), None)?;
    is("KeyExists", client.exists("missing:none"), (false, String::new()))
}

fn kept(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    let long = "0123456789abcdef".repeat(4096);
    for text in ["plain", "", "größer 更大 🦀", "line\r\nbreak\0nul", " spaces ", long.as_str()] {
        is("Set", client.set("kept:k", text), text)?;
        is("Get", client.get("kept:k"), Some(text.to_owned()))?;
    }
    let strange = "kept: key\r\n*1 ü";
    is("Set of a strange key", client.set(strange, "1"), "1")?;
    is("Get of a strange key", client.get(strange), Some("1".to_owned()))
}

fn deleted(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("Set", client.set("deleted:text", "1"), "1")?;
    is("Push", client.push("deleted:list", "1"), 1)?;
    is("SetAdd", client.set_add("deleted:set", "1"), 1)?;
    for key in ["deleted:text", "deleted:list", "deleted:set", "deleted:none"] {
        is("Del", client.del(key), key)?;
        is("KeyExists", client.exists(key), (false, String::new()))?;
    }
    Ok(())
}

fn exists(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("Set", client.set("exists:text", "words"), "words")?;
    is("Set", client.set("exists:empty", ""), "")?;
    is("Push", client.push("exists:list", "1"), 1)?;
    is("SetAdd", client.set_add("exists:set", "1"), 1)?;
    let expected = [("text", "words"), ("empty", ""), ("list", ""), ("set", "")];
    for (key, text) in expected {
        is(
            &format!("KeyExists of a {key}"),
            client.exists(&format!("exists:{key}")),
            (true, text.to_owned()),
        )?;
    }
    Ok(())
}

fn counts(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    for (delta, sum) in [(1, 1), (41, 42), (0, 42), (-50, -8), (8, 0), (i32::MIN, i32::MIN)] {
        is(&format!("Add of {delta}"), client.add("counts:k", delta), sum)?;
    }
    Ok(())
}

fn counter_is_text(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("Set", client.set("digits:k", "-7"), "-7")?;
    is("Add to a text", client.add("digits:k", 10), 3)?;
    is("Get of a counter", client.get("digits:k"), Some("3".to_owned()))?;
    is("Set over a counter", client.set("digits:k", "words"), "words")?;
    is("Get", client.get("digits:k"), Some("words".to_owned()))
}

fn never_wraps(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    for (key, end, delta) in [
        ("wraps:max", i32::MAX, 1),
        ("wraps:max", i32::MAX, i32::MAX),
        ("wraps:min", i32::MIN, -1),
        ("wraps:min", i32::MIN, i32::MIN),
    ] {
        is("Set", client.set(key, &end.to_string()), end.to_string())?;
        is_rejected(&format!("Add of {delta} to {end}"), client.add(key, delta), OP_ADD, key)?;
        is("Get after it", client.get(key), Some(end.to_string()))?;
        is("Add of 0 after it", client.add(key, 0), end)?;
    }
    Ok(())
}

fn not_a_counter(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    let texts = [
        "",
        "words",
        "1.5",
        "1e3",
        "0x10",
        "+1",
        "01",
        " 1",
        "1 ",
        "2147483648",
        "-2147483649",
        "99999999999999999999",
    ];
    for text in texts {
        is("Set", client.set("words:k", text), text)?;
        is_rejected(&format!("Add to {text:?}"), client.add("words:k", 1), OP_ADD, "words:k")?;
        is("Get after it", client.get("words:k"), Some(text.to_owned()))?;
    }
    Ok(())
}

fn no_addition_lost(provider: &dyn Provider) -> Verdict {
    const THREADS: i32 = 8;
    const EACH: i32 = 100;
    let client = &Client::new(provider)?;
    let adding = || (0..EACH).try_for_each(|_| client.add("threads:k", 1).map(drop));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(adding)).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(outcome) => is("Add", outcome, ()),
            Err(_) => Err("Add panicked".to_owned()),
        })
    })?;
    is("the sum of all", client.add("threads:k", 0), THREADS * EACH)
}

fn negative_expiry(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("Set", client.set("negative:k", "1"), "1")?;
    for expires in [-1, i32::MIN] {
        let answer = client.set_for("negative:k", "2", expires);
        is_rejected(&format!("Set for {expires} seconds"), answer, OP_SET, "negative:k")?;
    }
    is("Get after it", client.get("negative:k"), Some("1".to_owned()))
}
