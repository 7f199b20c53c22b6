//! `wascc run`: a host as a manifest describes it, until it is told to end.

mod assembly;
mod plan;
mod report;

use std::{path::PathBuf, process, sync::mpsc};

use clap::Args;

use crate::{
    error::CliError,
    limits::CacheDir,
    manifest::Source,
    output::Output,
    run::{
        assembly::Assembly,
        plan::Plan,
        report::{Checked, Ready},
    },
};

/// What the shell shows for a program that SIGINT ended (128 + SIGINT).
const INTERRUPTED: i32 = 130;

/// Run the host that a manifest describes, until SIGINT or SIGTERM
///
/// Requests in flight are finished within the drain deadline; a second signal ends the program at once.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The manifest, such as host.toml; paths in it are relative to it
    manifest: PathBuf,

    /// Check the manifest, verify and compile its modules, and end. No provider is connected and no port opened
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    cache: CacheDir,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let source = Source::read(&arguments.manifest)?;
    let plan = Plan::new(&source)?;
    let assembly = Assembly::load(&source, &plan, arguments.cache.given())?;
    if arguments.check {
        return output.show(&Checked::new(&arguments.manifest, &assembly, &plan));
    }
    let end = Ending::expect()?;
    assembly.connect(&source, &plan)?;
    output.show(&Ready::new(&assembly))?;
    end.wait();
    log::info!("shutting down");
    assembly.host().shutdown();
    Ok(())
}

/// The signal that ends the program.
struct Ending(mpsc::Receiver<()>);

impl Ending {
    /// From here on the first SIGINT, SIGTERM or SIGHUP is for [`wait`](Self::wait), the second one ends the program.
    fn expect() -> Result<Self, CliError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let mut sender = Some(sender);
        ctrlc::set_handler(move || match sender.take() {
            Some(sender) => drop(sender),
            None => process::exit(INTERRUPTED),
        })?;
        Ok(Self(receiver))
    }

    fn wait(&self) {
        // The sender is dropped by the first signal; nothing is ever sent.
        let _ = self.0.recv();
    }
}
