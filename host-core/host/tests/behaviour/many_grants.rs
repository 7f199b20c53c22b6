//! Tokens and policies with very many grants cost in proportion to them.

use std::time::{Duration, Instant};

use capability_claims::{Grant, GrantLimit};

use crate::support::{World, echo, module_key};

/// So many capabilities that begin with this letter, as short as can be, for a token has at most 64 KiB.
fn capabilities(letter: char, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{letter}{number:03x}"))
}

/// Swaps an actor to one with as many other grants, and has another policy with as many limits decide; the shortest times of each.
fn shortest(count: usize) -> [Duration; 2] {
    let (world, key) = (World::new(), module_key());
    let limit = || {
        let all = capabilities('a', count).chain(capabilities('b', count));
        all.fold(GrantLimit::nothing(), |limit, capability| limit.and(Grant::of(capability).operation("Get")))
    };
    let policy = || world.trust().limit(world.account(), limit()).unwrap();
    world.host.replace_policy(policy()).unwrap();
    let versions = ['a', 'b'].map(|letter| {
        world.sign(&echo(), &key, |claims| {
            capabilities(letter, count).fold(claims, |claims, capability| claims.capability(capability))
        })
    });
    world.host.add_actor(versions[0].clone()).unwrap();
    let mut best = [Duration::MAX; 2];
    for round in 1..=6 {
        let began = Instant::now();
        let report = world.host.replace_actor(versions[round % 2].clone()).unwrap();
        best[0] = best[0].min(began.elapsed());
        assert_eq!((report.grants_gained.len(), report.allowed_lost.len()), (count, count));
        let next = policy();
        let began = Instant::now();
        assert!(world.host.replace_policy(next).unwrap().barred.is_empty());
        best[1] = best[1].min(began.elapsed());
    }
    best
}

#[test]
fn four_times_the_grants_take_no_more_than_a_few_times_as_long() {
    let (few, many) = (shortest(1000), shortest(4000));
    for (what, few, many) in [("a swap", few[0], many[0]), ("a change of policy", few[1], many[1])] {
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        println!("{what}: {few:?} and {many:?}, {ratio:.1} times as long");
        // In proportion it is 4 and a little more, with the square it is 16.
        assert!(ratio < 9.0, "{what}: {few:?} and {many:?}, {ratio:.1} times as long");
    }
}
