//! The command line from outside: what it prints, where, and with which status it ends.

mod audit;
mod call;
mod chain;
mod inspect;
mod invoke;
mod keys;
mod manifest;
mod pipes;
mod policy;
mod readme;
mod run;
mod run_trust;
mod running;
mod secrets;
mod seeds;
mod sign;
mod support;
mod usage;
mod verify;
