//! Offers what AssemblyScript's runtime imports from the module `env`.

use wapc_engine::{Caller, GuestMemory, HostError, Imports};

use super::read;
use crate::{Abort, exchange::Exchange, refusal::Refusal};

const ENV: &str = "env";
/// The longest text that is read, in bytes of UTF-16; the rest is cut off.
const TEXT: u32 = 64 * 1024;

pub(super) fn offer(imports: Imports<Exchange>) -> Imports<Exchange> {
    imports.function(ENV, "abort", abort).function(ENV, "trace", trace).function(ENV, "seed", seed)
}

/// Ends the call with the guest's message and its place in the source.
fn abort(caller: Caller<'_, Exchange>, [message, file, line, column]: [u32; 4]) -> Result<(), HostError> {
    let message = text(&caller.memory, "abort", message)?;
    let file = text(&caller.memory, "abort", file)?;
    Err(Refusal::Aborted(Abort { message, file, line, column }).into())
}

/// Prints a text and up to five numbers.
fn trace(
    caller: Caller<'_, Exchange>,
    (message, count, a, b, c, d, e): (u32, u32, f64, f64, f64, f64, f64),
) -> Result<(), HostError> {
    let message = text(&caller.memory, "trace", message)?.unwrap_or_default();
    let numbers: Vec<_> = [a, b, c, d, e].iter().take(count as usize).map(f64::to_string).collect();
    caller.data.console_log(format!("{message} {}", numbers.join(", ")).trim_end().as_bytes());
    Ok(())
}

/// A number in [0, 1) from which the guest makes its own random numbers. There is no way to tell it that there is none, and a
/// fixed one would be mistaken for a random one.
fn seed(caller: Caller<'_, Exchange>, []: [u32; 0]) -> Result<f64, HostError> {
    let Some(random) = caller.data.random() else {
        return Err(Refusal::Denied { import: "env.seed", setting: "random" }.into());
    };
    let mut bytes = [0; 8];
    random(&mut bytes)?;
    // A float has room for 53 bits.
    Ok((u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64)
}

/// A string as the runtime lays it out: UTF-16, with its length in bytes just before it. Address 0 stands for no string.
fn text(memory: &GuestMemory<'_>, import: &'static str, pointer: u32) -> Result<Option<String>, HostError> {
    if pointer == 0 {
        return Ok(None);
    }
    // An address of less than four wraps round to the end of what can be addressed, where no memory is.
    let length = read(memory, import, pointer.wrapping_sub(4), 4)?;
    let length = length.iter().rev().fold(0, |length: u32, byte| length << 8 | u32::from(*byte));
    let bytes = read(memory, import, pointer, length)?;
    let bytes = &bytes[..bytes.len().min(TEXT as usize)];
    let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    Ok(Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()))
}
