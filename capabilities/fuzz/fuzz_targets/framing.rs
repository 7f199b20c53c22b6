//! Reads the sections of any module, and checks what signing does to its bytes.
//!
//! A second reading of the same bytes says what must come out: which modules are whole, what is left without tokens and
//! chains, and what the hash is taken of. Signing gives a module that verifies, and stripping gives back what was signed.
#![no_main]

use bytes::Bytes;
use capability_claims::{Chain, ClaimsError, ModuleHash, TrustPolicy, extract, inspect, sign_module, strip};
use capability_fuzz::{Frames, NOW, Pieces, cast};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pieces: Pieces| {
    let wasm = pieces.write();
    match Frames::read(&wasm) {
        Some(frames) => whole(&wasm, &frames),
        None => broken(&wasm),
    }
});

fn broken(wasm: &[u8]) {
    let refused = |error: Option<ClaimsError>| matches!(error, Some(ClaimsError::MalformedModule { .. }));
    assert!(refused(strip(wasm).err()));
    assert!(refused(extract(wasm).err()));
    assert!(refused(inspect(wasm).err()));
    assert!(refused(ModuleHash::of(wasm).err()));
    assert!(refused(Chain::carried_by(wasm).err()));
    assert!(refused(Chain::remove_from(wasm).err()));
    assert!(refused(cast().chain.embed(wasm).err()));
    assert!(refused(sign_module(wasm, &cast().claims(), &cast().account).err()));
}

fn whole(wasm: &[u8], frames: &Frames<'_>) {
    let stripped = strip(wasm).expect("a module that is whole can be stripped");
    assert_eq!(stripped, frames.without(|frame| frames.is_token(frame)));
    assert_eq!(*ModuleHash::of(wasm).expect("and hashed").as_bytes(), frames.hash());
    let bare = Chain::remove_from(wasm).expect("and its chains can be removed");
    assert_eq!(bare, frames.without(|frame| frames.is_token(frame) || frames.is_chain(frame)));

    let tokens = frames.all.iter().filter(|frame| frames.is_token(frame)).count();
    match (extract(wasm), tokens) {
        (Err(ClaimsError::NotSigned), 0) | (Ok(_) | Err(ClaimsError::MalformedToken { .. }), 1) => {}
        (Err(ClaimsError::TokenTooLarge { .. }), 1) => {}
        (Err(ClaimsError::MultipleTokens { count }), _) if count == tokens => {}
        other => panic!("{other:?}"),
    }

    match sign_module(wasm, &cast().claims(), &cast().account) {
        Ok(signed) => holds(&signed, &stripped, &bare),
        Err(error) => assert!(frames.all.iter().any(|frame| frames.is_chain(frame)), "{error}"),
    }
    let embedded = cast().chain.embed(wasm).expect("a chain can be put into it");
    assert!(embedded.starts_with(&bare));
    let signed = sign_module(&embedded, &cast().claims(), &cast().account).expect("and be signed");
    holds(&signed, &embedded, &bare);
}

/// The module was signed by the trusted account: without the token it is `stripped`, and without a chain `bare`.
fn holds(signed: &[u8], stripped: &[u8], bare: &[u8]) {
    assert_eq!(strip(signed).as_deref(), Ok(stripped));
    assert_eq!(ModuleHash::of(signed), ModuleHash::of(stripped));
    let policy = TrustPolicy::nobody().account(cast().account.public_key());
    let verified = policy.verify(Bytes::copy_from_slice(signed), NOW).expect("what was signed verifies");
    assert_eq!(
        (verified.wasm(), verified.code()),
        (&Bytes::copy_from_slice(signed), Bytes::copy_from_slice(bare))
    );
    assert_eq!(verified.claims().hash(), ModuleHash::of(stripped).expect("it was hashed before"));
    assert!(inspect(signed).expect("what verifies can be looked at").holds());
    let again = sign_module(signed, &cast().claims(), &cast().account).expect("it can be signed again");
    assert_eq!(again, signed, "the same claims give the same token, in place of the first");
}
