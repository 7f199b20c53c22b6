//! Every block of code in the documents is one that is compiled or run. CONTRIBUTING.md has the rule, section "Documents".

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The languages of blocks that are no code: diagrams, and what programs print.
const NO_CODE: [&str; 1] = ["text"];

/// Folders without documents of ours.
const SKIPPED: [&str; 4] = ["target", "node_modules", "build", "corpus"];

#[test]
fn every_block_of_code_is_compiled_or_run() {
    let mut drifted = Vec::new();
    let mut blocks = 0;
    for document in documents() {
        let text = fs::read_to_string(top().join(&document)).unwrap();
        for block in blocks_of(&text) {
            blocks += 1;
            if let Err(why) = shown(&document, &block, &Tree) {
                drifted.push(format!("{document}:{}: {why}", block.line));
            }
        }
    }
    assert!(drifted.is_empty(), "CONTRIBUTING.md says how code gets into documents:\n{}", drifted.join("\n"));
    assert!(blocks > 60, "only {blocks} blocks were found");
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(top().join(&document)).unwrap();
        let folder = top().join(&document).parent().unwrap().to_owned();
        for (at, _) in text.match_indices("](") {
            let link = text[at + 2..].split(')').next().unwrap_or_default();
            let path = link.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                broken.push(format!("{document}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "links to nothing:\n{}", broken.join("\n"));
}

/// A fenced block of a document.
#[derive(Debug, PartialEq)]
struct Block {
    line: usize,
    language: String,
    content: Vec<String>,
    /// What is said of it in a comment: the one before it, or else the one at the head of its section.
    source: Option<Source>,
}

/// Where a block of code comes from, or who runs it. Paths begin at the top of the tree.
#[derive(Debug, Clone, PartialEq)]
enum Source {
    /// `<!-- from PATH -->` or `<!-- from PATH#REGION -->`: it is this file, or this region of it.
    From { path: String, region: Option<String> },
    /// `<!-- run by PATH -->`: this test or script reads the document and runs the block.
    RunBy(String),
    /// `<!-- commands in PATH -->`: each command stands in this file, perhaps with further arguments.
    CommandsIn(String),
}

impl Source {
    fn read(line: &str) -> Option<Self> {
        let comment = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
        if let Some(path) = comment.strip_prefix("from ") {
            let (path, region) = path.split_once('#').map_or((path, None), |(path, name)| (path, Some(name)));
            return Some(Self::From { path: path.to_owned(), region: region.map(str::to_owned) });
        }
        if let Some(path) = comment.strip_prefix("run by ") {
            return Some(Self::RunBy(path.to_owned()));
        }
        comment.strip_prefix("commands in ").map(|path| Self::CommandsIn(path.to_owned()))
    }
}

fn blocks_of(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    // The comments that hold for a section, each with the level of its heading; and the one that holds for the next block.
    let mut sections: Vec<(usize, Source)> = Vec::new();
    let mut level = 0;
    let mut next: Option<Source> = None;
    let mut lines = document.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let trimmed = line.trim_start();
        if let Some(language) = trimmed.strip_prefix("```") {
            let indent = line.len() - trimmed.len();
            let content = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| line.trim() != "```")
                .map(|line| line.get(indent..).unwrap_or_default().to_owned())
                .collect();
            let source = next.take().or_else(|| sections.last().map(|(_, source)| source.clone()));
            blocks.push(Block { line: number + 1, language: language.to_owned(), content, source });
        } else if line.starts_with('#') {
            level = line.bytes().take_while(|byte| *byte == b'#').count();
            sections.retain(|(outer, _)| *outer < level);
            next = None;
        } else if let Some(source) = Source::read(line) {
            next = Some(source);
        } else if !trimmed.is_empty()
            && let Some(source) = next.take()
        {
            sections.push((level, source));
        }
    }
    blocks
}

/// Says why a block is neither compiled nor run.
fn shown(document: &str, block: &Block, tree: &impl Files) -> Result<(), String> {
    let language = block.language.split(',').next().unwrap_or_default();
    if NO_CODE.contains(&language) {
        return Ok(());
    }
    match &block.source {
        Some(Source::From { path, region }) => is_from(block, path, region.as_deref(), tree),
        Some(Source::RunBy(path)) => is_read(document, path, tree),
        Some(Source::CommandsIn(path)) => has_commands(block, path, tree),
        None if language == "rust" => is_doctest(document, block, tree),
        None => Err(format!("nobody compiles or runs this block ({language:?})")),
    }
}

fn is_from(block: &Block, path: &str, region: Option<&str>, tree: &impl Files) -> Result<(), String> {
    if path.ends_with(".md") {
        return Err(format!("{path} is a document, too: nobody compiles or runs it"));
    }
    let text = tree.text(path)?;
    let expected = match region {
        None => text.lines().map(str::to_owned).collect(),
        Some(region) => region_of(&text, region).ok_or_else(|| format!("{path} has no region {region}"))?,
    };
    let first = expected.iter().zip(&block.content).position(|(one, other)| one != other);
    match first {
        _ if expected == block.content => Ok(()),
        Some(at) => {
            Err(format!("line {} is not that of {path}, which has: {}", block.line + at + 1, expected[at]))
        }
        None => Err(format!("the block has {} lines, and {path} {}", block.content.len(), expected.len())),
    }
}

/// The lines between `// region NAME` and `// endregion NAME` (or `# region` in other languages), without what indents them all, and
/// without such marks of others.
fn region_of(text: &str, name: &str) -> Option<Vec<String>> {
    let mark = |line: &str| line.trim_start().trim_start_matches(['/', '#', ' ']).to_owned();
    let is_mark = |line: &&str| !mark(line).starts_with("region ") && !mark(line).starts_with("endregion ");
    let mut lines = text.lines();
    lines.find(|line| mark(line) == format!("region {name}"))?;
    let mut found: Vec<_> = lines.collect();
    let end = found.iter().position(|line| mark(line) == format!("endregion {name}"))?;
    found.truncate(end);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let least =
        found.iter().filter(|line| !line.trim().is_empty()).map(|line| indent(line)).min().unwrap_or(0);
    Some(
        found
            .into_iter()
            .filter(is_mark)
            .map(|line| line.get(least..).unwrap_or_default().to_owned())
            .collect(),
    )
}

/// A runner names the document that it reads.
fn is_read(document: &str, path: &str, tree: &impl Files) -> Result<(), String> {
    let is_run =
        path.contains("/tests/") || (path.starts_with("scripts/") && tree.text(".ci/run")?.contains(path));
    if !is_run {
        return Err(format!("{path} is neither a test nor a script that .ci/run starts"));
    }
    let text = tree.text(path)?;
    let strings = text.split('"').skip(1).step_by(2);
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let reads = |string: &str| string == document || normal(&folder.join(string)) == Path::new(document);
    strings.into_iter().any(reads).then_some(()).ok_or_else(|| format!("{path} does not read this document"))
}

fn has_commands(block: &Block, path: &str, tree: &impl Files) -> Result<(), String> {
    let text = tree.text(path)?;
    if path != ".ci/run" && !path.contains("/tests/") {
        return Err(format!("{path} is neither .ci/run nor a test"));
    }
    for line in &block.content {
        let command = line.strip_prefix("$ ").unwrap_or(line);
        let command = command.split("  #").next().unwrap_or_default().trim();
        // Behind the commands that begin with `$`, what they print.
        let printed = block.language == "console" && !line.starts_with("$ ");
        if !printed && !command.is_empty() && !text.lines().any(|line| holds(line, command)) {
            return Err(format!("{path} does not run `{command}`"));
        }
    }
    Ok(())
}

/// Says if a line has a command, as whole words.
fn holds(line: &str, command: &str) -> bool {
    let word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(byte));
    line.match_indices(command).any(|(at, _)| {
        let bytes = line.as_bytes();
        !word(bytes[..at].last()) && !word(bytes.get(at + command.len()))
    })
}

/// A crate's README is compiled with its documentation's tests where `src/lib.rs` says so.
fn is_doctest(document: &str, block: &Block, tree: &impl Files) -> Result<(), String> {
    if block.language.split(',').any(|word| word == "ignore") {
        return Err("it is ignored".to_owned());
    }
    let folder = document.strip_suffix("README.md").ok_or("it is in no crate's README")?;
    let library = format!("{folder}src/lib.rs");
    let text = tree.text(&library)?;
    let included = text.contains(r#"#[doc = include_str!("../README.md")]"#);
    included.then_some(()).ok_or_else(|| format!("{library} does not include the README for its tests"))
}

/// Files of the tree by their paths from the top.
trait Files {
    fn text(&self, path: &str) -> Result<String, String>;
}

struct Tree;

impl Files for Tree {
    fn text(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(top().join(path)).map_err(|error| format!("{path}: {error}"))
    }
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path {
        if part == ".." {
            normal.pop();
        } else {
            normal.push(part);
        }
    }
    normal
}

/// The README of each folder, what is in `docs`, and CONTRIBUTING.md, from the top of the tree.
fn documents() -> Vec<String> {
    let mut found = vec!["CONTRIBUTING.md".to_owned()];
    search(Path::new(""), &mut found);
    found.sort();
    found
}

fn search(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(top().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = folder.join(&name);
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                search(&path, found);
            }
        } else if name == "README.md" || (path.starts_with("docs") && name.ends_with(".md")) {
            found.push(path.to_str().unwrap().replace('\\', "/"));
        }
    }
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

mod the_rule {
    use super::*;

    /// A tree of some files.
    struct Few(&'static [(&'static str, &'static str)]);

    impl Files for Few {
        fn text(&self, path: &str) -> Result<String, String> {
            let found = self.0.iter().find(|(name, _)| *name == path);
            found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| format!("{path}: not found"))
        }
    }

    const FEW: Few = Few(&[
        ("a/src/lib.rs", "#[doc = include_str!(\"../README.md\")]\nstruct Readme;\n"),
        (
            "b/src/lib.rs",
            "mod one {\n    // region both\n    fn one() {}\n\n    fn other() {}\n    // endregion both\n}\n",
        ),
        ("a/tests/readme.rs", "const README: &str = include_str!(\"../README.md\");"),
        ("scripts/never", "open(\"README.md\")"),
        (".ci/run", "cd a && cargo test --locked # --nocapture\nscripts/fuzz 50\n"),
    ]);

    fn verdict(document: &str, text: &str) -> Result<(), String> {
        let [block] = &blocks_of(text)[..] else { panic!("one block") };
        shown(document, block, &FEW)
    }

    #[test]
    fn a_block_is_what_its_region_is() {
        let good = "<!-- from b/src/lib.rs#both -->\n```rust\nfn one() {}\n\nfn other() {}\n```\n";
        assert_eq!(verdict("docs/x.md", good), Ok(()));
        let drifted = verdict("docs/x.md", &good.replace("other", "another")).unwrap_err();
        assert_eq!(drifted, "line 5 is not that of b/src/lib.rs, which has: fn other() {}");
        assert!(verdict("docs/x.md", &good.replace("\n\nfn other() {}", "")).is_err());
        assert!(verdict("docs/x.md", &good.replace("both", "neither")).is_err());
        assert!(verdict("docs/x.md", "<!-- from README.md -->\n```rust\n```\n").is_err());
    }

    #[test]
    fn rust_without_a_comment_is_a_test_of_its_crate() {
        let block = "```rust\nfn main() {}\n```\n";
        assert_eq!(verdict("a/README.md", block), Ok(()));
        assert!(verdict("b/README.md", block).is_err());
        assert!(verdict("docs/x.md", block).is_err());
        assert!(verdict("a/README.md", &block.replace("rust", "rust,ignore")).is_err());
    }

    #[test]
    fn commands_stand_in_what_runs_them() {
        let of = |command: &str| {
            verdict("README.md", &format!("<!-- commands in .ci/run -->\n```sh\n{command}\n```\n"))
        };
        assert_eq!(of("cargo test    # all of it"), Ok(()));
        assert!(of("cargo tes").is_err());
        assert!(of("scripts/fuzz 5").is_err());
        assert!(of("cargo test\ncargo bench").is_err());
    }

    #[test]
    fn a_runner_reads_the_document_and_is_run() {
        let block = "```toml\na = 1\n```\n";
        let by = |runner: &str, document| verdict(document, &format!("<!-- run by {runner} -->\n{block}"));
        assert_eq!(by("a/tests/readme.rs", "a/README.md"), Ok(()));
        assert!(by("a/tests/readme.rs", "README.md").is_err());
        assert!(by("scripts/never", "README.md").is_err());
        assert!(verdict("a/README.md", block).is_err());
    }

    #[test]
    fn a_comment_at_the_head_of_a_section_holds_to_its_end() {
        let text = "## One\n<!-- run by a/tests/x.rs -->\n\nWords.\n\n### In it\n```toml\n```\n\n## Two\n```toml\n```\n";
        let sources: Vec<_> = blocks_of(text).into_iter().map(|block| block.source).collect();
        assert_eq!(sources, [Some(Source::RunBy("a/tests/x.rs".to_owned())), None]);
    }
}
