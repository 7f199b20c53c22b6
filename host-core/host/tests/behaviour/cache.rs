//! Compiled modules are kept on disk, whoever signed them.

use crate::support::{World, echo, module_key};

#[test]
fn the_same_code_is_compiled_once_whoever_signed_it() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::with(|builder| builder.cache_dir(directory.path()));
    for name in ["first", "second"] {
        let actor =
            world.host.add_actor(world.sign(&echo(), &module_key(), |claims| claims.name(name))).unwrap();
        assert_eq!(&world.host.call(&actor, "op", b"kept").unwrap()[..], b"kept");
    }
    assert_eq!(world.host.status().actors.len(), 2);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}
