//! No secret is left in the memory of a command that is done with it. The command is held where it tells what it found or what is wrong,
//! and its memory is searched.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, PipeReader, Read, Seek, SeekFrom, Write},
    os::{
        fd::AsRawFd,
        unix::{
            fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
            process::CommandExt,
        },
    },
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha512};

use crate::support::{ACCOUNT_SEED, Directory, EMPTY, MODULE, MODULE_SEED, OPERATOR_SEED, STRANGER_SEED};

/// So long a part of a secret is not there by chance.
const PART: usize = 16;

/// Somebody who is not root.
const SOMEBODY: u32 = 54_321;

/// A command that waits until somebody reads what it says.
struct Held {
    child: Child,
    reader: PipeReader,
}

impl Drop for Held {
    fn drop(&mut self) {
        // It has ended already in a test that went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Held {
    /// Starts the command and returns when it says the first thing.
    #[track_caller]
    fn at_its_first_word(mut command: Command, input: &[u8]) -> Self {
        let (reader, writer) = io::pipe().unwrap();
        fill(&writer);
        command.stdin(Stdio::piped()).stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut child = command.spawn().unwrap();
        drop(command);
        // One that does not read its input may have closed it.
        let _ = child.stdin.take().unwrap().write_all(input);
        let mut held = Self { child, reader };
        while !held.is_writing() {
            assert!(held.child.try_wait().unwrap().is_none(), "it ended and said nothing");
            thread::yield_now();
        }
        held
    }

    /// Whether it is inside a `write` to standard output or standard error.
    fn is_writing(&self) -> bool {
        let number = if cfg!(target_arch = "x86_64") { "1" } else { "64" };
        let call = fs::read_to_string(self.file("syscall")).unwrap_or_default();
        let mut words = call.split(' ');
        words.next() == Some(number) && words.next().is_some_and(|to| to == "0x1" || to == "0x2")
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }

    /// What of these secrets is in its memory, and where.
    fn found(&self, secrets: &[&str]) -> Vec<String> {
        let parts: Vec<_> = secrets.iter().flat_map(|seed| parts(seed)).collect();
        let mut memory = File::open(self.file("mem")).unwrap();
        let mut found = Vec::new();
        for line in fs::read_to_string(self.file("maps")).unwrap().lines().filter(|line| line.contains(" rw"))
        {
            let (start, rest) = line.split_once('-').unwrap();
            let address = |text| u64::from_str_radix(text, 16).unwrap();
            let (start, end) = (address(start), address(rest.split_once(' ').unwrap().0));
            let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
            if memory.seek(SeekFrom::Start(start)).and_then(|_| memory.read_exact(&mut bytes)).is_err() {
                continue;
            }
            let place = if line.ends_with("[stack]") { "stack" } else { "elsewhere" };
            found.extend(places(&bytes, &parts).map(|name| format!("{name}, {place}")));
        }
        found.sort();
        found
    }

    /// Lets it go on, and returns its status and what it said.
    fn let_go(mut self) -> (Option<i32>, String) {
        let mut said = Vec::new();
        self.reader.read_to_end(&mut said).unwrap();
        let filling = said.iter().take_while(|byte| **byte == 0).count();
        (self.child.wait().unwrap().code(), String::from_utf8(said.split_off(filling)).unwrap())
    }
}

/// Writes to a pipe until there is no room.
fn fill(writer: &io::PipeWriter) {
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let mut filler = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap();
    for piece in [&[0; 4096][..], &[0]] {
        let full = loop {
            if let Err(error) = filler.write(piece) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
    }
}

/// Parts of a secret, with names: as bytes, as the words that a hash makes of them, as text, and of what signatures are made with.
fn parts(seed: &str) -> [(&'static str, Vec<u8>); 9] {
    let raw = &BASE32_NOPAD.decode(seed.as_bytes()).unwrap()[2..34];
    let words: Vec<u8> = raw.chunks(8).flat_map(|word| word.iter().rev().copied()).collect();
    let expanded = Sha512::digest(raw);
    [
        ("seed, first half", raw[..PART].to_vec()),
        ("seed, second half", raw[PART..].to_vec()),
        ("words, first half", words[..PART].to_vec()),
        ("words, second half", words[PART..].to_vec()),
        ("text, begin", seed.as_bytes()[4..][..PART].to_vec()),
        // What a buffer that grew leaves behind: the allocator overwrites no more than the first two words.
        ("text, middle", seed.as_bytes()[16..][..PART].to_vec()),
        ("text, end", seed.as_bytes()[40..][..PART].to_vec()),
        ("scalar", expanded[8..][..PART].to_vec()),
        ("prefix", expanded[32..][..PART].to_vec()),
    ]
}

fn places<'a>(
    bytes: &'a [u8],
    parts: &'a [(&'static str, Vec<u8>)],
) -> impl Iterator<Item = &'static str> + 'a {
    let mut begins = [false; 256];
    for (_, part) in parts {
        begins[usize::from(part[0])] = true;
    }
    let likely = bytes.windows(PART).filter(move |window| begins[usize::from(window[0])]);
    likely.filter_map(|window| parts.iter().find(|(_, part)| window == part).map(|(name, _)| *name))
}

/// Other processes of the same user may not look into the memory; only root may.
fn may_search() -> bool {
    let may = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !may {
        eprintln!("skipped: only root can read the memory of a command that forbids it");
    }
    may
}

fn directory() -> Directory {
    let directory = Directory::new();
    for (name, seed) in [
        ("account.nk", ACCOUNT_SEED),
        ("stranger.nk", STRANGER_SEED),
        ("module.nk", MODULE_SEED),
        ("operator.nk", OPERATOR_SEED),
        ("exposed.nk", ACCOUNT_SEED),
    ] {
        directory.write_seed(name, seed);
    }
    directory.set_mode("exposed.nk", 0o644);
    directory.write("in.wasm", EMPTY);
    directory.write("policy.toml", "accounts = []\n[end]\nentries = 0\n");
    directory
}

/// Runs a command, with a seed on standard input, and finds nothing of any seed when it is done.
#[track_caller]
fn nothing_is_left(arguments: &str, status: i32) {
    let directory = directory();
    let arguments: Vec<_> = arguments.split(' ').collect();
    let held = Held::at_its_first_word(directory.command(&arguments), format!("{ACCOUNT_SEED}\n").as_bytes());
    let found = held.found(&[ACCOUNT_SEED, STRANGER_SEED, MODULE_SEED, OPERATOR_SEED]);
    let (ended, said) = held.let_go();
    assert_eq!(ended, Some(status), "{arguments:?}: {said}");
    assert!(found.is_empty(), "{arguments:?}: {found:?}");
}

#[test]
fn nothing_is_left_of_a_seed_that_was_used() {
    if !may_search() {
        return;
    }
    for arguments in [
        "keys show account.nk",
        "keys show -",
        "keys rotate account.nk stranger.nk --overlap 1d",
        "keys rotate - stranger.nk --overlap 1d --json",
        "sign in.wasm out.wasm --issuer account.nk --subject module.nk --name x",
        "sign in.wasm out.wasm --issuer - --subject module.nk --name x",
        "chain issue --issuer operator.nk",
        "chain issue --issuer operator.nk --subject account.nk --json",
        "chain issue --issuer operator.nk --subject -",
        "policy sign policy.toml --key account.nk --serial 1",
        "policy sign policy.toml --key - --serial 1 --out -",
    ] {
        nothing_is_left(arguments, 0);
    }
}

#[test]
fn nothing_is_left_of_a_seed_that_was_refused() {
    if !may_search() {
        return;
    }
    for arguments in [
        "keys show exposed.nk",
        "sign in.wasm out.wasm --issuer module.nk --subject module.nk --name x",
        "sign in.wasm out.wasm --issuer account.nk --subject operator.nk --name x",
        "sign account.nk out.wasm --issuer account.nk --subject module.nk --name x",
        "sign in.wasm account.nk --issuer account.nk --subject module.nk --name x",
        "sign - out.wasm --issuer stranger.nk --subject module.nk --name x",
        "chain issue --issuer -",
        "policy sign account.nk --key account.nk --serial 1",
        "policy verify -",
        "policy check - in.wasm",
        "inspect -",
        "inspect account.nk",
        "call - echo",
        "audit verify account.nk",
        "audit verify -",
        "run account.nk",
    ] {
        nothing_is_left(arguments, 1);
    }
}

#[test]
fn nothing_is_left_of_a_seed_that_was_generated() {
    if !may_search() {
        return;
    }
    let directory = directory();
    let command = directory.command(&["keys", "generate", "module", "--out", "new.nk"]);
    let held = Held::at_its_first_word(command, b"");
    let seed = String::from_utf8(directory.read("new.nk")).unwrap();
    assert_eq!(held.found(&[seed.trim_end()]), Vec::<String>::new());
    assert_eq!(held.let_go().0, Some(0));
}

/// The environment is not the program's own: it is on the stack from the start, and this finds that what is there is found.
#[test]
fn of_a_seed_in_a_variable_only_the_variable_is_left() {
    if !may_search() {
        return;
    }
    let directory = directory();
    let mut command = directory.command(&["keys", "show", "env:SEED"]);
    command.env("SEED", ACCOUNT_SEED);
    let held = Held::at_its_first_word(command, b"");
    let found = held.found(&[ACCOUNT_SEED]);
    assert_eq!(found, ["text, begin, stack", "text, end, stack", "text, middle, stack"]);
    assert_eq!(held.let_go().0, Some(0));
}

#[test]
fn a_command_that_has_seeds_is_not_dumped() {
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    for (arguments, dumps) in [
        (&["keys", "show", "env:SEED"][..], false),
        (&["sign", "in.wasm", "out.wasm", "--issuer", "env:SEED", "--subject", MODULE, "--name", "x"], false),
        (&["chain", "issue", "--issuer", "env:OPERATOR"], false),
        (&["policy", "sign", "policy.toml", "--key", "env:SEED", "--serial", "1"], false),
        (&["--help"], true),
    ] {
        let directory = directory();
        let mut command = directory.command(arguments);
        if root {
            // Whether a process may be dumped shows in whose its files under /proc are, if that is not root anyway.
            let program = directory.path("wascc");
            // Copied by another process: a program that another test starts meanwhile would inherit a file that is open for writing
            // here, and nothing can be run that is.
            let copied = Command::new("cp").args([Path::new(env!("CARGO_BIN_EXE_wascc")), &program]).status();
            assert!(copied.unwrap().success());
            for (name, mode) in [("", 0o777), ("wascc", 0o755), ("in.wasm", 0o644), ("policy.toml", 0o644)] {
                fs::set_permissions(directory.path(name), fs::Permissions::from_mode(mode)).unwrap();
            }
            command = Command::new(program);
            command.args(arguments).current_dir(directory.path("")).uid(SOMEBODY);
            if !arguments.contains(&"--help") {
                command.arg("--insecure-files");
            }
        }
        command.env("SEED", ACCOUNT_SEED).env("OPERATOR", OPERATOR_SEED);
        let held = Held::at_its_first_word(command, b"");
        assert_eq!(fs::metadata(held.file("environ")).unwrap().uid() != 0, dumps, "{arguments:?}");
        let limits = fs::read_to_string(held.file("limits")).unwrap();
        let limit = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let none: Vec<_> = limit.split_whitespace().skip(4).take(2).collect();
        assert!(dumps || none == ["0", "0"], "{arguments:?}: {limit}");
        held.let_go();
    }
}
