//! Runs the command line of waSCC, which has a command for each tier, from the bottom to the top.
//!
//! ```text
//!  invoke ─▶ numbers in, numbers out                  (wapc-engine)
//!  call   ─▶ bytes in, bytes out, in both directions  (wapc-host)
//!  keys, sign, inspect, verify, chain, policy ─▶ who made a module, on whose authority, and what it may use  (capability-claims)
//!  new, build ─▶ the folder of an actor, and its module, signed for development
//!  run    ─▶ signed actors behind capabilities        (host-core and the providers)
//!  audit  ─▶ what a host let in, refused and granted  (host-audit)
//! ```
//!
//! What a command found goes to standard output, everything else to standard error. With `--json` both are JSON, one
//! value a line.
#![forbid(unsafe_code)]

mod audit;
mod build;
mod bytes_view;
mod call;
mod chain;
mod claims_view;
mod cli;
mod code;
mod deciding;
mod dumps;
mod error;
mod file;
mod inspect;
mod invoke;
mod json;
mod keys;
mod lifetime;
mod limits;
mod manifest;
mod new;
mod out_file;
mod output;
mod policy;
mod project;
mod row;
mod run;
mod seed;
mod sign;
mod trust;
mod verify;

use std::process::ExitCode;

use crate::{cli::Cli, output::Output};

fn main() -> ExitCode {
    match Cli::read() {
        Ok(cli) => {
            let output = Output::new(cli.json);
            cli.start_log();
            if cli.command.handles_seeds() {
                dumps::forbid();
            }
            cli.command.execute(&output).map_or_else(|error| output.failure(&error), |()| ExitCode::SUCCESS)
        }
        Err(status) => status,
    }
}
