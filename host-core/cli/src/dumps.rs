//! Keeps what this process has in memory out of core dumps.

/// Has the system write no image of this process's memory anywhere from here on, however the process ends, and keeps other processes
/// of the same user from reading it.
pub(crate) fn forbid() {
    if let Err(error) = system::forbid() {
        log::warn!("a core dump of this program may have secrets in it, for it cannot be forbidden: {error}");
    }
}

#[cfg(unix)]
mod system {
    use std::io;

    use nix::sys::resource::{Resource, setrlimit};

    pub(super) fn forbid() -> io::Result<()> {
        // Linux gives dumps to a program where its administrator says so, and then does not look at this limit.
        #[cfg(target_os = "linux")]
        nix::sys::prctl::set_dumpable(false)?;
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        Ok(())
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    pub(super) fn forbid() -> io::Result<()> {
        Ok(())
    }
}
