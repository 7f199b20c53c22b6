//! `wascc run`: a host as a manifest describes it, until it is told to end.

mod assembly;
mod plan;
mod report;
mod signals;

use std::path::PathBuf;

use clap::Args;
use host_core::Host;

use crate::{
    deciding::Places,
    error::CliError,
    limits::CacheDir,
    manifest::Source,
    output::Output,
    run::{
        assembly::Assembly,
        plan::Plan,
        report::{Checked, Ready, Reloaded},
        signals::{Signal, Signals},
    },
    trust::PolicyFile,
};

/// Run the host that a manifest describes, until SIGINT or SIGTERM
///
/// Requests in flight are finished within the drain deadline; a second signal ends the program at once. When the manifest names a
/// policy, SIGHUP reads it again, and from then on it holds.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The manifest, such as host.toml; paths in it are relative to it
    manifest: PathBuf,

    /// Check the manifest, verify and compile its modules, and end. No provider is connected and no port opened
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    cache: CacheDir,

    #[command(flatten)]
    places: Places,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let files = arguments.places.settle(output);
    let source = Source::read(&arguments.manifest, files)?;
    let mut plan = Plan::new(&source, files)?;
    if let Some(doubt) = &plan.doubt {
        output.warn(doubt);
    }
    let assembly = Assembly::load(&source, &plan, arguments.cache.given(), !arguments.check)?;
    if arguments.check {
        return output.show(&Checked::new(&arguments.manifest, &assembly, &plan));
    }
    let mut signals = Signals::expect(plan.policy.is_some()).map_err(CliError::Signals)?;
    assembly.connect(&source, &plan)?;
    output.show(&Ready::new(&assembly, plan.policy.as_ref().map(PolicyFile::path)))?;
    while signals.next() == Signal::Reload {
        let Some(policy) = &mut plan.policy else { break };
        // A policy that cannot be read must not end a host that serves; the one before holds on.
        if let Err(error) = reload(policy, assembly.host(), output) {
            output.error(&error);
        }
    }
    log::info!("shutting down");
    assembly.host().shutdown();
    Ok(())
}

/// Puts the policy that is in the file now in the place of the one that holds.
fn reload(file: &mut PolicyFile, host: &Host, output: &Output) -> Result<(), CliError> {
    let read = file.read().inspect_err(|error| host.policy_unreadable(&error.to_string()));
    let (policy, doubt) = read?;
    if let Some(doubt) = doubt {
        output.warn(&doubt);
    }
    let report = host.replace_policy(policy)?;
    output.show(&Reloaded::new(file.path(), report))
}
