//! What the guest does beside the others on Rust's standard library for WASI: each operation goes through the library.

use std::{
    collections::HashMap,
    env,
    fs::File,
    io::{self, Write},
    process,
    time::{Instant, SystemTime},
};

use wapc_guest::prelude::*;

pub(crate) fn register() {
    register_function("print", print);
    register_function("open", open);
    register_function("time", |_| Ok(seconds()?.to_string().into_bytes()));
    register_function("elapsed", |_| Ok(Instant::now().elapsed().as_nanos().to_string().into_bytes()));
    register_function("count", count);
    register_function("surroundings", surroundings);
    register_function("exit", leave);
}

/// The payload on standard output, in pieces and within a line of its own, and on standard error.
fn print(payload: &[u8]) -> CallResult {
    let text = String::from_utf8_lossy(payload);
    print!("{} bytes: ", payload.len());
    print!("{text}\nand no more");
    eprintln!("error: {text}");
    io::stdout().flush()?;
    Ok(Vec::new())
}

/// Opens the file that the payload names, for reading. A guest that was given no files finds none.
fn open(payload: &[u8]) -> CallResult {
    match File::open(str::from_utf8(payload)?) {
        Ok(_) => Ok(Vec::new()),
        Err(_) => Err("there is no such file".into()),
    }
}

/// The seconds since 1970.
fn seconds() -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs())
}

/// How often each word of the payload occurs, in the order of a map that is seeded with random numbers: `word=2 other=1`.
fn count(payload: &[u8]) -> CallResult {
    let mut counts = HashMap::new();
    for word in str::from_utf8(payload)?.split_whitespace() {
        *counts.entry(word).or_insert(0_u32) += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{word}={count}")).collect();
    Ok(counts.join(" ").into_bytes())
}

/// How many arguments and variables of the environment there are.
fn surroundings(_: &[u8]) -> CallResult {
    Ok(format!("{} {}", env::args_os().count(), env::vars_os().count()).into_bytes())
}

/// Leaves with the code that the payload's first byte is, after a line that the library still has to write.
fn leave(payload: &[u8]) -> CallResult {
    print!("leaving");
    io::stdout().flush()?;
    process::exit(payload.first().copied().unwrap_or_default().into())
}
