//! Prepares guest stacks, with a reserve at their end.
//!
//! Compiled code calls runtime functions on the guest stack: to make a trap, to grow a table, to
//! get to a host function. Such a function may hold a lock of the whole process, so a stack
//! overflow must never throw it away. The last part of each stack is therefore a *reserve*, which
//! cannot be written to. A guest that touches it has overrun its stack, and ends. A runtime
//! function that touches it is given the reserve and goes on; the guest ends when it returns.
//!
//! ```text
//!   low addresses                                                                  high addresses
//!   │ guard page │ page │   reserve: 64 KiB   │          the guest's: 1 MiB            │ entry
//!                       └ the mark: write-protected by us
//! ```
//!
//! wasmer keeps stacks and hands them to any thread. The mark at the end of the reserve says that a
//! stack is prepared, so that a call only has to read it.

use std::{
    cell::Cell,
    sync::atomic::{
        AtomicBool, AtomicUsize,
        Ordering::{Relaxed, SeqCst},
        compiler_fence,
    },
};

thread_local! {
    /// Whether a host function runs on a guest stack, where no guest can be entered.
    static ON_GUEST_STACK: Cell<bool> = const { Cell::new(false) };
}

/// How much of its stack a guest may use, in bytes.
const GUEST: usize = 1 << 20;
/// How much of the guest's part must be left for a host function to run on it, in bytes.
const SHORT: usize = 256 << 10;
/// What is kept for runtime functions, in bytes; a multiple of any page's size.
const RESERVE: usize = 64 << 10;
/// Whether the processor's state can be read when a fault comes, which is needed to tell the
/// guest's code from runtime functions.
const HAS_RESERVE: bool =
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));

/// The size of the stacks that are asked of wasmer, in bytes. The page more keeps the reserve clear
/// of a guard page wherever wasmer counts that in.
pub(crate) const SIZE: usize = if HAS_RESERVE { GUEST + RESERVE + LARGEST_PAGE } else { GUEST };
/// The size of the largest pages that the systems with a reserve use, in bytes.
const LARGEST_PAGE: usize = if cfg!(target_arch = "x86_64") { 4 << 10 } else { 64 << 10 };

/// Where an address lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// In the reserve of the stack that the run is on.
    Reserve,
    /// Beyond the reserve: nothing is left.
    Beyond,
    /// Nowhere near.
    Elsewhere,
}

/// A stack could not be prepared: the system's error code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unprepared(pub(crate) i32);

/// The stack that the runs of one instance are on. Written and read by the thread of the run, also
/// in its signal handlers.
#[derive(Debug)]
pub(crate) struct GuestStack {
    /// The address down to which host functions may begin on the guest stack, which grows
    /// downwards. None may before the first run.
    floor: AtomicUsize,
    /// The lowest address of the reserve, or zero.
    reserve: AtomicUsize,
    /// Whether a runtime function needed the reserve in the run that is under way.
    open: AtomicBool,
}

impl GuestStack {
    pub(crate) fn new() -> Self {
        Self {
            floor: AtomicUsize::new(usize::MAX),
            reserve: AtomicUsize::new(0),
            open: AtomicBool::new(false),
        }
    }

    /// Prepares the stack that this runs on.
    ///
    /// # Safety
    /// Only first of all at the bottom of a guest stack of at least [`SIZE`].
    #[inline]
    pub(crate) unsafe fn prepare(&self) -> Result<(), Unprepared> {
        // What lies between here and the stack's beginning is less than a page.
        let base = page::round_up(stack_pointer());
        self.floor.store(base.saturating_sub(GUEST - SHORT), Relaxed);
        if !HAS_RESERVE {
            return Ok(());
        }
        let reserve = base - GUEST - RESERVE;
        self.reserve.store(reserve, Relaxed);
        self.open.store(false, Relaxed);
        compiler_fence(SeqCst);
        // SAFETY: the reserve lies in the stack that this runs on, as the caller vouches, far below
        // what is in use.
        unsafe { if mark::is_at(reserve) { Ok(()) } else { close(reserve) } }
    }

    /// Whether there is room for a host function. Called on the guest stack.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        cfg!(unix) && stack_pointer() > self.floor.load(Relaxed)
    }

    /// Whether a runtime function needed the reserve, so that the run must end.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }

    /// Called from a signal handler on the thread of the run, so it neither allocates nor locks.
    pub(crate) fn zone(&self, address: usize) -> Zone {
        match self.reserve.load(Relaxed) {
            0 => Zone::Elsewhere,
            reserve if (reserve..reserve + RESERVE).contains(&address) => Zone::Reserve,
            reserve if (reserve - 2 * LARGEST_PAGE..reserve).contains(&address) => Zone::Beyond,
            _ => Zone::Elsewhere,
        }
    }

    /// Gives the reserve to the function that the thread is in; the run is to end as soon as that
    /// returns. False when the system does not allow it.
    ///
    /// # Safety
    /// Only in a signal handler on the thread of the run that is under way on this stack.
    pub(crate) unsafe fn open(&self) -> bool {
        let reserve = self.reserve.load(Relaxed);
        // SAFETY: the stack of the run lives, for the thread is on it, and nothing but it uses this
        // part.
        let opened = unsafe { protect::writable(reserve, RESERVE, true) }.is_ok();
        if opened {
            // SAFETY: as above, and it can be written to now.
            unsafe { mark::remove(reserve) };
            self.open.store(true, Relaxed);
        }
        opened
    }
}

/// Runs a host function on the guest stack.
#[inline]
pub(crate) fn run_on_guest_stack<R>(function: impl FnOnce() -> R) -> R {
    ON_GUEST_STACK.set(true);
    let result = function();
    ON_GUEST_STACK.set(false);
    result
}

/// Whether a host function runs on a guest stack on this thread.
#[inline]
pub(crate) fn is_on_guest_stack() -> bool {
    ON_GUEST_STACK.get()
}

/// # Safety
/// The reserve must lie in a stack that the thread has for itself, in a part of it that is not in
/// use.
#[cold]
unsafe fn close(reserve: usize) -> Result<(), Unprepared> {
    // SAFETY: the caller vouches for the reserve. It is made writable first, for it may overlap
    // with one that was closed before.
    unsafe {
        protect::writable(reserve, RESERVE, true)?;
        mark::put(reserve);
        protect::writable(reserve, RESERVE, false)
    }
}

/// The address at which the stack that is in use ends at the moment.
#[inline(always)]
fn stack_pointer() -> usize {
    let address: usize;
    // A variable's address would not do: the address sanitizer keeps variables elsewhere.
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads a register.
    unsafe {
        std::arch::asm!("mov {}, rsp", out(reg) address, options(nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: reads a register.
    unsafe {
        std::arch::asm!("mov {}, sp", out(reg) address, options(nomem, nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let here = 0_u8;
        address = (&raw const here).addr();
    }
    address
}

mod page {
    /// The system's pages are of one size on x86-64.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn size() -> usize {
        super::LARGEST_PAGE
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[inline]
    fn size() -> usize {
        use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
        static SIZE: AtomicUsize = AtomicUsize::new(0);

        #[cold]
        fn ask() -> usize {
            #[cfg(unix)]
            // SAFETY: asks for a number.
            let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
            #[cfg(not(unix))]
            let size = 4096;
            let size = usize::try_from(size).unwrap_or(super::LARGEST_PAGE);
            SIZE.store(size, Relaxed);
            size
        }

        match SIZE.load(Relaxed) {
            0 => ask(),
            size => size,
        }
    }

    #[inline]
    pub(super) fn round_up(address: usize) -> usize {
        address.next_multiple_of(size())
    }
}

mod mark {
    use std::{
        hash::{BuildHasher, RandomState},
        ptr,
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
    };

    /// Nobody who writes to a stack can know the mark and pretend that its reserve is closed. Zero
    /// while nobody has chosen one.
    static SECRET: AtomicUsize = AtomicUsize::new(0);

    #[inline]
    fn of(reserve: usize) -> usize {
        let secret = match SECRET.load(Relaxed) {
            0 => choose(),
            secret => secret,
        };
        secret ^ reserve
    }

    /// Of several threads that choose at the same time, one decides for all.
    #[cold]
    fn choose() -> usize {
        let secret = RandomState::new().hash_one(0) as usize | 1;
        SECRET.compare_exchange(0, secret, Relaxed, Relaxed).map_or_else(|other| other, |_| secret)
    }

    /// # Safety
    /// The address must be that of a reserve in a live stack.
    #[inline]
    pub(super) unsafe fn is_at(reserve: usize) -> bool {
        // SAFETY: a reserve can always be read, and begins where a page does. Nobody else writes to
        // it.
        unsafe { ptr::with_exposed_provenance::<usize>(reserve).read_volatile() == of(reserve) }
    }

    /// # Safety
    /// The address must be that of a reserve in a live stack, which can be written to.
    pub(super) unsafe fn put(reserve: usize) {
        // SAFETY: as the caller says, and a page begins there.
        unsafe { ptr::with_exposed_provenance_mut::<usize>(reserve).write_volatile(of(reserve)) }
    }

    /// # Safety
    /// As for [`put`].
    pub(super) unsafe fn remove(reserve: usize) {
        // SAFETY: as the caller says, and a page begins there.
        unsafe { ptr::with_exposed_provenance_mut::<usize>(reserve).write_volatile(0) }
    }
}

mod protect {
    use super::Unprepared;

    /// # Safety
    /// The memory must be the caller's.
    #[cfg(unix)]
    pub(super) unsafe fn writable(address: usize, size: usize, writable: bool) -> Result<(), Unprepared> {
        let write = if writable { libc::PROT_WRITE } else { 0 };
        let start = std::ptr::with_exposed_provenance_mut(address);
        // SAFETY: the caller vouches for the memory.
        match unsafe { libc::mprotect(start, size, libc::PROT_READ | write) } {
            0 => Ok(()),
            _ => Err(Unprepared(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))),
        }
    }

    #[cfg(not(unix))]
    pub(super) unsafe fn writable(_: usize, _: usize, _: bool) -> Result<(), Unprepared> {
        Err(Unprepared(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_told_apart() {
        let stack = GuestStack::new();
        assert_eq!(stack.zone(0), Zone::Elsewhere);
        let reserve = 1 << 30;
        stack.reserve.store(reserve, Relaxed);
        for (address, zone) in [
            (reserve - 2 * LARGEST_PAGE - 1, Zone::Elsewhere),
            (reserve - 2 * LARGEST_PAGE, Zone::Beyond),
            (reserve - 1, Zone::Beyond),
            (reserve, Zone::Reserve),
            (reserve + RESERVE - 1, Zone::Reserve),
            (reserve + RESERVE, Zone::Elsewhere),
        ] {
            assert_eq!(stack.zone(address), zone, "{address:#x}");
        }
    }

    #[test]
    fn nothing_has_room_before_the_first_run() {
        assert!(!GuestStack::new().has_room());
    }
}
