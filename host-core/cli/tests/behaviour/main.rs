//! The command line from outside: what it prints, where, and with which status it ends.

mod call;
mod inspect;
mod invoke;
mod keys;
mod manifest;
mod pipes;
mod readme;
mod run;
mod sign;
mod support;
mod usage;
mod verify;
