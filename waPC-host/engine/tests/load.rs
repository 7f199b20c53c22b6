//! Whatever the bytes are, loading them ends with a module or a clear error.

use wapc_engine::{Engine, Error};

#[track_caller]
fn refused(bytes: &[u8]) -> String {
    match Engine::new().compile(bytes) {
        Err(Error::InvalidModule { size, reason }) => {
            assert_eq!(size, bytes.len());
            reason
        }
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("{} bytes were accepted", bytes.len()),
    }
}

#[test]
fn nonsense_is_refused() {
    refused(b"");
    refused(b"(module (func (export");
    refused(&[0xff; 64]);
    assert!(refused(b"\0asm\x01\0\0\0\x63").contains("offset"));
}

#[test]
fn a_module_cut_off_anywhere_is_refused() {
    let text = r#"(module (memory 1) (func (export "f") (param i32) (result i32) local.get 0) (data (i32.const 0) "x"))"#;
    let whole = wat::parse_str(text).unwrap();
    let engine = Engine::new();
    engine.compile(&whole).unwrap();
    let accepted = (0..whole.len()).filter(|length| engine.compile(&whole[..*length]).is_ok()).count();
    // An empty module is the shortest valid one: the magic number and the version. A cut between
    // two sections may leave a valid module; a cut inside of one never does.
    let boundaries = [8, 14, 17, 20, 24];
    assert!(accepted <= boundaries.len(), "{accepted} cut modules were accepted");
    assert!(engine.compile(&whole[..whole.len() - 1]).is_err());
}

#[test]
fn random_bytes_never_panic() {
    let engine = Engine::new();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..500 {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        for _ in 0..(state % 64) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.push(state as u8);
        }
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let _ = engine.compile(&bytes);
    }
}

#[test]
fn a_file_is_loaded_and_a_missing_one_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("add.wat");
    std::fs::write(&path, "(module)").unwrap();
    Engine::new().load(&path).unwrap();
    let missing = directory.path().join("missing.wasm");
    let error = Engine::new().load(&missing).unwrap_err();
    assert!(matches!(&error, Error::ReadFile { path, .. } if *path == missing), "{error}");
}

#[test]
fn threads_are_not_accepted() {
    refused(&wat::parse_str("(module (memory 1 1 shared))").unwrap());
}

#[test]
fn more_than_one_memory_is_not_accepted() {
    refused(&wat::parse_str("(module (memory 1) (memory 1))").unwrap());
}
