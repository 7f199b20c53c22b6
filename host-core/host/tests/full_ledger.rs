//! A ledger that may not grow any more, which is what a full disk looks like: writes end in the middle of a line.
#![cfg(unix)]

use std::{env, fs, process::Command};

use capability_claims::{KeyKind, KeyPair, PolicyVersion, PublicKey, SignedPolicies, SignedPolicy};
use host_core::{LedgerError, RevisionLedger};

/// Names the file to the process that this test starts.
const FILE: &str = "LEDGER_ON_A_FULL_DISK";
/// As many bytes as a file may have there: eight blocks of 512.
const LIMIT: u64 = 4096;

#[test]
fn what_was_remembered_stays_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("revisions");
    // The limit holds for a process, so it is a process of its own that reaches it: this test's inner one.
    let ended = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact inner --ignored --nocapture"])
        .arg(env::current_exe().unwrap())
        .env(FILE, &path)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(fs::metadata(&path).unwrap().len() <= LIMIT);

    // What it told of those that it remembered is still there, and where there is room again others are added.
    let told = String::from_utf8(ended.stdout).unwrap();
    let remembered: Vec<(PublicKey, u64)> = told
        .lines()
        .filter_map(|line| line.strip_prefix("remembered ")?.split_once(' '))
        .map(parsed)
        .collect();
    assert!(remembered.len() > 3, "{told}");
    let added = {
        let ledger = RevisionLedger::open(&path).unwrap();
        add(&ledger, &KeyPair::generate(KeyKind::Account).unwrap(), 7).unwrap()
    };
    let ledger = RevisionLedger::open(&path).unwrap();
    for (signer, serial) in remembered {
        assert_eq!(ledger.newest_policy(signer).map(|newest| newest.serial), Some(serial), "{signer}");
    }
    assert_eq!(ledger.newest_policy(added.0), Some(added.1));
}

#[test]
#[ignore = "run by what_was_remembered_stays_whole, under a limit"]
fn inner() {
    let Some(file) = env::var_os(FILE) else { return };
    let ledger = RevisionLedger::open(file).unwrap();
    let signers: Vec<KeyPair> = (0..20).map(|_| KeyPair::generate(KeyKind::Account).unwrap()).collect();
    let refused = signers.iter().position(|signer| match add(&ledger, signer, 1) {
        Ok(_) => false,
        Err(error) => {
            assert!(matches!(error, LedgerError::Disk { .. }), "{error}");
            true
        }
    });
    let full = refused.expect("nothing limits the file");
    assert!(
        add(&ledger, &signers[full], 1).is_err()
            && ledger.newest_policy(signers[full].public_key()).is_none()
    );
    // Those that it has need no more room.
    add(&ledger, &signers[0], 2).unwrap();
    for (at, signer) in signers[..full].iter().enumerate() {
        println!("\nremembered {} {}", signer.public_key(), if at == 0 { 2 } else { 1 });
    }
}

fn parsed((signer, serial): (&str, &str)) -> (PublicKey, u64) {
    (PublicKey::parse(signer).unwrap(), serial.parse().unwrap())
}

fn add(
    ledger: &RevisionLedger,
    signer: &KeyPair,
    serial: u64,
) -> Result<(PublicKey, PolicyVersion), LedgerError> {
    let text = SignedPolicy::sign("", serial, signer).unwrap();
    let policy = SignedPolicies::of(signer.public_key()).accept(&text).unwrap();
    ledger.remember_policy(&policy).map(|()| (policy.signer, policy.version))
}
