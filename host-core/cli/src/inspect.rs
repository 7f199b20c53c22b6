//! Runs `wascc inspect`: what the token in a module says, and whether it is genuine.

use std::{fmt, path::PathBuf};

use capability_claims::{Clock, Inspection, SystemClock, inspect as look_at};
use clap::Args;
use serde::Serialize;

use crate::{claims_view::ClaimsView, error::CliError, file, output::Output, row::Row};

/// Show what the token in a module says, and whether signature and hash hold
///
/// Whether to trust the issuer is another question, which verify answers. A token that is not genuine is shown as well; the exit
/// status is 1 then.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The signed module; - reads standard input
    file: PathBuf,
}

pub(crate) fn inspect(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let path = &arguments.file;
    let wasm = file::read(path)?;
    let found = look_at(&wasm).map_err(CliError::module_refused(path, &wasm))?;
    output.show(&InspectionView::new(&found, SystemClock.now()))?;
    let (code, what) = match (found.signature, found.hash) {
        (true, true) => return Ok(()),
        (false, _) => ("forged", "its signature is not that of the issuer whom it names"),
        (true, false) => ("altered", "the module is not the one that was signed"),
    };
    Err(CliError::NotGenuine { path: path.clone(), code, what })
}

#[derive(Serialize)]
struct InspectionView<'a> {
    #[serde(flatten)]
    claims: ClaimsView<'a>,
    signature_holds: bool,
    hash_holds: bool,
}

impl<'a> InspectionView<'a> {
    fn new(found: &'a Inspection, now: u64) -> Self {
        Self {
            claims: ClaimsView::new(&found.claims, now),
            signature_holds: found.signature,
            hash_holds: found.hash,
        }
    }
}

impl fmt::Display for InspectionView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = if self.signature_holds { "holds" } else { "DOES NOT HOLD: it is not the issuer's" };
        let hash = if self.hash_holds { "holds" } else { "DOES NOT HOLD: the module was altered" };
        writeln!(f, "{}", self.claims)?;
        writeln!(f, "{}", Row("Signature check", signature))?;
        write!(f, "{}", Row("Hash check", hash))
    }
}
