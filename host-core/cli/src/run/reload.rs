//! Reads again, at a signal, what a running host was made of: its policy, and then its modules.

use host_core::Host;

use crate::{
    error::CliError,
    manifest::Source,
    output::Output,
    run::{
        module::{Loaded, Module},
        plan::Plan,
        report::{Reloaded, Swapped},
    },
    trust::PolicyFile,
};

/// Puts the policy that is in its file now in the place of the one that holds, and each module that has changed in the place of the one
/// that serves. Nothing that is refused stops a host that serves: it is told, and what was before goes on.
pub(super) fn reload(source: &Source, plan: &mut Plan, host: &Host, loaded: &mut [Loaded], output: &Output) {
    if let Some(policy) = &mut plan.policy
        && let Err(error) = policy_again(policy, host, output)
    {
        // Nor do modules change under a policy that was to go.
        return output.error(&error);
    }
    for (actor, loaded) in plan.actors.iter().zip(loaded) {
        let swapped = Module::read(source, actor).and_then(|module| {
            if module.seen() == loaded.seen {
                return Ok(());
            }
            let report = module.replace(host, loaded).map_err(source.at(actor.file.span()))?;
            output.show(&Swapped::new(&source.resolve(actor.file.get_ref()), report))
        });
        if let Err(error) = swapped {
            output.error(&error);
        }
    }
}

fn policy_again(file: &mut PolicyFile, host: &Host, output: &Output) -> Result<(), CliError> {
    let read = file.read().inspect_err(|error| host.policy_unreadable(&error.to_string()));
    let (policy, doubt) = read?;
    if let Some(doubt) = doubt {
        output.warn(&doubt);
    }
    // What tightens is not held up by the disk of a ledger: it is remembered afterwards. Where that fails the next run would take an
    // older policy, which is told, whatever became of the change; the next signal tries again.
    let replaced = host.replace_policy(policy);
    if let Err(error) = file.remember() {
        output.error(&error);
    }
    output.show(&Reloaded::new(file.path(), replaced?))
}
