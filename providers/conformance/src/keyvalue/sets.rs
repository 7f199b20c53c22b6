//! Tests sets.

use capability_contracts::keyvalue::{OP_SET_INTERSECTION, OP_SET_UNION};
use capability_provider::Provider;

use super::{
    Case, Verdict,
    client::{Client, is, is_rejected, owned},
};

pub(super) const CASES: &[Case] = &[
    ("a member is in a set once", once),
    ("a set without members is no key", spent),
    ("a union has the members of any set", union),
    ("an intersection has the members of all sets", intersection),
    ("an operation on several sets needs one", no_keys),
    ("a set that is named often is one set", named_often),
];

fn once(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    for (member, count) in [("b", 1), ("a", 2), ("b", 2), ("", 3)] {
        is(&format!("SetAdd of {member:?}"), client.set_add("once:k", member), count)?;
    }
    is("SetQuery", client.query("once:k"), owned(&["", "a", "b"]))?;
    is("SetRemove", client.set_remove("once:k", "a"), 2)?;
    is("SetRemove again", client.set_remove("once:k", "a"), 2)?;
    is("SetQuery after it", client.query("once:k"), owned(&["", "b"]))?;
    is("SetQuery of a missing key", client.query("once:none"), owned(&[]))
}

fn spent(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is("SetAdd", client.set_add("empty:k", "x"), 1)?;
    is("SetRemove", client.set_remove("empty:k", "x"), 0)?;
    is("KeyExists", client.exists("empty:k"), (false, String::new()))?;
    is("SetRemove of a missing key", client.set_remove("empty:none", "x"), 0)?;
    is("KeyExists after it", client.exists("empty:none"), (false, String::new()))?;
    is("Push under the same key", client.push("empty:k", "x"), 1)
}

fn union(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    fill(&client, "union:1", &["a", "b"])?;
    fill(&client, "union:2", &["b", "c"])?;
    is("SetUnion of two", client.union(&["union:1", "union:2"]), owned(&["a", "b", "c"]))?;
    is("SetUnion of one", client.union(&["union:2"]), owned(&["b", "c"]))?;
    is("SetUnion with a missing one", client.union(&["union:none", "union:1"]), owned(&["a", "b"]))?;
    is("SetUnion of missing ones", client.union(&["union:none"]), owned(&[]))
}

fn intersection(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    fill(&client, "common:1", &["a", "b", "c"])?;
    fill(&client, "common:2", &["b", "c", "d"])?;
    fill(&client, "common:3", &["c", "e"])?;
    let all = ["common:1", "common:2", "common:3"];
    is("SetIntersection of two", client.intersection(&all[..2]), owned(&["b", "c"]))?;
    is("SetIntersection of three", client.intersection(&all), owned(&["c"]))?;
    is("SetIntersection of one", client.intersection(&all[2..]), owned(&["c", "e"]))?;
    is("SetIntersection with itself", client.intersection(&["common:3", "common:3"]), owned(&["c", "e"]))?;
    is("SetIntersection with a missing one", client.intersection(&["common:1", "common:none"]), owned(&[]))
}

fn no_keys(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    is_rejected("SetUnion of nothing", client.union(&[]), OP_SET_UNION, "")?;
    is_rejected("SetIntersection of nothing", client.intersection(&[]), OP_SET_INTERSECTION, "")
}

fn named_often(provider: &dyn Provider) -> Verdict {
    let client = Client::new(provider)?;
    fill(&client, "often:k", &["a", "b"])?;
    let keys = ["often:k"; 10_000];
    is("SetUnion", client.union(&keys), owned(&["a", "b"]))?;
    is("SetIntersection", client.intersection(&keys), owned(&["a", "b"]))
}

fn fill(client: &Client<'_>, key: &str, members: &[&str]) -> Verdict {
    members.iter().zip(1..).try_for_each(|(member, count)| is("SetAdd", client.set_add(key, member), count))
}
