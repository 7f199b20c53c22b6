//! Changes a signed module: what still verifies has the code, the claims and the chain of the module that was signed.
//!
//! Nothing but the written width of sizes may differ, which no engine sees and the hash leaves out on purpose.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use bytes::Bytes;
use capability_claims::{TrustPolicy, VerifiedModule, inspect, sign_module};
use capability_fuzz::{Frames, NOW, Name, Payload, Piece, Pieces, cast};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Alteration {
    chained: bool,
    changes: Vec<Change>,
}

/// One thing that somebody without the account's key can do. Places are taken modulo what there is.
#[derive(Debug, Arbitrary)]
enum Change {
    Flip { at: u16, bit: u8 },
    Overwrite { at: u16, bytes: Vec<u8> },
    Insert { at: u16, bytes: Vec<u8> },
    Remove { at: u16, count: u8 },
    Truncate { at: u16 },
    Move { from: u8, to: u8 },
    Repeat { from: u8, to: u8 },
    Widen { section: u8, padding: u8 },
    Add { at: u8, piece: Piece },
    Exchange { from: u8, to: u8 },
    SignAnew,
}

struct Original {
    signed: Vec<u8>,
    verified: VerifiedModule,
}

static PLAIN: LazyLock<Original> = LazyLock::new(|| original(&module()));
static CHAINED: LazyLock<Original> =
    LazyLock::new(|| original(&cast().chain.embed(&module()).expect("the module is whole")));

fuzz_target!(|alteration: Alteration| {
    let original = if alteration.chained { &*CHAINED } else { &*PLAIN };
    let mut wasm = original.signed.clone();
    alteration.changes.iter().take(16).for_each(|change| change.make(&mut wasm));
    let Ok(verified) = policy().verify(Bytes::copy_from_slice(&wasm), NOW) else { return };

    let frames = |code: &Bytes| Frames::read(code).expect("what verifies is whole").shortest();
    assert_eq!(frames(&verified.code()), frames(&original.verified.code()));
    assert_eq!(verified.claims(), original.verified.claims());
    assert_eq!(verified.provenance(), original.verified.provenance());
    assert_eq!(*verified.wasm(), wasm);
    assert!(inspect(&wasm).expect("what verifies can be looked at").holds());
});

fn policy() -> TrustPolicy {
    TrustPolicy::nobody().account(cast().account.public_key())
}

fn original(wasm: &[u8]) -> Original {
    let signed = sign_module(wasm, &cast().claims(), &cast().account).expect("the module is whole");
    let verified = policy().verify(Bytes::from(signed.clone()), NOW).expect("what was signed verifies");
    Original { signed, verified }
}

/// A module with sections of several kinds; one has its size written longer than need be.
fn module() -> Vec<u8> {
    let section = |id, padding, bytes: &[u8]| Piece {
        id,
        name: None,
        padding,
        payload: Payload::Bytes(bytes.to_vec()),
    };
    let pieces = vec![
        Piece::custom(Name::Other(b"first".to_vec()), b"before all others"),
        section(1, 0, &[1, 0x60, 0, 0]),
        section(3, 0, &[1, 0]),
        section(10, 2, &[1, 2, 0, 0x0b]),
        Piece::custom(Name::Other(b"producers".to_vec()), b"by hand"),
    ];
    Pieces { pieces, rest: Vec::new() }.write()
}

impl Change {
    fn make(&self, wasm: &mut Vec<u8>) {
        let place = |at: &u16| usize::from(*at) % (wasm.len() + 1);
        match self {
            Self::Flip { at, bit } => {
                let at = place(at);
                wasm.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (bit % 8));
            }
            Self::Overwrite { at, bytes } => {
                let at = place(at);
                wasm.iter_mut().skip(at).zip(bytes).for_each(|(old, new)| *old = *new);
            }
            Self::Insert { at, bytes } => {
                let at = place(at);
                wasm.splice(at..at, bytes.iter().copied());
            }
            Self::Remove { at, count } => {
                let at = place(at);
                wasm.drain(at..(at + usize::from(*count)).min(wasm.len()));
            }
            Self::Truncate { at } => wasm.truncate(place(at)),
            Self::SignAnew => {
                if let Ok(signed) = sign_module(wasm, &cast().claims(), &cast().stranger) {
                    *wasm = signed;
                }
            }
            whole => whole.among_sections(wasm),
        }
    }

    /// What is done to sections as a whole, in a module that is still whole.
    fn among_sections(&self, wasm: &mut Vec<u8>) {
        let Some(frames) = Frames::read(wasm) else { return };
        let mut sections: Vec<Vec<u8>> =
            frames.all.iter().map(|frame| wasm[frame.whole.clone()].to_vec()).collect();
        let bodies: Vec<_> = frames.all.iter().map(|frame| wasm[frame.body.clone()].to_vec()).collect();
        let count = sections.len();
        let place = |at: u8| usize::from(at) % count;
        match self {
            _ if count == 0 => {}
            Self::Move { from, to } => {
                let (from, to) = (place(*from), place(*to));
                let section = sections.remove(from);
                sections.insert(to, section);
            }
            Self::Repeat { from, to } => {
                let section = sections[place(*from)].clone();
                sections.insert(place(*to), section);
            }
            Self::Exchange { from, to } => sections.swap(place(*from), place(*to)),
            Self::Widen { section, padding } => {
                let at = place(*section);
                let payload = Payload::Bytes(bodies[at].clone());
                let mut wide = Vec::new();
                Piece { id: sections[at][0], name: None, padding: *padding, payload }.write(&mut wide);
                sections[at] = wide;
            }
            Self::Add { at, piece } => {
                let mut added = Vec::new();
                piece.write(&mut added);
                sections.insert(place(*at), added);
            }
            _ => {}
        }
        wasm.truncate(8);
        sections.iter().for_each(|section| wasm.extend(section));
    }
}
