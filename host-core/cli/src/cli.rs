//! What can be typed.

use std::{env, process::ExitCode};

use clap::{Parser, Subcommand};
use env_logger::Env;

use crate::{
    audit, call, chain,
    error::CliError,
    inspect, invoke, keys,
    output::{Output, Usage},
    policy, run, sign, verify,
};

/// Actors say things through the logging capability (`actor::...`) and through their console (`wascc::actor`).
const RUN_LOG: &str = "warn,actor=info,wascc::actor=info";
const OTHER_LOG: &str = "warn";

/// WebAssembly modules from numbers to signed actors: invoke, call, sign, verify, run, and prove what happened.
#[derive(Debug, Parser)]
#[command(name = "wascc", version, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 success, 1 failure or refusal, 2 wrong usage. RUST_LOG sets what is logged."
)]
pub(crate) struct Cli {
    /// Print JSON, one value a line; errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Invoke(invoke::Arguments),
    Call(call::Arguments),
    #[command(subcommand)]
    Keys(keys::Command),
    Sign(sign::Arguments),
    Inspect(inspect::Arguments),
    Verify(verify::Arguments),
    #[command(subcommand)]
    Chain(chain::Command),
    #[command(subcommand)]
    Policy(policy::Command),
    #[command(subcommand)]
    Audit(audit::Command),
    Run(run::Arguments),
}

impl Cli {
    /// Reads the command line. When there is nothing to execute, for it is wrong or asks for help, says so and returns the
    /// exit status.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        Self::try_parse_from(invoke::with_negative_numbers(env::args_os())).map_err(|error| {
            // Whether JSON was asked for cannot be read from a command line that does not parse.
            let json = env::args_os().any(|argument| argument == "--json");
            if error.use_stderr() {
                // Not printed by the parser, which repeats what was typed, whatever it is.
                return Output::new(json).usage(&Usage { message: error.render().to_string() });
            }
            // Nobody is left to tell when this cannot be printed.
            let _ = error.print();
            ExitCode::SUCCESS
        })
    }

    /// Starts to log to standard error.
    pub(crate) fn start_log(&self) {
        let filter = if matches!(self.command, Command::Run(_)) { RUN_LOG } else { OTHER_LOG };
        // There is no other logger in this process, so this cannot fail.
        let _ = env_logger::Builder::from_env(Env::default().default_filter_or(filter)).try_init();
    }
}

impl Command {
    /// Whether the seeds of keys pass through the memory of this process.
    pub(crate) fn handles_seeds(&self) -> bool {
        matches!(self, Self::Keys(_) | Self::Sign(_) | Self::Chain(_) | Self::Policy(_))
    }

    pub(crate) fn execute(&self, output: &Output) -> Result<(), CliError> {
        match self {
            Self::Invoke(arguments) => invoke::invoke(arguments, output),
            Self::Call(arguments) => call::call(arguments, output),
            Self::Keys(command) => keys::keys(command, output),
            Self::Sign(arguments) => sign::sign(arguments, output),
            Self::Inspect(arguments) => inspect::inspect(arguments, output),
            Self::Verify(arguments) => verify::verify(arguments, output),
            Self::Chain(command) => chain::chain(command, output),
            Self::Policy(command) => policy::policy(command, output),
            Self::Audit(command) => audit::audit(command, output),
            Self::Run(arguments) => run::run(arguments, output),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }
}
