//! Offers WASI preview 1 to guests whose language cannot do without it: a console, the time and random numbers, unless the host's
//! owner denies them. Everything else answers with an error number.
//!
//! Source: the WASI snapshot preview 1, `witx/wasi_snapshot_preview1.witx`, and the older `wasi_unstable`, which has the same
//! functions as far as they are carried out here.

mod console;
mod denied;

use wapc_engine::{Caller, GuestMemory, HostError, Imports};

pub(crate) use self::console::Console;
use crate::{
    Exit,
    abi::{read, write},
    exchange::Exchange,
    refusal::Refusal,
};

/// The module names: today's and the older one.
const MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// Error numbers, as the specification has them.
mod errno {
    pub(super) const SUCCESS: u32 = 0;
    pub(super) const BADF: u32 = 8;
    pub(super) const INVAL: u32 = 28;
    pub(super) const IO: u32 = 29;
    pub(super) const NOSYS: u32 = 52;
    pub(super) const SPIPE: u32 = 70;
}

/// The descriptors that a guest has: standard input, which is empty, and the two streams of the console.
const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

/// The most buffers that one write may name.
const BUFFERS: u32 = 1024;
/// The most bytes that one write takes; the guest is told how many they were, and writes the rest again.
const WRITE: usize = 64 * 1024;
/// The most random bytes that are given at once.
const RANDOM: u32 = 1 << 20;

/// All functions of the interface, under both of its names.
pub(crate) fn offer(imports: Imports<Exchange>) -> Imports<Exchange> {
    MODULES.into_iter().fold(imports, |imports, module| {
        let imports = offer_streams(imports, module);
        let imports = offer_process(imports, module);
        denied::offer(imports, module)
    })
}

fn offer_streams(imports: Imports<Exchange>, module: &str) -> Imports<Exchange> {
    imports
        .function(module, "fd_write", fd_write)
        .function(module, "fd_read", |mut caller, [fd, _, _, count]: [u32; 4]| match fd {
            STDIN => answer(&mut caller, "fd_read", count, &[0; 4]),
            _ => Ok(errno::BADF),
        })
        .function(module, "fd_close", |_, [fd]: [u32; 1]| Ok(of_stream(fd, errno::SUCCESS)))
        .function(module, "fd_seek", |_, (fd, _, _, _): (u32, u64, u32, u32)| Ok(of_stream(fd, errno::SPIPE)))
        .function(module, "fd_tell", |_, [fd, _]: [u32; 2]| Ok(of_stream(fd, errno::SPIPE)))
        .function(module, "fd_fdstat_get", fd_fdstat_get)
}

fn offer_process(imports: Imports<Exchange>, module: &str) -> Imports<Exchange> {
    imports
        .function(module, "args_get", |_, [_, _]: [u32; 2]| Ok(errno::SUCCESS))
        .function(module, "args_sizes_get", |caller, sizes| none(caller, "args_sizes_get", sizes))
        .function(module, "environ_get", |_, [_, _]: [u32; 2]| Ok(errno::SUCCESS))
        .function(module, "environ_sizes_get", |caller, sizes| none(caller, "environ_sizes_get", sizes))
        .function(module, "clock_time_get", clock_time_get)
        .function(module, "clock_res_get", clock_res_get)
        .function(module, "random_get", random_get)
        .function(module, "sched_yield", |_, []: [u32; 0]| Ok(errno::SUCCESS))
        .function(module, "proc_exit", |caller, [code]: [u32; 1]| -> Result<(), HostError> {
            if caller.data.is_starting() && code == 0 {
                return Err(wapc_engine::Leave.into());
            }
            Err(Refusal::Exited(Exit { code }).into())
        })
}

/// Writes to the console what `count` buffers at `buffers` hold, each of them an address and a length.
fn fd_write(
    mut caller: Caller<'_, Exchange>,
    [fd, buffers, count, written]: [u32; 4],
) -> Result<u32, HostError> {
    let stream = match fd {
        STDOUT => 0,
        STDERR => 1,
        _ => return Ok(errno::BADF),
    };
    if count > BUFFERS {
        return Ok(errno::INVAL);
    }
    // Every address is checked before anything is printed.
    read(&caller.memory, "fd_write", written, 4)?;
    let buffers = read(&caller.memory, "fd_write", buffers, count * 8)?.chunks_exact(8);
    for buffer in buffers.clone() {
        pointed_to(&caller.memory, buffer)?;
    }
    let mut room = WRITE;
    for buffer in buffers {
        let bytes = pointed_to(&caller.memory, buffer)?;
        let bytes = &bytes[..bytes.len().min(room)];
        caller.data.print(stream, bytes);
        room -= bytes.len();
    }
    let total = (WRITE - room) as u32;
    answer(&mut caller, "fd_write", written, &total.to_le_bytes())
}

/// The bytes of one buffer, which is given as an address and a length.
fn pointed_to<'a>(memory: &'a GuestMemory<'_>, buffer: &[u8]) -> Result<&'a [u8], HostError> {
    let (pointer, length) = buffer.split_at(4);
    read(memory, "fd_write", number(pointer), number(length))
}

/// A stream is a character device that can be read or written, and not rewound.
fn fd_fdstat_get(mut caller: Caller<'_, Exchange>, [fd, status]: [u32; 2]) -> Result<u32, HostError> {
    const CHARACTER_DEVICE: u8 = 2;
    const MAY_READ: u8 = 1 << 1;
    const MAY_WRITE: u8 = 1 << 6;
    let rights = match fd {
        STDIN => MAY_READ,
        STDOUT | STDERR => MAY_WRITE,
        _ => return Ok(errno::BADF),
    };
    let mut bytes = [0; 24];
    bytes[0] = CHARACTER_DEVICE;
    bytes[8] = rights;
    answer(&mut caller, "fd_fdstat_get", status, &bytes)
}

fn clock_time_get(
    mut caller: Caller<'_, Exchange>,
    (clock, _precision, time): (u32, u64, u32),
) -> Result<u32, HostError> {
    const REALTIME: u32 = 0;
    const MONOTONIC: u32 = 1;
    let now = match (&caller.data.system().clock, clock) {
        (None, _) => return Ok(errno::NOSYS),
        (Some(source), REALTIME) => source.realtime(),
        (Some(source), MONOTONIC) => source.monotonic(),
        (Some(_), _) => return Ok(errno::INVAL),
    };
    answer(&mut caller, "clock_time_get", time, &now.to_le_bytes())
}

/// A nanosecond, whatever the clock.
fn clock_res_get(mut caller: Caller<'_, Exchange>, [clock, resolution]: [u32; 2]) -> Result<u32, HostError> {
    match (&caller.data.system().clock, clock) {
        (None, _) => Ok(errno::NOSYS),
        (Some(_), 0 | 1) => answer(&mut caller, "clock_res_get", resolution, &1_u64.to_le_bytes()),
        (Some(_), _) => Ok(errno::INVAL),
    }
}

fn random_get(mut caller: Caller<'_, Exchange>, [pointer, length]: [u32; 2]) -> Result<u32, HostError> {
    let Some(random) = caller.data.random() else {
        return Ok(errno::NOSYS);
    };
    if length > RANDOM {
        return Ok(errno::INVAL);
    }
    // The whole range is checked before any of it is written.
    read(&caller.memory, "random_get", pointer, length)?;
    let mut bytes = vec![0; length as usize];
    match random(&mut bytes) {
        Ok(()) => answer(&mut caller, "random_get", pointer, &bytes),
        Err(_) => Ok(errno::IO),
    }
}

/// No arguments, or no environment: their number and the bytes that they take.
fn none(mut caller: Caller<'_, Exchange>, import: &'static str, sizes: [u32; 2]) -> Result<u32, HostError> {
    for size in sizes {
        read(&caller.memory, import, size, 4)?;
    }
    for size in sizes {
        write(&mut caller.memory, import, size, &[0; 4])?;
    }
    Ok(errno::SUCCESS)
}

fn answer(
    caller: &mut Caller<'_, Exchange>,
    import: &'static str,
    pointer: u32,
    bytes: &[u8],
) -> Result<u32, HostError> {
    write(&mut caller.memory, import, pointer, bytes)?;
    Ok(errno::SUCCESS)
}

fn of_stream(fd: u32, answer: u32) -> u32 {
    if fd <= STDERR { answer } else { errno::BADF }
}

/// A number as the guest lays it out: the lowest byte comes first.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
