//! Runs `wascc chain embed`, which puts a chain into a module that is to be signed.

use std::{fmt, path::PathBuf};

use capability_claims::Chain;
use clap::Args;
use serde::Serialize;
use untrusted_text::{Shown, ShownOf};

use super::link::LinkView;
use crate::{error::CliError, file, out_file, output::Output, trust};

/// Put the tokens between an operator and an account into a module, before this account signs it
///
/// A chain and a token that the module had are gone then. OUT may be IN; it is written whole or not at all.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The module, .wasm or .wat; - reads standard input
    input: PathBuf,

    /// Where the module with the chain goes
    out: PathBuf,

    /// The account's token, after the operator's own if there is one: the tokens, or files that hold them
    #[arg(required = true, value_name = "TOKEN")]
    tokens: Vec<String>,
}

pub(crate) fn embed(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let tokens = trust::tokens(&arguments.tokens)?;
    let chain = Chain::new(tokens.iter().map(String::as_str))?;
    let wasm = file::read_wasm(&arguments.input)?;
    let with_chain = chain.embed(&wasm).map_err(CliError::refused(&arguments.input))?;
    let beside = out_file::write(&arguments.out, &with_chain)?;
    let operator = chain.operator().map(LinkView::new);
    let links = operator.into_iter().chain([LinkView::new(chain.account())]).collect();
    output.show_beside(beside, &Embedded { file: arguments.out.display().to_string(), links, chain })
}

#[derive(Serialize)]
struct Embedded {
    file: String,
    links: Vec<LinkView>,
    #[serde(skip)]
    chain: Chain,
}

impl fmt::Display for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.chain.account();
        let name = Shown::new(account.name().unwrap_or("unnamed account"));
        let (file, key, operator) = (ShownOf(&self.file), account.account(), account.operator());
        write!(
            f,
            "{file} carries the word of {operator} for \"{name}\" ({key}); have this account sign it next"
        )
    }
}
