//! Tells which limit of the system a process has met, as far as the system tells (`proc(5)`, `getrlimit(2)`).

use std::fmt;

/// A limit of the system that a process has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemLimit {
    /// What is limited.
    pub resource: SystemResource,
    /// How much of it the process had when it was refused more.
    pub used: u64,
    /// How much of it there may be.
    pub limit: u64,
}

/// Something of which a process may only have so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SystemResource {
    /// Addresses, in bytes, of which the processor has no more. Each instance with a memory reserves some 8 GiB of them.
    Addresses,
    /// Addresses, in bytes, as the owner of the process has limited them (`RLIMIT_AS`, `ulimit -v`).
    AddressesAllowed,
    /// Ranges of addresses that differ in what they are or in what may be done with them (`vm.max_map_count`). An instance needs about four.
    Mappings,
    /// Threads and processes of the user (`RLIMIT_NPROC`, `ulimit -u`, `kernel.threads-max`).
    Threads,
}

/// What the system refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// An instance, with all that is reserved for its memory.
    Instance,
    /// Compiled code, or the stack of a guest.
    Memory,
    /// A thread.
    Thread,
}

impl SystemLimit {
    /// The limit that a process has met when it was refused this, if it can be told: on Linux only.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn met(wanted: Wanted) -> Option<Self> {
        let threads = || (wanted == Wanted::Thread).then(linux::threads).flatten();
        linux::mappings().or_else(|| linux::addresses(wanted)).or_else(threads)
    }

    #[cfg(not(target_os = "linux"))]
    #[must_use]
    pub fn met(_: Wanted) -> Option<Self> {
        None
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn of_mappings() -> Option<Self> {
        linux::mappings()
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of_mappings() -> Option<Self> {
        None
    }
}

impl fmt::Display for SystemLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, used, limit } = self;
        match resource {
            SystemResource::Addresses => write!(
                f,
                "the process has {used} bytes of addresses of the {limit} that there are; hold fewer instances at once (each reserves some \
                 8 GiB), or release idle ones"
            ),
            SystemResource::AddressesAllowed => write!(
                f,
                "the process has {used} bytes of addresses and may have {limit} (RLIMIT_AS); raise that (`ulimit -v`), for an instance with a \
                 memory reserves some 8 GiB, or hold fewer instances at once"
            ),
            SystemResource::Mappings => write!(
                f,
                "the process has {used} mappings of memory and may have {limit}; raise `vm.max_map_count`, or hold fewer instances at once"
            ),
            SystemResource::Threads => write!(
                f,
                "the process has {used} threads, and all of its user may have {limit} (RLIMIT_NPROC, kernel.threads-max); raise that \
                 (`ulimit -u`), or use fewer threads"
            ),
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, io::Read};

    use super::{SystemLimit, SystemResource, Wanted};

    /// What one call may still need when it was refused, in mappings. Some of what it had was given back by then.
    const MAPPINGS: u64 = 128;
    /// The most that the addresses of a memory take, with what guards them.
    const INSTANCE: u64 = 9 << 30;
    /// As much as code, a stack of a guest or a thread may need at once.
    const MEMORY: u64 = 64 << 20;
    /// The addresses of a process, as the processors have them unless a program asks for more.
    const ADDRESSES: u64 = if cfg!(target_arch = "x86_64") { 1 << 47 } else { 1 << 48 };

    pub(super) fn mappings() -> Option<SystemLimit> {
        let limit = number("/proc/sys/vm/max_map_count")?;
        let mut buffer = vec![0; 1 << 16].into_boxed_slice();
        let mut file = fs::File::open("/proc/self/maps").ok()?;
        let mut used = 0;
        loop {
            match file.read(&mut buffer).ok()? {
                0 => break,
                read => used += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64,
            }
        }
        // The list has a page of the kernel that does not count.
        let met = SystemLimit { resource: SystemResource::Mappings, used: used.min(limit), limit };
        (used + MAPPINGS >= limit).then_some(met)
    }

    pub(super) fn addresses(wanted: Wanted) -> Option<SystemLimit> {
        let needed = if wanted == Wanted::Instance { INSTANCE } else { MEMORY };
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let used = field(&status, "VmSize:")? * 1024;
        if let Some(limit) = allowed("Max address space") {
            let met = SystemLimit { resource: SystemResource::AddressesAllowed, used, limit };
            return (used + needed > limit).then_some(met);
        }
        // Holes are left between what is reserved.
        let met = used + needed > ADDRESSES - ADDRESSES / 64;
        met.then_some(SystemLimit { resource: SystemResource::Addresses, used, limit: ADDRESSES })
    }

    /// A process that is refused a thread, and lacks neither mappings nor addresses, has too many threads.
    pub(super) fn threads() -> Option<SystemLimit> {
        let used = field(&fs::read_to_string("/proc/self/status").ok()?, "Threads:")?;
        let limit =
            number("/proc/sys/kernel/threads-max").into_iter().chain(allowed("Max processes")).min()?;
        Some(SystemLimit { resource: SystemResource::Threads, used, limit })
    }

    fn number(path: &str) -> Option<u64> {
        fs::read_to_string(path).ok()?.trim().parse().ok()
    }

    fn field(status: &str, name: &str) -> Option<u64> {
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse().ok()
    }

    /// The soft limit of this name; nothing where there is none.
    fn allowed(name: &str) -> Option<u64> {
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        let rest = limits.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse().ok()
    }
}
