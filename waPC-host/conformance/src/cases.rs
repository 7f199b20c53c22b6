//! Lists the cases that come with the suite.

use crate::{Error, GuestCase, HostCase};

macro_rules! files {
    ($folder:literal: $($name:literal)*) => {
        &[$(($name, include_str!(concat!("../cases/", $folder, "/", $name, ".toml")))),*]
    };
}

const HOSTS: &[(&str, &str)] = files!("hosts":
    "echo"
    "empty_reply"
    "returned_zero"
    "error"
    "error_beside_a_reply"
    "last_call_wins"
    "error_then_trap"
    "trap"
    "host_call"
    "host_call_fails"
    "nothing_left_over"
    "reentry"
    "console"
    "nothing_at_any_address"
    "request_outside_of_memory"
    "response_outside_of_memory"
    "host_call_outside_of_memory"
    "growing_memory"
    "no_memory"
    "endless_loop"
    "not_utf8_error"
    "not_utf8_names"
    "start_functions"
    "start_exits"
    "unknown_import"
    "older_host_calls"
    "older_modules"
    "assemblyscript_abort"
    "wasi_console"
    "wasi_denies"
);

const GUESTS: &[(&str, &str)] = files!("guests":
    "echo"
    "empty_payload"
    "large_payload"
    "unknown_operation"
    "odd_operations"
    "callback"
    "callback_with_nothing"
    "callback_fails"
    "callback_fails_without_words"
    "odd_status"
    "length_in_characters"
    "console"
    "fail"
    "after_a_failure"
    "memory_settles"
    "imports"
);

/// The cases for hosts.
///
/// # Errors
/// Those of [`HostCase::from_toml`]; a test shows that there are none.
pub fn host_cases() -> Result<Vec<HostCase>, Error> {
    HOSTS.iter().map(|(name, text)| HostCase::from_toml(name, text)).collect()
}

/// The cases for guests.
///
/// # Errors
/// Those of [`GuestCase::from_toml`]; a test shows that there are none.
pub fn guest_cases() -> Result<Vec<GuestCase>, Error> {
    GUESTS.iter().map(|(name, text)| GuestCase::from_toml(name, text)).collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// A case whose file is not named here would never run.
    #[test]
    fn every_file_is_a_case() {
        for (folder, cases) in [("hosts", HOSTS), ("guests", GUESTS)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(folder);
            let files: BTreeSet<_> = fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            assert_eq!(files, cases.iter().map(|(name, _)| (*name).to_owned()).collect());
        }
    }
}
