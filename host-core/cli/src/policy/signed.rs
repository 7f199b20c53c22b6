//! Runs `wascc policy sign` and `verify`: who signed a policy, and whether it is whole.

use std::{fmt, path::PathBuf};

use capability_claims::{Moment, PolicyDocument, PublicKey, SignedPolicy};
use clap::Args;
use serde::Serialize;
use untrusted_text::ShownOf;

use crate::{deciding::DecidingFiles, error::CliError, file, out_file, output::Output, seed};

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The policy (TOML); a signature that it has is replaced
    policy: PathBuf,

    /// The seed of the account or operator that signs: a file; - reads standard input, env:NAME an environment variable
    #[arg(long, value_name = "SEED")]
    key: PathBuf,

    /// The serial number, which must grow with each policy: a host does not go back to a lower one
    #[arg(long)]
    serial: u64,

    /// Write the signed policy to this file; without it the policy itself is replaced
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    files: DecidingFiles,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The policy (TOML)
    policy: PathBuf,

    /// The public key of who must have signed it; without it the policy must say at its end that it is whole
    #[arg(long, value_name = "KEY")]
    signer: Option<String>,
}

pub(crate) fn sign(arguments: &Sign, output: &Output) -> Result<(), CliError> {
    file::refuse_stdin_twice([&arguments.policy, &arguments.key])?;
    let path = &arguments.policy;
    let files = arguments.files.settle(output);
    let key = seed::read(&arguments.key, files)?;
    let text = file::read_deciding_text(path, "policy", files)?;
    let signed = SignedPolicy::sign(&text, arguments.serial, &key).map_err(CliError::refused(path))?;
    let signer = key.public_key();
    drop(key);
    let to = arguments.out.as_ref().unwrap_or(path);
    if file::is_stdin(to) {
        return output.bytes(signed.as_bytes(), &View::of(path, &signed, Some(signer))?);
    }
    let beside = out_file::write(to, signed.as_bytes())?;
    output.show_beside(beside, &View::of(to, &signed, Some(signer))?)
}

pub(crate) fn verify(arguments: &Verify, output: &Output) -> Result<(), CliError> {
    let path = &arguments.policy;
    let signer = arguments.signer.as_deref().map(PublicKey::parse).transpose()?;
    let text = file::read_text(path, "policy")?;
    output.show(&View::of(path, &text, signer)?)
}

/// A policy that was found good.
#[derive(Serialize)]
struct View {
    file: String,
    entries: u64,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<PublicKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_at: Option<u64>,
}

impl View {
    fn of(path: &std::path::Path, text: &str, signer: Option<PublicKey>) -> Result<Self, CliError> {
        let refused = CliError::refused(path);
        let read = || match signer {
            Some(signer) => {
                let signed = SignedPolicy::verify(text, signer)?;
                Ok((signed.document, Some(signed.version.serial), Some(signed.issued_at)))
            }
            None => {
                let document = PolicyDocument::from_toml(text)?;
                document.is_whole().map(|()| (document, None, None))
            }
        };
        let view = read().and_then(|(document, serial, signed_at)| {
            let entries = document.entries();
            let sha256 = document.into_policy()?.hash().to_string();
            Ok(Self { file: path.display().to_string(), entries, sha256, signer, serial, signed_at })
        });
        view.map_err(refused)
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is whole: {} entries, SHA-256 {}", ShownOf(&self.file), self.entries, self.sha256)?;
        if let (Some(signer), Some(serial), Some(at)) = (self.signer, self.serial, self.signed_at) {
            write!(f, "\nsigned by {signer} at {}, serial {serial}", Moment(at))?;
        }
        Ok(())
    }
}
