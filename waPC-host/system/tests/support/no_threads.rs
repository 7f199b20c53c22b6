//! A process whose user may have no more threads.

/// From here on this process is given no other thread. The system asks that of users without privileges only, so it is one of those from then on.
pub(crate) fn no_more_threads() {
    let none = libc::rlimit { rlim_cur: 1, rlim_max: 1 };
    // SAFETY: the limit is read only, and the identity is that of this process alone.
    unsafe {
        assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &raw const none), 0);
        if libc::geteuid() == 0 {
            // As whoever owns nothing (`nobody`); what the system tells of the process stays readable.
            assert_eq!(libc::setuid(65_534), 0);
            assert_eq!(libc::prctl(libc::PR_SET_DUMPABLE, 1), 0);
        }
    }
}
