//! Runs the suite for `wascc:keyvalue`.

mod client;
mod expiry;
mod lists;
mod refusals;
mod sets;
mod sharing;
mod texts;

use std::time::Duration;

use capability_provider::Provider;

use crate::Failure;

/// What one case says: nothing, or what is wrong.
type Verdict = Result<(), String>;

/// A case by its name.
type Case = (&'static str, fn(&dyn Provider) -> Verdict);

/// A case in which time passes.
type TimedCase = (&'static str, fn(&dyn Provider, &dyn Fn(Duration)) -> Verdict);

/// Runs the suite for `wascc:keyvalue`: one provider from `make` for each case, all on one store or each on its own, which
/// must be empty in the beginning. A link must understand the configuration value `prefix`.
///
/// # Panics
/// When a case does not pass; the message names all that did not, and what was expected.
#[track_caller]
pub fn keyvalue<P: Provider>(make: impl Fn() -> P) {
    report(&check_keyvalue(make));
}

/// Runs the same suite and returns the cases that did not pass.
pub fn check_keyvalue<P: Provider>(make: impl Fn() -> P) -> Vec<Failure> {
    [texts::CASES, lists::CASES, sets::CASES, refusals::CASES, sharing::CASES]
        .into_iter()
        .flatten()
        .filter_map(|(name, case)| verdict(name, case(&make())))
        .collect()
}

/// Runs the cases about expiry, which let time pass with `pass` instead of waiting for it: on a clock that the provider was
/// given, or in the store behind it.
///
/// # Panics
/// When a case does not pass; the message names all that did not, and what was expected.
#[track_caller]
pub fn keyvalue_expiry<P: Provider>(make: impl Fn() -> P, pass: impl Fn(Duration)) {
    let failures: Vec<_> =
        expiry::CASES.iter().filter_map(|(name, case)| verdict(name, case(&make(), &pass))).collect();
    report(&failures);
}

fn verdict(case: &'static str, verdict: Verdict) -> Option<Failure> {
    verdict.err().map(|reason| Failure { case, reason })
}

#[track_caller]
fn report(failures: &[Failure]) {
    let lines: Vec<_> = failures.iter().map(|failure| format!("\n  {failure}")).collect();
    assert!(failures.is_empty(), "{} cases did not pass:{}", failures.len(), lines.concat());
}
