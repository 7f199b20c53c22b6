//! Asks the system which pages of a memory were written to, and has it keep, drop, open and close
//! pages.
//!
//! All of it is there on Linux alone. What the system cannot do is told by `None` or `false`, and
//! changes nothing.

use std::ops::Range;

#[cfg(target_os = "linux")]
pub(crate) use self::linux::{Original, close, drop_content, faults_of_thread, keep_small, open, written};
#[cfg(not(target_os = "linux"))]
pub(crate) use self::other::{Original, close, drop_content, faults_of_thread, keep_small, open, written};

/// The addresses of whole pages.
pub(crate) type Addresses = Range<usize>;

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        ffi::c_int,
        fs::File,
        io,
        os::{
            fd::{AsRawFd, FromRawFd},
            unix::fs::FileExt,
        },
        process,
        ptr::{self, NonNull},
        slice,
        sync::{
            OnceLock,
            atomic::{AtomicBool, Ordering::Relaxed},
        },
    };

    use super::Addresses;

    /// Of Linux 6.13.
    const MADV_GUARD_INSTALL: c_int = 102;
    /// Of Linux 6.13.
    const MADV_GUARD_REMOVE: c_int = 103;
    /// Of Linux 6.7.
    const PAGEMAP_SCAN: libc::Ioctl = libc::_IOWR::<Scan>(b'f' as u32, 16);

    const PAGE_IS_FILE: u64 = 1 << 2;
    const PAGE_IS_PRESENT: u64 = 1 << 3;
    const PAGE_IS_SWAPPED: u64 = 1 << 4;
    const PAGE_IS_PFNZERO: u64 = 1 << 5;

    /// Whether pages were ever closed by their protection, for want of guards.
    static PROTECTS: AtomicBool = AtomicBool::new(false);

    /// So many ranges are asked for at once.
    const RANGES: usize = 64;

    /// `struct pm_scan_arg`.
    #[repr(C)]
    #[derive(Default)]
    struct Scan {
        size: u64,
        flags: u64,
        start: u64,
        end: u64,
        walk_end: u64,
        vec: u64,
        vec_len: u64,
        max_pages: u64,
        category_inverted: u64,
        category_mask: u64,
        category_anyof_mask: u64,
        return_mask: u64,
    }

    /// `struct page_region`.
    #[repr(C)]
    #[derive(Default, Clone, Copy)]
    struct Region {
        start: u64,
        end: u64,
        categories: u64,
    }

    /// How many page faults this thread has had.
    #[inline]
    pub(crate) fn faults_of_thread() -> Option<u64> {
        // SAFETY: all zeros are a value of the type, and the system writes to nothing else.
        let (done, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            (libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage), usage)
        };
        (done == 0).then(|| usage.ru_minflt.cast_unsigned().wrapping_add(usage.ru_majflt.cast_unsigned()))
    }

    /// Adds to `found` the pages that were written to since they were mapped, whether they are in
    /// memory or swapped out. False when the system does not tell; what was found is to be
    /// forgotten then.
    pub(crate) fn written(pages: Addresses, found: &mut Vec<Addresses>) -> bool {
        let Some(pagemap) = pagemap() else { return false };
        let mut regions = [Region::default(); RANGES];
        let mut start = pages.start as u64;
        let end = pages.end as u64;
        while start < end {
            let mut scan = Scan {
                size: size_of::<Scan>() as u64,
                start,
                end,
                vec: regions.as_mut_ptr() as u64,
                vec_len: RANGES as u64,
                category_inverted: PAGE_IS_FILE | PAGE_IS_PFNZERO,
                category_mask: PAGE_IS_FILE | PAGE_IS_PFNZERO,
                category_anyof_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
                return_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
                ..Scan::default()
            };
            // SAFETY: the system writes to the value, and to as many regions as it says there are.
            let count = unsafe { libc::ioctl(pagemap.as_raw_fd(), PAGEMAP_SCAN, &raw mut scan) };
            let Some(regions) = usize::try_from(count).ok().and_then(|count| regions.get(..count)) else {
                return false;
            };
            found.extend(regions.iter().map(|region| region.start as usize..region.end as usize));
            if scan.walk_end <= start {
                return false;
            }
            start = scan.walk_end;
        }
        true
    }

    /// What the system tells about this process's pages. Not there in a process that was forked off
    /// the one that asked first: the file tells of that one's pages.
    fn pagemap() -> Option<&'static File> {
        static PAGEMAP: OnceLock<(u32, io::Result<File>)> = OnceLock::new();
        let (owner, file) = PAGEMAP.get_or_init(|| (process::id(), File::open("/proc/self/pagemap")));
        file.as_ref().ok().filter(|_| *owner == process::id())
    }

    /// Has pages never be part of huge ones, which the system makes of pages that nobody touched.
    ///
    /// # Safety
    /// The pages must be mapped.
    pub(crate) unsafe fn keep_small(pages: &Addresses) -> bool {
        // A system without huge pages does not know the advice.
        // SAFETY: the caller vouches for it.
        let is_taken = unsafe { advise(pages, libc::MADV_NOHUGEPAGE) };
        is_taken || io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL)
    }

    /// Has pages be what they were when they were mapped.
    ///
    /// # Safety
    /// The pages must be mapped for this process alone, and nothing may refer to their content.
    pub(crate) unsafe fn drop_content(pages: &Addresses) -> bool {
        // SAFETY: the caller vouches for it.
        unsafe { advise(pages, libc::MADV_DONTNEED) }
    }

    /// Drops the content of pages, and has any access to them fault until they are [opened](open).
    ///
    /// # Safety
    /// As for [`drop_content`]; the pages must be mapped without a file.
    pub(crate) unsafe fn close(pages: &Addresses) -> bool {
        // SAFETY: the caller vouches for both ways.
        unsafe { advise(pages, MADV_GUARD_INSTALL) || close_by_protection(pages) }
    }

    /// Closes pages where the system has no guards, which threads have to wait for one another for.
    ///
    /// # Safety
    /// As for [`close`].
    pub(super) unsafe fn close_by_protection(pages: &Addresses) -> bool {
        PROTECTS.store(true, Relaxed);
        // SAFETY: the caller vouches for both.
        unsafe { drop_content(pages) && protect(pages, libc::PROT_NONE) }
    }

    /// Has pages that were [closed](close) be accessible again, all zeros.
    ///
    /// # Safety
    /// The pages must have been closed.
    pub(crate) unsafe fn open(pages: &Addresses) -> bool {
        // Each does nothing to pages that were closed in the other way.
        // SAFETY: the caller vouches for both ways.
        unsafe {
            let has_guards_removed = advise(pages, MADV_GUARD_REMOVE);
            match PROTECTS.load(Relaxed) {
                false => has_guards_removed,
                true => protect(pages, libc::PROT_READ | libc::PROT_WRITE),
            }
        }
    }

    unsafe fn advise(pages: &Addresses, advice: c_int) -> bool {
        pages.is_empty()
            // SAFETY: the caller vouches for what the advice does.
            || unsafe { libc::madvise(pages.start as *mut _, pages.len(), advice) } == 0
    }

    unsafe fn protect(pages: &Addresses, protection: c_int) -> bool {
        pages.is_empty()
            // SAFETY: the caller vouches for it.
            || unsafe { libc::mprotect(pages.start as *mut _, pages.len(), protection) } == 0
    }

    /// What pages held at one moment, which nothing can change. They are mapped over it: pages that
    /// are not written to take no memory of their own.
    #[derive(Debug)]
    pub(crate) struct Original {
        view: NonNull<u8>,
        length: usize,
    }

    // SAFETY: the view is only read, and belongs to the value.
    unsafe impl Send for Original {}
    // SAFETY: as above.
    unsafe impl Sync for Original {}

    impl Original {
        /// Keeps what `pages` hold, and maps them over it. `blocks` are the parts of them that are
        /// not all zeros. `None`, with the pages as they were, when there is no room.
        ///
        /// # Safety
        /// The pages must be mapped for this process alone, all that is in them be readable, and
        /// nothing refer to their content.
        pub(crate) unsafe fn keep(pages: &Addresses, blocks: &[Addresses]) -> Option<Self> {
            let length = pages.len();
            if !may_have(length) {
                return None;
            }
            // SAFETY: the name ends with a zero.
            let file = unsafe { libc::memfd_create(c"wasm".as_ptr(), libc::MFD_CLOEXEC) };
            if file < 0 {
                return None;
            }
            // SAFETY: it was opened just now.
            let file = unsafe { File::from_raw_fd(file) };
            file.set_len(length as u64).ok()?;
            for block in blocks {
                // SAFETY: the caller vouches for what is in the pages.
                let bytes = unsafe { slice::from_raw_parts(block.start as *const u8, block.len()) };
                file.write_all_at(bytes, (block.start - pages.start) as u64).ok()?;
            }
            // SAFETY: a new mapping, which nothing refers to.
            let view = unsafe { map(ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, &file) }?;
            let original = Self { view, length };
            let (flags, writable) = (libc::MAP_PRIVATE | libc::MAP_FIXED, libc::PROT_READ | libc::PROT_WRITE);
            // SAFETY: the caller vouches that nothing refers to the content, which is the same behind it.
            unsafe { map(pages.start as *mut _, length, writable, flags, &file) }?;
            Some(original)
        }

        /// The bytes.
        pub(crate) fn bytes(&self) -> &[u8] {
            // SAFETY: the view is as long, and nothing writes to the file behind it: the mapping over
            // it is private, and the file is closed.
            unsafe { slice::from_raw_parts(self.view.as_ptr(), self.length) }
        }
    }

    impl Drop for Original {
        fn drop(&mut self) {
            // SAFETY: the view belongs to the value, and nothing refers to it any more.
            unsafe { libc::munmap(self.view.as_ptr().cast(), self.length) };
        }
    }

    /// Whether the process may have a file of this size: asking for a larger one would end it.
    fn may_have(length: usize) -> bool {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the system writes to the value alone.
        let known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } == 0;
        known && length as u64 <= limit.rlim_cur
    }

    /// # Safety
    /// With `MAP_FIXED`, nothing may refer to what is at `at`.
    unsafe fn map(
        at: *mut libc::c_void,
        length: usize,
        protection: c_int,
        flags: c_int,
        file: &File,
    ) -> Option<NonNull<u8>> {
        // SAFETY: the caller vouches for the address.
        let mapped = unsafe { libc::mmap(at, length, protection, flags, file.as_raw_fd(), 0) };
        if mapped == libc::MAP_FAILED { None } else { NonNull::new(mapped.cast()) }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::Addresses;

    pub(crate) fn faults_of_thread() -> Option<u64> {
        None
    }

    pub(crate) fn written(_: Addresses, _: &mut Vec<Addresses>) -> bool {
        false
    }

    pub(crate) unsafe fn keep_small(_: &Addresses) -> bool {
        false
    }

    pub(crate) unsafe fn drop_content(_: &Addresses) -> bool {
        false
    }

    pub(crate) unsafe fn close(_: &Addresses) -> bool {
        false
    }

    pub(crate) unsafe fn open(_: &Addresses) -> bool {
        false
    }

    #[derive(Debug)]
    pub(crate) struct Original(std::convert::Infallible);

    impl Original {
        pub(crate) unsafe fn keep(_: &Addresses, _: &[Addresses]) -> Option<Self> {
            None
        }

        pub(crate) fn bytes(&self) -> &[u8] {
            match self.0 {}
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{linux::*, *};

    /// So many pages of 64 KiB, none of which was touched.
    struct Memory(*mut u8, usize);

    impl Memory {
        fn new(pages: usize) -> Self {
            let (access, flags) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            // SAFETY: a new mapping.
            let mapped = unsafe { libc::mmap(std::ptr::null_mut(), pages << 16, access, flags, -1, 0) };
            assert_ne!(mapped, libc::MAP_FAILED);
            let memory = Self(mapped.cast(), pages << 16);
            // SAFETY: the pages were mapped just now.
            assert!(unsafe { keep_small(&memory.all()) });
            memory
        }

        fn all(&self) -> Addresses {
            self.part(0, self.1)
        }

        fn part(&self, start: usize, end: usize) -> Addresses {
            self.0 as usize + start..self.0 as usize + end
        }

        fn bytes(&mut self) -> &mut [u8] {
            // SAFETY: the mapping belongs to the value.
            unsafe { std::slice::from_raw_parts_mut(self.0, self.1) }
        }

        /// What was written to, in bytes.
        fn written(&self) -> usize {
            let mut found = Vec::new();
            assert!(written(self.all(), &mut found));
            found.iter().map(ExactSizeIterator::len).sum()
        }
    }

    impl Drop for Memory {
        fn drop(&mut self) {
            // SAFETY: the mapping belongs to the value.
            unsafe { libc::munmap(self.0.cast(), self.1) };
        }
    }

    #[test]
    fn what_is_written_to_is_told_and_what_is_only_read_is_not() {
        let mut memory = Memory::new(40);
        assert_eq!(memory.written(), 0);
        assert_eq!(memory.bytes().iter().map(|byte| u64::from(*byte)).sum::<u64>(), 0);
        assert_eq!(memory.written(), 0);
        // More ranges than are asked for at once.
        for block in memory.bytes().chunks_mut(4096).step_by(3) {
            block[7] = 1;
        }
        let blocks = (40_usize << 16).div_ceil(3 * 4096);
        assert!(blocks > 100);
        assert_eq!(memory.written(), blocks * 4096);
        // SAFETY: nothing refers to the content.
        assert!(unsafe { drop_content(&memory.all()) });
        assert_eq!(memory.written(), 0);
    }

    #[test]
    fn the_first_write_to_a_page_is_a_fault_and_the_second_is_none() {
        let mut memory = Memory::new(1);
        let mut write = |at: usize| {
            let before = faults_of_thread().unwrap();
            memory.bytes()[at] = 1;
            faults_of_thread().unwrap() - before
        };
        assert_eq!([write(0), write(0), write(1), write(4096), write(4097)], [1, 0, 0, 1, 0]);
    }

    #[test]
    fn an_original_lies_behind_what_is_written() {
        let mut memory = Memory::new(4);
        memory.bytes()[70_000..70_003].copy_from_slice(b"abc");
        let (mapped, block) = (memory.part(0, 2 << 16), memory.part(69_632, 69_632 + 4096));
        // SAFETY: nothing refers to the content.
        let original = unsafe { Original::keep(&mapped, std::slice::from_ref(&block)) }.unwrap();
        assert_eq!(original.bytes().len(), 2 << 16);
        assert_eq!(memory.written(), 0);
        assert_eq!(memory.bytes()[70_000..70_003], *b"abc");
        memory.bytes()[70_000] = b'x';
        memory.bytes()[3 << 16] = b'y';
        assert_eq!(memory.written(), 2 * 4096);
        assert_eq!(original.bytes()[70_000..70_003], *b"abc");
        // SAFETY: as above.
        assert!(unsafe { drop_content(&memory.all()) });
        assert_eq!((memory.bytes()[70_000], memory.bytes()[3 << 16]), (b'a', 0));
    }

    #[test]
    fn pages_that_were_closed_are_zeros_when_they_are_opened() {
        for protects in [false, true] {
            let mut memory = Memory::new(2);
            let end = memory.part(1 << 16, 2 << 16);
            for _ in 0..3 {
                memory.bytes().fill(1);
                // SAFETY: nothing refers to the content.
                unsafe {
                    assert!(if protects { close_by_protection(&end) } else { close(&end) });
                    assert!(open(&end));
                }
                assert!(memory.bytes()[..1 << 16].iter().all(|byte| *byte == 1));
                assert!(memory.bytes()[1 << 16..].iter().all(|byte| *byte == 0));
            }
        }
    }
}
