//! Signs the modules of the demonstration, and keeps the keys that they are signed with.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, PublicKey, TrustPolicy, sign_module};
use capability_contracts::{http_server, keyvalue, logging};

use crate::error::Error;

const V1: &[u8] = include_bytes!("../../guests/modules/kv-counter.wasm");
const V2: &[u8] = include_bytes!("../../guests/modules/kv-counter-v2.wasm");

/// Both versions of the counter, signed by one account for one module key.
pub(crate) struct Modules {
    pub(crate) v1: Vec<u8>,
    pub(crate) v2: Vec<u8>,
    account: PublicKey,
}

impl Modules {
    /// Signs the modules in `directory` (or those that were built in) with the keys in `keys` (or new ones).
    pub(crate) fn prepare(directory: Option<&Path>, keys: Option<&Path>) -> Result<Self, Error> {
        let account = key(keys, "account.nk", KeyKind::Account)?;
        let module = key(keys, "module.nk", KeyKind::Module)?.public_key();
        let v1 = wasm(directory, "kv-counter.wasm", V1)?;
        let v2 = wasm(directory, "kv-counter-v2.wasm", V2)?;
        Ok(Self {
            v1: sign_module(&v1, &claims(module, 1), &account)?,
            v2: sign_module(&v2, &claims(module, 2), &account)?,
            account: account.public_key(),
        })
    }

    /// Trust in the account that signed the modules, and in nobody else.
    pub(crate) fn trust(&self) -> TrustPolicy {
        TrustPolicy::nobody().account(self.account)
    }
}

fn claims(module: PublicKey, revision: i32) -> ClaimsBuilder {
    ClaimsBuilder::new(module)
        .name("kv-counter")
        .revision(revision)
        .version(format!("{revision}.0.0"))
        .capability(http_server::CAPABILITY)
        .capability(keyvalue::CAPABILITY)
        .capability(logging::CAPABILITY)
        .tag("demonstration")
}

fn wasm(directory: Option<&Path>, name: &str, built_in: &[u8]) -> Result<Vec<u8>, Error> {
    match directory {
        None => Ok(built_in.to_vec()),
        Some(directory) => read(&directory.join(name)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// The key in a file of the directory, which is made (for its owner alone) where it is missing.
fn key(directory: Option<&Path>, name: &str, kind: KeyKind) -> Result<KeyPair, Error> {
    let Some(directory) = directory else {
        return Ok(KeyPair::generate(kind)?);
    };
    let path = directory.join(name);
    if !path.exists() {
        let pair = KeyPair::generate(kind)?;
        keep(directory, &path, &pair).map_err(|source| Error::Write { path, source })?;
        return Ok(pair);
    }
    let seed = fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let pair = KeyPair::from_seed(&seed).and_then(|pair| pair.of_kind(kind, "demonstration's"));
    pair.map_err(|source| Error::Key { path, source: Box::new(source) })
}

fn keep(directory: &Path, path: &PathBuf, pair: &KeyPair) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    // A temporary file is its owner's alone from the beginning.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(pair.seed().as_bytes())?;
    file.persist_noclobber(path)?;
    Ok(())
}
