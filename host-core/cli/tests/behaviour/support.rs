//! A directory of its own for each test, the program in it, and keys that never change.

use std::{
    ffi::OsStr,
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use capability_claims::{ClaimsBuilder, KeyPair, sign_module};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const ACCOUNT_SEED: &str = "SAABU24PZRLEGQ3B72RFODWFDJIBIWBMN5DQSOTS5CVEOUCJFW4KHZOC7Q";
pub(crate) const STRANGER_SEED: &str = "SAAFAEQXJTRNOP7HCZMA5AIVBGEHSZNMDOOMVZIORX4RDIFM7MFYE3IRVY";
pub(crate) const MODULE_SEED: &str = "SMAAGYX5CAQ2WTGHWYGBD5SUSO6M4YCJ7EFYJ62DDMPMBJNLDYF2MQ5FDQ";
pub(crate) const OPERATOR_SEED: &str = "SOAJD2LQWVGG4MGLXAPRSWXM3VAZ6TMGGNYQI4SGQJ2MA5Y53NK5HFH2HI";
pub(crate) const ACCOUNT: &str = "AAVGZPUWJNPTKLS7KZNEKWMDZ2OOCZ7UAMVADZVA2P7J2XHOD5LNCHLZ";
pub(crate) const STRANGER: &str = "AAHH5XQUVJ3IW7DR3S23TXPJXL4TOHK6O6RRBG6M553VU7LEVJ5JTIUL";
pub(crate) const MODULE: &str = "MAWTZOX6RYV2OCU46C3VC6CPCFXTLS3EHQFBB6X56LXL7C7IKHUSV4QW";
pub(crate) const OPERATOR: &str = "OAUYRIB6DTLM3FTW63YYGFOVUJLWCQYRYZRF6V4KOFCSRUZO74DDHFY2";

/// The smallest module.
pub(crate) const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

/// A directory in which the program runs, so that what it prints has short names.
pub(crate) struct Directory(TempDir);

/// What the program did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Writes a seed as `keys generate --out` does.
    pub(crate) fn write_seed(&self, name: &str, seed: &str) {
        self.write(name, format!("{seed}\n"));
        #[cfg(unix)]
        self.set_mode(name, 0o600);
    }

    #[cfg(unix)]
    pub(crate) fn set_mode(&self, name: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The names of the files in it, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wascc"));
        command.args(arguments).current_dir(self.0.path()).env_remove("RUST_LOG").env_remove("WASCC_CACHE");
        command
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ran {
        self.run_with_input(arguments, b"")
    }

    pub(crate) fn run_with_input<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that does not read its input may have closed it.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        Ran {
            status: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn succeeded(&self) -> &Self {
        assert_eq!(self.status, Some(0), "{self:?}");
        self
    }

    /// It ended with this status, said this on standard error and nothing on standard output.
    #[track_caller]
    pub(crate) fn failed(&self, status: i32, stderr: &str) {
        assert_eq!(self.stderr, stderr);
        assert_eq!(self.stdout, b"", "{self:?}");
        assert_eq!(self.status, Some(status), "{self:?}");
    }

    #[track_caller]
    pub(crate) fn printed(&self, stdout: &str) -> &Self {
        assert_eq!(self.text(), stdout);
        self
    }

    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        one_line(self.text())
    }

    /// The code of the error that was told as JSON.
    #[track_caller]
    pub(crate) fn error_code(&self) -> String {
        assert_eq!((self.status, self.stdout.len()), (Some(1), 0), "{self:?}");
        self.error()["code"].as_str().unwrap().to_owned()
    }

    /// The error that was told as JSON.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let error = one_line(&self.stderr)["error"].take();
        assert!(!error["message"].as_str().unwrap().is_empty());
        error
    }
}

#[track_caller]
fn one_line(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "not one line: {text}");
    assert!(text.ends_with('\n'));
    serde_json::from_str(text).unwrap()
}

/// Claims in which nothing is left to chance, so that the token is the same each time.
pub(crate) fn claims() -> ClaimsBuilder {
    ClaimsBuilder::new(MODULE.parse().unwrap()).name("counter").issued_at(1_600_000_000).id("token-1")
}

pub(crate) fn signed(wasm: &[u8], claims: &ClaimsBuilder) -> Vec<u8> {
    sign_module(wasm, claims, &KeyPair::from_seed(ACCOUNT_SEED).unwrap()).unwrap()
}

/// The same module with one character of the token's signature turned into another.
pub(crate) fn with_forged_signature(mut signed: Vec<u8>) -> Vec<u8> {
    // The last character but one of the signature: the last one has bits that do not count.
    let at = signed.len() - 2;
    signed[at] = if signed[at] == b'A' { b'B' } else { b'A' };
    signed
}

/// A module like `signed` with one byte more in a custom section that was there when it was signed.
pub(crate) fn altered(claims: &ClaimsBuilder) -> Vec<u8> {
    let mut wasm = EMPTY.to_vec();
    wasm.extend(b"\0\x05\x03abcX");
    let mut altered = signed(&wasm, claims);
    let at = altered.windows(4).position(|window| window == b"abcX").unwrap();
    altered[at + 3] = b'Y';
    altered
}
