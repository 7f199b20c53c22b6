//! Runs what the README shows, and compares what it says.

use std::{collections::HashMap, env, fs, path::Path, process::Command};

use crate::support::Directory;

const README: &str = include_str!("../../README.md");

/// One thing that the README shows.
#[derive(Debug)]
enum Step {
    File { name: String, content: String },
    Command { line: String, output: String },
}

#[cfg(unix)]
#[test]
fn the_readme_is_true() {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/guests/modules");
    if !guests.is_dir() {
        eprintln!(
            "skipped: the guests that the README uses are part of the repository, not of this crate alone"
        );
        return;
    }
    let directory = Directory::new();
    for name in ["echo.wasm", "kv-counter.wasm"] {
        directory.write(name, fs::read(guests.join(name)).unwrap());
    }
    let mut keys = HashMap::new();
    let mut commands = 0;
    for step in steps() {
        match step {
            Step::File { name, content } => directory.write(&name, replaced(&content, &keys)),
            Step::Command { line, output } => {
                let told = shell(&directory, &replaced(&line, &keys));
                assert_eq!(plain(&told).trim_end(), plain(&output).trim_end(), "{line}");
                keys.extend(words(&output).zip(words(&told)).filter(|(shown, _)| is_key(shown)).map(own));
                commands += 1;
            }
        }
    }
    assert!(commands > 20, "only {commands} commands were found in the README");
}

fn own((shown, told): (&str, &str)) -> (String, String) {
    (shown.to_owned(), told.to_owned())
}

/// Both streams of a command that is given to a shell.
fn shell(directory: &Directory, line: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_wascc")).parent().unwrap();
    let path = env::join_paths(
        std::iter::once(binary.to_owned()).chain(env::split_paths(&env::var_os("PATH").unwrap())),
    );
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {line}\n}} 2>&1")])
        .current_dir(directory.path(""))
        .env("PATH", path.unwrap())
        .env_remove("RUST_LOG")
        .env_remove("WASCC_CACHE")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The files (blocks after a line such as "`add.wat`:") and the commands (in blocks of the kind `console`).
fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    let mut title = None;
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix('`').and_then(|line| line.strip_suffix("`:")) {
            title = Some(name.to_owned());
        } else if let Some(kind) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            match title.take() {
                Some(name) => steps.push(Step::File { name, content: block.join("\n") + "\n" }),
                None if kind == "console" => steps.extend(commands(&block)),
                None => assert_eq!(kind, "text", "a block is neither a file nor commands: {block:?}"),
            }
        }
    }
    steps
}

fn commands(block: &[&str]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = block.iter().peekable();
    while let Some(first) = lines.next() {
        let mut line = first.strip_prefix("$ ").expect("a command begins with `$`").to_owned();
        while line.ends_with('\\') {
            line.push('\n');
            line.push_str(lines.next().expect("a line follows a backslash"));
        }
        let mut output = String::new();
        while let Some(told) = lines.next_if(|line| !line.starts_with("$ ")) {
            output.push_str(told);
            output.push('\n');
        }
        steps.push(Step::Command { line, output });
    }
    steps
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

fn is_key(word: &str) -> bool {
    word.len() == 56 && word.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'))
}

/// Text with the keys of this run in place of those of the README.
fn replaced(text: &str, keys: &HashMap<String, String>) -> String {
    keys.iter().fold(text.to_owned(), |text, (shown, told)| text.replace(shown, told))
}

/// Text in which what differs from run to run is left out: keys, hashes, the ids of tokens, and times.
fn plain(text: &str) -> String {
    let differs = |word: &str| {
        let token_id = word.len() == 26 && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let time = word.len() == 20 && word.ends_with('Z') && humantime::parse_rfc3339(word).is_ok();
        let hash = word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
        is_key(word) || token_id || time || hash
    };
    let plain_word = |word: &str| {
        let inner = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if differs(inner) { word.replace(inner, "...") } else { word.to_owned() }
    };
    text.split(' ')
        .map(|spaced| spaced.split('\n').map(plain_word).collect::<Vec<_>>().join("\n"))
        .collect::<Vec<_>>()
        .join(" ")
}
