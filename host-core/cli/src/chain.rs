//! Runs `wascc chain`: on whose authority a module was signed.

mod embed;
mod issue;
mod link;
mod show;

use clap::Subcommand;

use crate::{error::CliError, output::Output};

/// Issue, embed and check the tokens that lead from an operator over an account to a module
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Issue(issue::Arguments),
    Embed(embed::Arguments),
    Show(show::Arguments),
}

pub(crate) fn chain(command: &Command, output: &Output) -> Result<(), CliError> {
    match command {
        Command::Issue(arguments) => issue::issue(arguments, output),
        Command::Embed(arguments) => embed::embed(arguments, output),
        Command::Show(arguments) => show::show(arguments, output),
    }
}
