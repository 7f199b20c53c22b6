//! Puts three layers of this program around every call of a signed actor that uses a provider, which is tier 3: one times, one refuses, one rewrites.
//! `host-core` is the only library that it needs.
#![forbid(unsafe_code)]

use std::{
    collections::BTreeMap,
    error::Error as StdError,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use host_core::{
    Bytes, Call, CapabilityCall, CapabilityId, Error, Host, KeyKind, KeyPair, Layer, LinkConfig, LinkKey,
    Next, Provider, ProviderError, Reply, Target, TrustPolicy,
    claims::{ClaimsBuilder, sign_module},
    provider::ActorHandle,
};

/// What the provider provides.
const CAPITALS: &str = "example:capitals";

/// Sends whatever it gets to the provider, and answers with its reply or its error.
const FORWARDER: &str = r#"(module
    (import "wapc" "__guest_request" (func $request (param i32 i32)))
    (import "wapc" "__guest_response" (func $response (param i32 i32)))
    (import "wapc" "__guest_error" (func $error (param i32 i32)))
    (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wapc" "__host_response_len" (func $reply_length (result i32)))
    (import "wapc" "__host_response" (func $reply (param i32)))
    (import "wapc" "__host_error_len" (func $failure_length (result i32)))
    (import "wapc" "__host_error" (func $failure (param i32)))
    (memory (export "memory") 4)
    (data (i32.const 0) "example:capitals") (data (i32.const 32) "Write")
    (func (export "__guest_call") (param $operation i32) (param $length i32) (result i32)
      (call $request (i32.const 64) (i32.const 1024))
      (if (result i32) (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 16)
            (i32.const 32) (i32.const 5) (i32.const 1024) (local.get $length))
        (then (call $reply (i32.const 131072))
              (call $response (i32.const 131072) (call $reply_length)) (i32.const 1))
        (else (call $failure (i32.const 131072))
              (call $error (i32.const 131072) (call $failure_length)) (i32.const 0)))))"#;

/// A provider that writes in capitals.
struct Capitals;

impl Provider for Capitals {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new(CAPITALS).expect("a literal without white space")
    }

    fn name(&self) -> &str {
        "capitals"
    }

    fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
        Ok(())
    }

    fn unlink(&self, _: &LinkKey) {}

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        Ok(call.payload.to_ascii_uppercase().into())
    }
}

/// How often each target was called, and how long that took together.
#[derive(Clone, Default)]
struct Timing(Arc<Mutex<BTreeMap<String, (u32, Duration)>>>);

impl Layer for Timing {
    fn call(&self, call: &Call<'_>, next: Next<'_>) -> Result<Bytes, Error> {
        let began = Instant::now();
        let reply = next.run(call);
        let name = match call.target {
            Target::Provider { capability, link } => format!("{capability} (link `{link}`)"),
            _ => format!("actor: {}", call.operation),
        };
        let mut times = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (count, time) = times.entry(name).or_default();
        *count += 1;
        *time += began.elapsed();
        reply
    }
}

/// Refuses what is not for strangers, before it leaves the actor.
struct Deny;

impl Layer for Deny {
    fn call(&self, call: &Call<'_>, next: Next<'_>) -> Result<Bytes, Error> {
        match call.target {
            Target::Provider { .. } if call.payload.starts_with(b"secret") => {
                Err(Error::Denied { layer: "deny", reason: "the payload begins with `secret`".to_owned() })
            }
            _ => next.run(call),
        }
    }
}

/// Replaces a word in what actors send.
struct Rewrite;

impl Layer for Rewrite {
    fn call(&self, call: &Call<'_>, next: Next<'_>) -> Result<Bytes, Error> {
        match call.target {
            Target::Provider { .. } => {
                let text = String::from_utf8_lossy(call.payload).replace("cat", "dog");
                next.run(&call.with_payload(text.as_bytes()))
            }
            _ => next.run(call),
        }
    }
}

fn main() -> Result<(), Box<dyn StdError>> {
    let account = KeyPair::generate(KeyKind::Account)?;
    let module = KeyPair::generate(KeyKind::Module)?;
    let claims = ClaimsBuilder::new(module.public_key()).name("forwarder").capability(CAPITALS);
    let signed = sign_module(&wat::parse_str(FORWARDER)?, &claims, &account)?;

    let timing = Timing::default();
    let trust = TrustPolicy::nobody().account(account.public_key());
    let host = Host::builder().trust(trust).layer(timing.clone()).layer(Deny).layer(Rewrite).build()?;
    host.provide(Capitals)?;
    let forwarder = host.actor(signed).link(CAPITALS).start()?;

    for payload in ["a cat and a dog", "secret: a cat"] {
        match forwarder.call("Forward", payload).timeout(Duration::from_secs(1)).wait() {
            Ok(reply) => println!("{payload:?} -> {:?}", String::from_utf8_lossy(&reply)),
            Err(error) => println!("{payload:?} -> {:?}, {}", error.kind(), error),
        }
    }
    let times = timing.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for (target, (count, time)) in &*times {
        println!("{target}: {count} calls in {time:?}");
    }
    Ok(())
}
