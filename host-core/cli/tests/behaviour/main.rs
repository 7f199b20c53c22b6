//! The command line from outside: what it prints, where, and with which status it ends.

mod audit;
mod audit_show;
mod call;
mod cancelled;
mod chain;
mod check;
mod durable;
mod durations;
mod inspect;
mod invoke;
mod keys;
mod manifest;
#[cfg(target_os = "linux")]
mod memory;
mod new_actor;
mod odd_places;
mod operator_tokens;
mod outputs;
mod pipes;
mod policy;
mod readme;
mod reload;
mod revisions;
mod rotation;
mod run;
mod run_trust;
mod running;
mod secrets;
mod seeds;
mod seeds_anywhere;
mod sign;
mod signed_policies;
#[cfg(unix)]
mod strange_names;
mod support;
mod usage;
mod verify;
mod whole_library;
