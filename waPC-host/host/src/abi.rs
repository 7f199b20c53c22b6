//! Offers the functions that a guest may import, and names the exports by which it is entered.
//!
//! One file for each family of functions: the protocol's own, and what the languages of guests bring along.

mod assemblyscript;
mod wapc;

use wapc_engine::{GuestMemory, HostError, Imports};

use crate::{Violation, exchange::Exchange, refusal::Refusal, wasi};

/// The export through which a guest is called.
pub(crate) const GUEST_CALL: &str = "__guest_call";
/// The exports that are called once for each new instance, in this order, where a guest has them.
pub(crate) const START: [&str; 3] = ["_start", "_initialize", "wapc_init"];

/// Everything that a guest may import.
pub(crate) fn imports() -> Imports<Exchange> {
    wasi::offer(assemblyscript::offer(wapc::offer(Imports::new())))
}

/// Bytes that the guest passed to `import`.
#[inline]
pub(crate) fn read<'a>(
    memory: &'a GuestMemory<'_>,
    import: &'static str,
    pointer: u32,
    length: u32,
) -> Result<&'a [u8], HostError> {
    memory.read(pointer, length).map_err(|fault| Refusal::Broken(Violation::Memory { import, fault }).into())
}

/// Answers the guest that called `import` with bytes.
#[inline]
pub(crate) fn write(
    memory: &mut GuestMemory<'_>,
    import: &'static str,
    pointer: u32,
    bytes: &[u8],
) -> Result<(), HostError> {
    memory.write(pointer, bytes).map_err(|fault| Refusal::Broken(Violation::Memory { import, fault }).into())
}
