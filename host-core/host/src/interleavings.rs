//! Has loads, swaps, takeovers, removals, changes of policy and calls meet, step by step, in a real host with real modules.
//!
//! A step is what an operation does in one go, from one mark (`steps`) to the next. After each step of each order the actor is called, and
//! whoever answers, whoever uses the store, and what the log says is held against what had been done before (`world`).

pub(crate) mod schedule;
mod world;

use self::{
    schedule::{Choose, EveryOrder, Party, SomeOrder},
    world::{Cast, Set, THEIRS, World},
};

fn party<'a>(name: &'static str, body: impl FnOnce() + Send + 'a) -> Party<'a> {
    Party { name, body: Box::new(body) }
}

/// What is done at the same time.
type Parties = for<'a> fn(&'a World<'_>) -> Vec<Party<'a>>;

/// Goes through every order with so many changes of turn, and through so many others with any number of them.
fn meet(cast: &Cast, begin: (Set, bool), changes: usize, others: u64, parties: Parties) -> usize {
    let run = |choose: &mut dyn Choose| {
        let (policy, with_actor) = begin;
        let world = cast.world(policy, with_actor);
        world.run(choose, parties(&world));
    };
    let orders = EveryOrder::go_through(changes, run);
    for seed in 1..=others {
        run(&mut SomeOrder(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    }
    orders
}

#[test]
fn a_swap_a_change_of_policy_and_a_call_meet() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Ours, true), 2, 100, |world| {
        vec![
            party("swap", || world.swap("swap", "v2")),
            party("policy", || world.set(&[Set::Nobody])),
            party("call", || world.call("call")),
        ]
    });
    assert!(orders > 1000, "{orders}");
    cast.assert_came_about(&[
        "v2 comes in",
        "v2 is refused by the policy",
        "v1 answers",
        "v2 answers",
        "a call is refused a host call",
        "a call is refused by the policy",
    ]);
}

#[test]
fn a_swap_a_policy_that_takes_and_gives_and_a_removal_meet() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Ours, true), 1, 300, |world| {
        vec![
            party("swap", || world.swap("swap", "v2")),
            party("policy", || world.set(&[Set::Nobody, Set::Ours])),
            party("removal", || world.remove()),
        ]
    });
    assert!(orders > 100, "{orders}");
    cast.assert_came_about(&[
        "v2 comes in",
        "v2 is refused by the policy",
        "v2 is refused, for the actor is gone",
        "v2 answers",
        "a call is for nobody",
    ]);
}

#[test]
fn a_load_a_change_of_policy_and_a_removal_meet() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Ours, false), 2, 100, |world| {
        vec![
            party("load", || world.add("load", "v2")),
            party("policy", || world.set(&[Set::Nobody])),
            party("removal", || world.remove()),
        ]
    });
    assert!(orders > 400, "{orders}");
    cast.assert_came_about(&[
        "v2 comes in",
        "v2 is refused by the policy",
        "v2 answers",
        "a call is for nobody",
    ]);
}

#[test]
fn an_actor_that_is_removed_and_added_again_a_swap_and_a_change_of_policy_meet() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Ours, true), 1, 300, |world| {
        let again = || {
            world.remove();
            world.add("again", "v3");
        };
        vec![
            party("again", again),
            party("swap", || world.swap("swap", "v2")),
            party("policy", || world.set(&[Set::Nobody])),
        ]
    });
    assert!(orders > 100, "{orders}");
    cast.assert_came_about(&[
        "v3 comes in",
        "v3 is refused by the policy",
        "v2 is refused for its revision",
        "v2 is refused, for the actor is gone",
        "v3 answers",
    ]);
}

#[test]
fn two_swaps_and_a_removal_meet() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Ours, true), 2, 100, |world| {
        vec![
            party("second", || world.swap("second", "v2")),
            party("third", || world.swap("third", "v3")),
            party("removal", || world.remove()),
        ]
    });
    assert!(orders > 700, "{orders}");
    cast.assert_came_about(&[
        "v2 is refused for its revision",
        "v2 is refused, for the actor is gone",
        "v3 is refused, for the actor is gone",
        "v2 answers",
        "v3 answers",
    ]);
}

#[test]
fn a_swap_a_call_and_a_policy_that_takes_the_store_away_and_gives_it_back_meet() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Ours, true), 1, 300, |world| {
        vec![
            party("swap", || world.swap("swap", "v2")),
            party("policy", || world.set(&[Set::NoStore, Set::Ours])),
            party("call", || world.call("call")),
        ]
    });
    assert!(orders > 100, "{orders}");
    cast.assert_came_about(&["v2 comes in", "v1 answers", "v2 answers", "a call is refused a host call"]);
}

#[test]
fn a_takeover_and_policies_that_hand_over_and_keep_meet_in_many_orders() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Both, true), 4, 0, |world| {
        vec![
            party("takeover", || world.swap("takeover", THEIRS)),
            party("policy", || world.set(&[Set::HandsOver, Set::Both])),
        ]
    });
    assert!(orders > 200, "{orders}");
    cast.assert_came_about(&["th comes in", "th is refused, for the actor belongs to another", "th answers"]);
}

#[test]
fn a_takeover_policies_that_hand_over_and_keep_and_a_removal_meet() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Both, true), 2, 100, |world| {
        vec![
            party("takeover", || world.swap("takeover", THEIRS)),
            party("policy", || world.set(&[Set::HandsOver, Set::Both])),
            party("removal", || world.remove()),
        ]
    });
    assert!(orders > 700, "{orders}");
    cast.assert_came_about(&[
        "th comes in",
        "th is refused, for the actor belongs to another",
        "th is refused, for the actor is gone",
        "a call is for nobody",
    ]);
}

#[test]
fn a_takeover_a_swap_and_policies_that_hand_over_and_then_trust_nobody_meet() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Both, true), 1, 300, |world| {
        vec![
            party("takeover", || world.swap("takeover", THEIRS)),
            party("policy", || world.set(&[Set::HandsOver, Set::Nobody])),
            party("swap", || world.swap("swap", "v2")),
        ]
    });
    assert!(orders > 100, "{orders}");
    cast.assert_came_about(&[
        "th comes in",
        "th is refused by the policy",
        "th is refused, for the actor belongs to another",
        "v2 comes in",
        "v2 is refused by the policy",
        "a call is refused by the policy",
    ]);
}

#[test]
fn policies_that_wait_for_the_log_bring_nobody_back_before_they_are_recorded() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Ours, true), 2, 300, |world| {
        world.break_the_log();
        vec![
            party("nobody", || world.set(&[Set::Nobody])),
            party("ours", || world.set(&[Set::Ours])),
            party("mending", || world.mend_the_log()),
        ]
    });
    assert!(orders > 300, "{orders}");
    cast.assert_came_about(&["Nobody waits for the log", "Ours waits for the log", "v1 answers"]);
}

#[test]
fn a_swap_a_removal_and_a_call_meet() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Ours, true), 1, 300, |world| {
        vec![
            party("swap", || world.swap("swap", "v2")),
            party("removal", || world.remove()),
            party("call", || world.call("call")),
        ]
    });
    assert!(orders > 50, "{orders}");
    cast.assert_came_about(&["v1 answers", "v2 answers", "a call is for nobody"]);
}

#[test]
fn two_loads_and_a_change_of_policy_meet() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Ours, false), 2, 100, |world| {
        vec![
            party("second", || world.add("second", "v2")),
            party("third", || world.add("third", "v3")),
            party("policy", || world.set(&[Set::Nobody])),
        ]
    });
    assert!(orders > 500, "{orders}");
    cast.assert_came_about(&[
        "v2 is refused, for the actor is here",
        "v3 is refused, for the actor is here",
        "v2 is refused by the policy",
        "v2 answers",
        "v3 answers",
    ]);
}

/// A call that found the old version, and is let in only when the old account is trusted no more, goes to the new one.
#[test]
fn a_handover_the_end_of_the_old_account_and_calls_meet() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::HandsOver, true), 1, 500, |world| {
        let handover = || {
            world.swap("handover", THEIRS);
            world.set(&[Set::Theirs]);
        };
        vec![
            party("handover", handover),
            party("call", || world.call("call")),
            party("another", || world.call("another")),
        ]
    });
    assert!(orders > 50, "{orders}");
    cast.assert_came_about(&["v1 answers", "th answers", "a call is refused a host call"]);
    cast.assert_never("a call is refused by the policy");
}

/// Whoever saw the policy before may say so after others have seen the next: no change is recorded for that.
#[test]
fn calls_that_saw_an_older_policy_bring_no_record_back() {
    let cast = Cast::new();
    let orders = meet(&cast, (Set::Ours, true), 2, 300, |world| {
        let calls = ["one", "two"].map(|me| party(me, move || world.call(me)));
        calls.into_iter().chain([party("policy", || world.set(&[Set::Nobody, Set::Ours]))]).collect()
    });
    assert!(orders > 300, "{orders}");
    cast.assert_came_about(&["v1 answers", "a call is refused by the policy", "one bar and one return"]);
    cast.assert_never("more bars than policies");
}
