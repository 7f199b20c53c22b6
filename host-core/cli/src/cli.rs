//! Reads the command line.

use std::{env, process::ExitCode};

use clap::{Parser, Subcommand};
use env_logger::Env;
use untrusted_text::Shown;

use crate::{
    audit, build, call, chain,
    error::CliError,
    inspect, invoke, keys, new,
    output::{Output, Usage},
    policy, run, seed, sign, verify,
};

/// Actors write lines through the logging capability (`actor::...`) and through their console (`wascc::actor`).
const RUN_LOG: &str = "warn,actor=info,wascc::actor=info";
const OTHER_LOG: &str = "warn";

/// The environment variable that sets what is logged.
const LOG: &str = "RUST_LOG";

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
    New(new::Arguments),
    Build(build::Arguments),
    Run(run::Arguments),
}

impl Cli {
    /// Reads the command line. When there is nothing to execute, for it is wrong or asks for help, says so and returns the
    /// exit status.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        // Whether JSON was asked for cannot be read from a command line that does not parse.
        let output = Output::new(env::args_os().any(|argument| argument == "--json"));
        if env::args_os().skip(1).any(|argument| seed::is_in(argument.as_encoded_bytes())) {
            return Err(output.failure(&CliError::SeedAsArgument));
        }
        Self::try_parse_from(invoke::with_negative_numbers(env::args_os())).map_err(|error| {
            if error.use_stderr() {
                // Not printed by the parser, which repeats what was typed, whatever it is.
                return output.usage(&Usage { message: Self::told(&error) });
            }
            // Nobody is left to tell when this cannot be printed.
            let _ = error.print();
            ExitCode::SUCCESS
        })
    }

    /// What is wrong with the command line. It quotes arguments, which may be what strangers call their files, so it is the text for
    /// arguments that are fit to be shown.
    fn told(error: &clap::Error) -> String {
        let shown = env::args_os().map(|given| Shown::words(&given.to_string_lossy()).to_string().into());
        match Self::try_parse_from(invoke::with_negative_numbers(shown)) {
            Err(shown) if shown.use_stderr() => shown.render().to_string(),
            _ => Shown::words(&error.render().to_string()).to_string(),
        }
    }

    /// Starts to log to standard error.
    pub(crate) fn start_log(&self) {
        let filter = if matches!(self.command, Command::Run(_)) { RUN_LOG } else { OTHER_LOG };
        let mut builder = if env::var_os(LOG).is_some_and(|wanted| seed::is_in(wanted.as_encoded_bytes())) {
            // A text that is not a filter would be repeated.
            let mut builder = env_logger::Builder::new();
            builder.parse_filters(filter);
            builder
        } else {
            env_logger::Builder::from_env(Env::default().default_filter_or(filter))
        };
        // There is no other logger in this process, so this cannot fail.
        let _ = builder.try_init();
    }
}

impl Command {
    /// Whether the seeds of keys pass through the memory of this process.
    pub(crate) fn handles_seeds(&self) -> bool {
        matches!(
            self,
            Self::Keys(_) | Self::Sign(_) | Self::Chain(_) | Self::Policy(_) | Self::New(_) | Self::Build(_)
        )
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
            Self::New(arguments) => new::new(arguments, output),
            Self::Build(arguments) => build::build(arguments, output),
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
