//! What a change of one link costs does not grow with the links that it has nothing to do with.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use capability_provider::{ActorId, CapabilityId, LinkConfig, LinkKey, LinkName, Provider};

use crate::support::{Recorder, World, echo, forwarder, module_key};

const MANY: usize = 10_000;
/// How much longer a change may take among many links than among few. When each looked at all links, it was some hundred times.
const AT_MOST: u32 = 3;
/// Shorter than that is as good as no time: how long the threads took to wake each other is measured then.
const HARDLY: Duration = Duration::from_micros(400);

/// A host with so many links, as many for each of so many actors, and one link more of the first actor, whose provider is its own.
struct Wired {
    world: World,
    actors: Vec<ActorId>,
    own: LinkKey,
}

const OWN: &str = "test:own";

fn shortest(times: Vec<Duration>) -> Duration {
    times.into_iter().min().expect("it was measured")
}

impl Wired {
    fn new(links: usize, actors: usize) -> Self {
        let world = World::new();
        let actors: Vec<ActorId> = (0..actors)
            .map(|_| {
                let module = world.sign(&forwarder(OWN, "", "Work"), &module_key(), |c| c.capability(OWN));
                world.host.add_actor(module).unwrap()
            })
            .collect();
        let provider = Recorder::of("test:others", "others");
        for at in 0..links / actors.len() {
            let name = LinkName::new(&format!("link{at}")).unwrap();
            world.host.add_provider(name.clone(), Arc::clone(&provider) as _).unwrap();
            for actor in &actors {
                let link = LinkKey::new(actor.clone(), provider.capability(), name.clone());
                world.host.link(&link, LinkConfig::new()).unwrap();
            }
        }
        let own = LinkKey::new(actors[0].clone(), CapabilityId::new(OWN).unwrap(), LinkName::default());
        world.host.add_provider(LinkName::default(), Recorder::of(OWN, "own")).unwrap();
        world.host.link(&own, LinkConfig::new()).unwrap();
        assert_eq!(world.host.status().links.len(), links / actors.len() * actors.len() + 1);
        Self { world, actors, own }
    }

    /// The least that this takes, what goes on behind it not counted. On a busy machine all else tells of the machine.
    fn least(&self, change: impl Fn(&Self)) -> Duration {
        let times: Vec<_> = (0..41)
            .map(|_| {
                let began = Instant::now();
                change(self);
                let took = began.elapsed();
                self.world.settle();
                took
            })
            .collect();
        shortest(times)
    }

    /// The least that it takes to remove an actor with one link.
    fn removals(&self) -> Duration {
        let leaving: Vec<_> = (0..9)
            .map(|_| {
                let module = self.world.sign(&echo(), &module_key(), |c| c.capability(OWN));
                let actor = self.world.host.add_actor(module).unwrap();
                let link = LinkKey { actor: actor.clone(), ..self.own.clone() };
                self.world.host.link(&link, LinkConfig::new()).unwrap();
                actor
            })
            .collect();
        let times: Vec<_> = (leaving.iter())
            .map(|actor| {
                let began = Instant::now();
                self.world.host.remove_actor(actor).unwrap();
                began.elapsed()
            })
            .collect();
        shortest(times)
    }

    fn times(&self) -> [(&'static str, Duration); 5] {
        let host = &self.world.host;
        let replace =
            |_: &Self| host.replace_provider(LinkName::default(), Recorder::of(OWN, "next")).unwrap();
        let first = LinkName::new("link0").unwrap();
        let replace_all = |_: &Self| {
            host.replace_provider(first.clone(), Recorder::of("test:others", "next")).unwrap();
        };
        let link = |wired: &Self| {
            host.unlink(&wired.own).unwrap();
            host.link(&wired.own, LinkConfig::new()).unwrap();
        };
        let ask = |wired: &Self| {
            let reply = host.call(&wired.actors[0], "Forward", b"x").unwrap();
            assert_eq!(&reply[..], b"next: x");
        };
        [
            ("replacing a provider", self.least(replace)),
            ("replacing a provider of all actors", self.least(replace_all)),
            ("ending and making a link", self.least(link)),
            ("a call over the link", self.least(ask)),
            ("removing an actor", self.removals()),
        ]
    }
}

#[track_caller]
fn assert_alike(few: usize, actors: usize) {
    let [among_few, among_many] = [few, MANY].map(|links| Wired::new(links, actors).times());
    for ((what, short), (_, long)) in among_few.into_iter().zip(among_many) {
        let told = format!("{what}: {short:?} among {few} links, {long:?} among {MANY}");
        println!("{told}");
        assert!(long <= short.max(HARDLY) * AT_MOST, "{told}");
    }
}

#[test]
fn a_change_of_one_link_does_not_look_at_those_of_other_actors() {
    assert_alike(50, 50);
}

#[test]
fn a_change_of_one_link_hardly_looks_at_the_others_of_its_actor() {
    assert_alike(10, 1);
}
