//! A seed in every place of every command: among the arguments, in the files, on standard input and in the environment. It is never
//! repeated, neither on a stream nor in a file or its name, and no file that has one is written over.
#![cfg(unix)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    process::Stdio,
    thread,
};

use capability_claims::{AccountBuilder, KeyPair};

use crate::support::{
    ACCOUNT, ACCOUNT_SEED, Directory, EMPTY, MODULE, MODULE_SEED, OPERATOR, OPERATOR_SEED, STRANGER_SEED,
    claims, signed,
};

/// The seed that is where it does not belong. No file has it unless it is put there.
const LOST: &str = "SMAAGBAFAYDQQCIKBMGA2DQPCAIREEYUCULBOGAZDINRYHI6D4QCCIR3OQ";

/// Each command in a form in which it succeeds and has all of its options.
const COMMANDS: [&str; 21] = [
    "new fresh --actor-sdk sdk",
    "invoke add.wat add 1 2 --timeout 5s --memory-limit 1MiB --cache-dir cache",
    "call echo.wat echo --text hello --reply-with x --timeout 5s --memory-limit 1MiB --cache-dir cache",
    "call echo.wat callback --hex 00ff --reply-hex 00",
    "call echo.wat log --file payload",
    "keys generate module --out new.nk",
    "keys show account.nk",
    "keys rotate account.nk stranger.nk --overlap 1d --handover-in 1h --reason yearly --out rotation.jwt",
    "sign in.wasm out.wasm --issuer account.nk --subject module.nk --name x --cap wascc:keyvalue --tag demo --expires-in 1d \
     --not-before-in 1h --rev 1 --ver 1.0.0",
    "inspect counter.wasm",
    "verify counter.wasm --trust OPERATOR --account-token team.jwt",
    "chain issue --issuer operator.nk --subject account.nk --name team --expires-in 1d --not-before-in 1h --out word.jwt",
    "chain issue --issuer operator.nk --name house",
    "chain embed in.wasm chained.wasm team.jwt",
    "chain show counter.wasm --chain team.jwt --trust OPERATOR",
    "chain show counter.wasm --chain team.jwt --policy policy.toml",
    "policy check policy.toml counter.wasm --chain team.jwt",
    "policy sign policy.toml --key account.nk --serial 1 --out signed.toml",
    "policy verify known.toml --signer ACCOUNT",
    "audit verify audit.log --head HEAD",
    "audit show audit.log --kind host_stopped --actor MODULE --module x --account ACCOUNT --since 1d --until 2030-01-01T00:00:00Z",
];

/// What a host is made of; it has no place for a seed but its files.
const RUN: &str = "run host.toml --check --cache-dir cache";

/// Succeeds only where a compiler is; `new_actor` shows that. Here it ends before it asks for one.
const BUILD: &str = "build sdk";

/// Options that take no value.
const SWITCHES: [&str; 5] = ["--json", "--help", "--insecure-files", "--check", "--start"];

fn directory() -> Directory {
    let directory = Directory::new();
    for (name, seed) in [
        ("account.nk", ACCOUNT_SEED),
        ("stranger.nk", STRANGER_SEED),
        ("module.nk", MODULE_SEED),
        ("operator.nk", OPERATOR_SEED),
    ] {
        directory.write_seed(name, seed);
    }
    directory.write("in.wasm", EMPTY);
    directory.write("payload", "tea");
    fs::create_dir(directory.path("sdk")).unwrap();
    directory.write("sdk/Cargo.toml", "");
    directory.write("echo.wat", include_str!("guests/echo.wat"));
    directory.write(
        "add.wat",
        "(module (func (export \"add\") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))",
    );
    directory.write(
        "counter.wasm",
        signed(&wat::parse_str(include_str!("guests/counter.wat")).unwrap(), &claims()),
    );
    let operator = KeyPair::from_seed(OPERATOR_SEED).unwrap();
    directory.write("team.jwt", AccountBuilder::new(ACCOUNT.parse().unwrap()).issue(&operator).unwrap());
    directory.write("policy.toml", format!("operators = [\"{OPERATOR}\"]\n[end]\nentries = 1\n"));
    directory.write(
        "host.toml",
        "[trust]\npolicy = \"policy.toml\"\n[audit]\nfile = \"audit.log\"\n[[actor]]\nfile = \"counter.wasm\"\nname = \"x\"\n\
         chain = [\"team.jwt\"]\n[[provider]]\nkind = \"logging\"\n",
    );
    let log = host_audit::AuditLog::open(directory.path("audit.log"), host_audit::OnFailure::Refuse).unwrap();
    log.record(1_800_000_000, &host_audit::Event::HostStopped).unwrap();
    directory.write("head", log.head().hash.to_string());
    directory
        .run(&[
            "policy",
            "sign",
            "policy.toml",
            "--key",
            "account.nk",
            "--serial",
            "1",
            "--out",
            "known.toml",
        ])
        .succeeded();
    directory
}

fn words(directory: &Directory, command: &str) -> Vec<String> {
    let head = String::from_utf8(directory.read("head")).unwrap();
    let word = |word: &str| match word {
        "OPERATOR" => OPERATOR.to_owned(),
        "ACCOUNT" => ACCOUNT.to_owned(),
        "MODULE" => MODULE.to_owned(),
        "HEAD" => head.clone(),
        other => other.to_owned(),
    };
    command.split_whitespace().map(word).collect()
}

/// What files there are, and what is in them.
fn files(directory: &Directory) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut ahead = vec![directory.path("")];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                ahead.push(path.clone());
            }
            files.insert(path.display().to_string(), fs::read(path).unwrap_or_default());
        }
    }
    files
}

/// Whether there is any part of the lost seed that is worth something, in capitals or in small letters.
fn has_seed(bytes: &[u8]) -> bool {
    const PART: usize = 10;
    let capitals = bytes.to_ascii_uppercase();
    (4..LOST.len() - PART).any(|at| {
        let part = &LOST.as_bytes()[at..at + PART];
        // Most bytes are none of those that a part begins with.
        memchr(part[0], &capitals).any(|start| capitals[start..].starts_with(part))
    })
}

fn memchr(wanted: u8, bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.iter().enumerate().filter(move |(_, byte)| **byte == wanted).map(|(at, _)| at)
}

/// Runs a command in a directory, and finds that the seed is nowhere where it was not before, and that what was in the `kept` files still
/// is.
#[track_caller]
fn repeats_nothing(
    directory: &Directory,
    words: &[String],
    variables: &[(&str, &str)],
    input: &str,
    kept: &[&str],
) -> bool {
    let before = files(directory);
    let mut command = directory.command(words);
    command.envs(variables.iter().copied());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that does not read its input may have closed it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let ran = child.wait_with_output().unwrap();
    for stream in [&ran.stdout, &ran.stderr] {
        assert!(!has_seed(stream), "{words:?} {variables:?}: {}", String::from_utf8_lossy(stream));
    }
    for (name, content) in files(directory) {
        let was = before.get(&name);
        assert!(was.is_some() || !has_seed(name.as_bytes()), "{words:?} made {name}");
        assert!(was == Some(&content) || !has_seed(&content), "{words:?} wrote to {name}");
        let is_kept = kept.iter().any(|kept| directory.path(kept).display().to_string() == name);
        assert!(!is_kept || was == Some(&content), "{words:?} wrote over {name}");
    }
    assert!(kept.iter().all(|kept| directory.path(kept).exists()), "{words:?} took a file away");
    ran.status.success()
}

/// Does the same for each command, in a few threads.
fn for_each_command(commands: &[&str], check: impl Fn(&Directory, &str) + Sync) {
    thread::scope(|scope| {
        for commands in commands.chunks(commands.len().div_ceil(4)) {
            let check = &check;
            scope.spawn(move || commands.iter().for_each(|command| check(&directory(), command)));
        }
    });
}

fn all() -> Vec<&'static str> {
    COMMANDS.iter().copied().chain([RUN, BUILD]).collect()
}

/// The commands above are all that there are, with all of their options, and each succeeds as it stands there.
#[test]
fn every_place_is_known() {
    let directory = directory();
    let mut missing = BTreeSet::new();
    let mut ahead = vec![Vec::<String>::new()];
    while let Some(path) = ahead.pop() {
        let help = directory.run(&[&path[..], &["--help".to_owned()]].concat()).succeeded().text().to_owned();
        let section =
            |title: &str| help.split_once(title).map_or("", |(_, rest)| rest.split("\n\n\n").next().unwrap());
        if help.contains("\nCommands:\n") {
            let (commands, _) = section("\nCommands:\n").split_once("\n\n").unwrap();
            let names = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
            let names =
                names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
            ahead.extend(names.map(|name| [&path[..], &[name.to_owned()]].concat()));
            continue;
        }
        let own: Vec<_> = all().into_iter().filter(|command| command.starts_with(&path.join(" "))).collect();
        let options = help
            .split_whitespace()
            .filter(|word| word.starts_with("--"))
            .map(|word| word.trim_end_matches([',', '.', ':', ';']));
        for option in options.filter(|option| !SWITCHES.contains(option)) {
            // Other commands' options are named in passing too.
            let is_own = help.contains(&format!("\n      {option} <"));
            if is_own && !own.iter().any(|command| command.contains(option)) {
                missing.insert(format!("{} {option}", path.join(" ")));
            }
        }
        if own.is_empty() {
            missing.insert(path.join(" "));
        }
    }
    assert!(missing.is_empty(), "nothing is tried with {missing:?}");
    for command in all().into_iter().filter(|command| *command != BUILD) {
        let directory = self::directory();
        directory.run(&words(&directory, command)).succeeded();
    }
}

#[test]
fn a_seed_that_is_typed_anywhere_is_not_repeated() {
    let forms = [
        LOST.to_owned(),
        LOST[..57].to_owned(),
        format!("{LOST}{LOST}"),
        format!("./{LOST}/x"),
        format!("env:{LOST}"),
        format!("--{LOST}"),
        format!("my key is {LOST}"),
        LOST.to_lowercase(),
    ];
    for_each_command(&all(), |directory, command| {
        let whole = words(directory, command);
        // What follows the last word too.
        for place in 0..=whole.len() {
            for (number, form) in forms.iter().enumerate() {
                let mut words = whole.clone();
                words.splice(place..(place + 1).min(words.len()), [form.clone()]);
                if number % 2 == 1 {
                    words.push("--json".to_owned());
                }
                assert!(!repeats_nothing(directory, &words, &[], "", &[]), "{words:?} succeeded");
            }
            if whole.get(place).is_some_and(|word| word.starts_with("--")) {
                let mut words = whole.clone();
                words.splice(place..place + 2, [format!("{}={LOST}", whole[place])]);
                assert!(!repeats_nothing(directory, &words, &[], "", &[]), "{words:?} succeeded");
            }
        }
    });
}

#[test]
fn a_seed_in_any_file_is_neither_repeated_nor_written_over() {
    for_each_command(&all(), |directory, command| {
        let whole = words(directory, command);
        let whole = &whole[..];
        for content in [
            format!("{LOST}\n"),
            format!("\u{feff}{LOST}"),
            format!("# {ACCOUNT}\nmy seed: {LOST}\n"),
            format!("[trust]\naccounts = [\"{LOST}\"]\n"),
            format!("(module (func (export \"{LOST}\")))"),
            LOST[..57].to_owned(),
        ] {
            for name in ["lost", "-"] {
                directory.write("lost", &content);
                directory.set_mode("lost", 0o600);
                for place in 1..whole.len() {
                    let mut words = whole.to_vec();
                    words[place] = name.to_owned();
                    repeats_nothing(directory, &words, &[], &content, &["lost"]);
                }
            }
        }
        // In the place of the files that a manifest names.
        if command == RUN {
            for file in ["host.toml", "policy.toml", "counter.wasm", "team.jwt"] {
                let was = directory.read(file);
                for content in [format!("{LOST}\n"), format!("# {LOST}\n{}", String::from_utf8_lossy(&was))] {
                    directory.write(file, content);
                    assert!(!repeats_nothing(directory, whole, &[], "", &[file]), "{file}");
                }
                directory.write(file, was);
            }
        }
    });
}

#[test]
fn a_seed_in_the_environment_is_not_repeated() {
    for_each_command(&all(), |directory, command| {
        let directive = format!("a={LOST}");
        let folder = format!("x-{LOST}");
        for variables in [
            &[("RUST_LOG", "trace"), ("SEED", LOST)][..],
            &[("RUST_LOG", LOST), ("RUST_LOG_STYLE", LOST)],
            &[("RUST_LOG", &directive)],
            &[("WASCC_ACTOR_SDK", LOST)],
            &[("WASCC_CACHE", LOST)],
            &[("WASCC_CACHE", &folder)],
        ] {
            let whole = words(directory, command);
            let without_cache = whole.split(|word| word == "--cache-dir").next().unwrap();
            repeats_nothing(directory, without_cache, variables, "", &[]);
        }
        // Where a seed may come from a variable, it is used and not told.
        let whole = words(directory, command);
        for place in 1..whole.len() {
            let mut words = whole.clone();
            words[place] = "env:SEED".to_owned();
            repeats_nothing(directory, &words, &[("SEED", LOST)], "", &[]);
        }
    });
}
