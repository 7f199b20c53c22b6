//! Lets an actor in: its module is verified, compiled, started once and recorded.

use std::sync::Arc;

use bytes::Bytes;
use capability_claims::{Label, VerifiedModule};
use capability_provider::ActorId;
use wapc_host::{WapcHost, WapcHostBuilder};

use crate::{
    actors::{actor::Actor, generation::Prepared, names, system::OwnSystem},
    calls::router::Router,
    changes::management::Of,
    error::Error,
    options::AddOptions,
    shared::Shared,
    steps::step,
    trust::{remembered::Succeeds, rights::Rights},
};

impl Shared {
    /// The first half of the road that every module takes, new or replacing: its token is verified.
    pub(crate) fn admit(
        &self,
        wasm: Bytes,
        chain: Option<&[String]>,
    ) -> Result<(ActorId, VerifiedModule), Error> {
        // Hashing a large module takes its time, which a change of policy does not wait for.
        let verified = self
            .policy
            .trust()
            .verify(wasm.clone(), chain, self.policy.now())
            .map_err(|source| Error::Refused { module: Label::read(&wasm), source: Box::new(source) })?;
        let key = verified.claims().subject().to_string();
        let id = ActorId::new(&key).expect("the subject of a verified module is a module's key");
        Ok((id, verified))
    }

    /// The second half: it is compiled and started once, so that what cannot run is refused here.
    pub(crate) fn start(self: &Arc<Self>, actor: &Actor, module: &VerifiedModule) -> Result<Prepared, Error> {
        let (claims, provenance) = (module.claims().clone(), module.provenance().clone());
        let rights = Rights::begin(claims, actor.id.clone(), self.policy.clock(), Arc::clone(&self.audit));
        let rights = self.policy.enrol(rights);
        let router = Router::new(actor, Arc::clone(&rights), self);
        step("starts the module");
        // Without its token, so that the cache of compiled modules knows the code again whoever signed it, and when.
        let guest = self
            .guest(&module.code(), &actor.system)
            .and_then(|guest| guest.handler(router).build())
            .map_err(|source| match rights.asked_early() {
                Some(asked) => calls_while_starting(&actor.id, module, asked, source),
                None => cannot_run(&actor.id, module, source),
            })?;
        Ok(Prepared { rights, provenance, guest })
    }

    /// As [`admit`](Self::admit), and what else can be told of a module without running any of it.
    pub(crate) fn check_module(&self, wasm: Bytes, options: &AddOptions) -> Result<VerifiedModule, Error> {
        let (id, module) = self.admit(wasm, options.chain.as_deref())?;
        self.refuse_known(&id)?;
        self.succeeds(&id, module.claims(), module.provenance(), options)?;
        let checked = self.guest(&module.code(), &options.system).and_then(|guest| guest.check());
        checked.map_err(|source| cannot_run(&id, &module, source))?;
        Ok(module)
    }

    fn guest(&self, wasm: &[u8], own: &OwnSystem) -> Result<WapcHostBuilder, wapc_host::Error> {
        let module = self.engine.compile(wasm)?;
        let limits = &self.limits;
        let mut builder = self
            .system
            .with(own)
            .give(WapcHost::builder(&module))
            .deadline(limits.call_deadline)
            .max_depth(limits.max_call_depth);
        if let Some(instances) = limits.max_instances {
            builder = builder.max_instances(instances);
        }
        if let Some(wait) = limits.max_wait {
            builder = builder.max_wait(wait);
        }
        if let Some(bytes) = limits.memory_limit {
            builder = builder.memory_limit(bytes);
        }
        if let Some(bytes) = limits.payload_limit {
            builder = builder.payload_limit(bytes).reply_limit(bytes);
        }
        Ok(builder)
    }

    pub(crate) fn add_actor(self: &Arc<Self>, wasm: Bytes, options: &AddOptions) -> Result<ActorId, Error> {
        let loaded = self.load(wasm.clone(), options);
        loaded.inspect_err(|error| self.audit.refused(&wasm, false, error, self.policy.now()))
    }

    fn load(self: &Arc<Self>, wasm: Bytes, options: &AddOptions) -> Result<ActorId, Error> {
        let (id, module) = self.admit(wasm, options.chain.as_deref())?;
        self.refuse_known(&id)?;
        self.succeeds(&id, module.claims(), module.provenance(), options)?;
        let actor = Arc::new(Actor::new(id.clone(), options.system.clone()));
        // Compiling takes its time, so it is done before the turn is taken.
        let first = self.start(&actor, &module)?;
        step("takes the turn");
        let _turn = self.turn(Of::Actor(id.clone()))?;
        let _changing = self.changing()?;
        self.refuse_known(&id)?;
        let now = self.policy.now();
        first.rights.could_be_admitted(now)?;
        let Succeeds { place, succession, below } =
            self.succeeds(&id, module.claims(), &first.provenance, options)?;
        step("records the load");
        let handover = succession.map(|succession| succession.by);
        self.audit.loaded(&first, below, handover, &options.system.texts(), now)?;
        // The policy may have become another over the record; then the refusal follows it in the log.
        let succession = first.rights.admit(place.as_ref(), now)?;
        step("remembers the revision and can be found");
        self.remember(&first.rights, below, succession)?;
        actor.switch(Some(first.numbered(1, succession)));
        self.actors.insert(actor);
        Ok(id)
    }

    fn refuse_known(&self, id: &ActorId) -> Result<(), Error> {
        match self.actors.find(id.as_str()).and_then(|actor| actor.current()) {
            Some(_) => Err(Error::ActorExists { actor: id.clone() }),
            None => Ok(()),
        }
    }
}

fn calls_while_starting(
    actor: &ActorId,
    module: &VerifiedModule,
    asked: &str,
    source: wapc_host::Error,
) -> Error {
    let (name, capability) = (names::of(module.claims()), asked.to_owned());
    Error::CallsWhileStarting { actor: actor.clone(), name, capability, source: Box::new(source) }
}

fn cannot_run(actor: &ActorId, module: &VerifiedModule, source: wapc_host::Error) -> Error {
    Error::CannotRun { actor: actor.clone(), name: names::of(module.claims()), source: Box::new(source) }
}
