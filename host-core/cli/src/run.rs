//! Runs `wascc run`: a host as a manifest describes it, until it is told to end.

mod assembly;
mod module;
mod plan;
mod reload;
mod report;
mod signals;

use std::path::PathBuf;

use clap::Args;

use crate::{
    deciding::DecidingFiles,
    error::CliError,
    limits::CacheDir,
    manifest::Source,
    output::Output,
    run::{
        assembly::Assembly,
        plan::Plan,
        report::{Checked, Ready},
        signals::{Signal, Signals},
    },
    trust::PolicyFile,
};

/// Run the host that a manifest describes, until SIGINT or SIGTERM
///
/// Requests in flight are finished within the drain deadline; a second signal ends the program at once. When the manifest names a
/// policy, SIGHUP reads it and the modules again: the policy holds from then on, and modules that have changed take the place of those
/// that serve.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The manifest, such as host.toml; paths in it are relative to it
    manifest: PathBuf,

    /// Check the manifest, verify and compile its modules, and end. Nothing of a module runs, no provider is connected and no port
    /// opened
    #[arg(long)]
    check: bool,

    /// With --check: also start each module once, as a host does to let it in
    #[arg(long, requires = "check")]
    start: bool,

    #[command(flatten)]
    cache: CacheDir,

    #[command(flatten)]
    files: DecidingFiles,
}

/// What a host is put together for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To let its actors in, and to write down in the audit log that the plan names what happens.
    Serve,
    /// To find out whether it would let them in, as far as that can be told without running anything of them.
    Check,
    /// To find out whether they start, too. Nothing is written down.
    CheckStarts,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let files = arguments.files.settle(output);
    let source = Source::read(&arguments.manifest, files)?;
    let purpose = match arguments {
        Arguments { check: true, start: false, .. } => Purpose::Check,
        Arguments { check: true, start: true, .. } => Purpose::CheckStarts,
        _ => Purpose::Serve,
    };
    let mut plan = Plan::new(&source, files, purpose)?;
    if let Some(doubt) = &plan.doubt {
        output.warn(doubt);
    }
    let mut assembly = Assembly::load(&source, &plan, arguments.cache.given(), purpose)?;
    if arguments.check {
        return output.show(&Checked::new(&arguments.manifest, &assembly, &plan));
    }
    let mut signals = Signals::expect(plan.policy.is_some()).map_err(CliError::Signals)?;
    assembly.connect(&source, &plan)?;
    output.show(&Ready::new(&assembly, plan.policy.as_ref().map(PolicyFile::path)))?;
    while signals.next() == Signal::Reload {
        let (host, loaded) = assembly.loaded();
        reload::reload(&source, &mut plan, host, loaded, output);
    }
    log::info!("shutting down");
    assembly.host().shutdown();
    Ok(())
}
