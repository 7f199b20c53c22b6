//! Tests lists.

use std::{collections::BTreeSet, thread};

use capability_provider::Provider;

use super::{
    Case, Verdict,
    client::{Client, is, owned},
};

pub(super) const CASES: &[Case] = &[
    ("items are appended in order", appended),
    ("a range takes both ends, and negative ones from the end", ranges),
    ("every equal item is taken out of a list", taken_out),
    ("a list without items is no key", spent),
    ("a cleared list is empty", cleared),
    ("no item is lost between threads", no_item_lost),
];

fn appended(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    for (count, item) in (1..).zip(["b", "a", "", "b"]) {
        is("Push", client.push("appended:k", item), count)?;
    }
    is("Range", client.range("appended:k", 0, -1), owned(&["b", "a", "", "b"]))
}

fn ranges(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    for (count, item) in (1..).zip(["a", "b", "c", "d"]) {
        is("Push", client.push("ranges:k", item), count)?;
    }
    let expected: &[(i32, i32, &[&str])] = &[
        (0, 0, &["a"]),
        (0, -1, &["a", "b", "c", "d"]),
        (1, 2, &["b", "c"]),
        (-2, -1, &["c", "d"]),
        (-3, 2, &["b", "c"]),
        (2, 1, &[]),
        (-1, 0, &[]),
        (3, 99, &["d"]),
        (4, 99, &[]),
        (-99, 1, &["a", "b"]),
        (-99, -99, &[]),
        (0, -4, &["a"]),
        (0, -5, &[]),
        (i32::MIN, i32::MAX, &["a", "b", "c", "d"]),
        (i32::MAX, i32::MIN, &[]),
    ];
    for (start, stop, items) in expected {
        is(&format!("Range {start} to {stop}"), client.range("ranges:k", *start, *stop), owned(items))?;
    }
    is("Range of a missing key", client.range("ranges:none", 0, -1), owned(&[]))
}

fn taken_out(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    for (count, item) in (1..).zip(["x", "a", "x", "b", "x"]) {
        is("Push", client.push("taken:k", item), count)?;
    }
    is("ListItemDelete of none", client.list_delete("taken:k", "y"), 5)?;
    is("ListItemDelete of three", client.list_delete("taken:k", "x"), 2)?;
    is("Range", client.range("taken:k", 0, -1), owned(&["a", "b"]))?;
    is("ListItemDelete of a missing key", client.list_delete("taken:none", "x"), 0)
}

fn spent(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("Push", client.push("spent:k", "x"), 1)?;
    is("ListItemDelete", client.list_delete("spent:k", "x"), 0)?;
    is("KeyExists", client.exists("spent:k"), (false, String::new()))?;
    is("SetAdd under the same key", client.set_add("spent:k", "x"), 1)?;
    is("ListItemDelete of a missing key", client.list_delete("spent:none", "x"), 0)?;
    is("KeyExists after it", client.exists("spent:none"), (false, String::new()))
}

fn cleared(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("Push", client.push("cleared:k", "x"), 1)?;
    is("Clear", client.clear("cleared:k"), "cleared:k")?;
    is("Range", client.range("cleared:k", 0, -1), owned(&[]))?;
    is("KeyExists", client.exists("cleared:k"), (false, String::new()))?;
    is("Clear of a missing key", client.clear("cleared:none"), "cleared:none")?;
    is("Push after it", client.push("cleared:k", "y"), 1)
}

fn no_item_lost(provider: &dyn Provider) -> Verdict {
    const THREADS: i32 = 4;
    const EACH: i32 = 50;
    let client = &Client::new(provider)?;
    let pushing = || (0..EACH).map(|_| client.push("pushed:k", "x")).collect::<Result<Vec<_>, _>>();
    let mut counts = BTreeSet::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(pushing)).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(Ok(seen)) => {
                counts.extend(seen);
                Ok(())
            }
            Ok(Err(error)) => Err(format!("Push: {error}")),
            Err(_) => Err("Push panicked".to_owned()),
        })
    })?;
    // Each push saw a length of its own: none was carried out in the middle of another.
    is("the lengths that were seen", Ok(counts), (1..=THREADS * EACH).collect::<BTreeSet<_>>())
}
