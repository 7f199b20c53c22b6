//! Reads the modules of a crate: what each file declares, brings into scope and names.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::Peekable,
    path::{Path, PathBuf},
    vec::IntoIter,
};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The names from the crate's root to a module, which has none itself.
pub(crate) type ModulePath = Vec<String>;

/// All modules of a crate. Those of tests are left out.
#[derive(Debug, Default)]
pub(crate) struct Crate {
    pub(crate) modules: BTreeMap<ModulePath, Module>,
    /// The files that hold more than declarations of modules and re-exports.
    pub(crate) with_code: BTreeSet<PathBuf>,
}

#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    /// What is defined here, and the modules that are declared here.
    pub(crate) items: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    /// Paths in code, each with two names at least.
    pub(crate) paths: BTreeSet<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// The name that it has here; none for all that is there (`*`).
    pub(crate) name: Option<String>,
    pub(crate) is_public: bool,
}

/// Reads a crate from its root file on.
pub(crate) fn read(root: &Path, text_of: &dyn Fn(&Path) -> Option<String>) -> Crate {
    let mut reader = Reader { text_of, found: Crate::default() };
    let folder = root.parent().expect("a root file is in a folder");
    reader.file(root, folder, &ModulePath::new());
    reader.found
}

struct Reader<'a> {
    text_of: &'a dyn Fn(&Path) -> Option<String>,
    found: Crate,
}

/// Where the reader is.
struct Place<'a> {
    module: &'a ModulePath,
    file: &'a Path,
    /// Where the files of the modules are that are declared here.
    folder: &'a Path,
}

type Tokens = Peekable<IntoIter<TokenTree>>;

impl Reader<'_> {
    fn file(&mut self, file: &Path, folder: &Path, module: &ModulePath) {
        let text = (self.text_of)(file).unwrap_or_else(|| panic!("{} can be read", file.display()));
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.tokens(tokens, &Place { module, file, folder }, true);
    }

    fn module(&mut self, place: &Place<'_>) -> &mut Module {
        let module = self.found.modules.entry(place.module.clone()).or_default();
        module.file = place.file.to_owned();
        module
    }

    fn code(&mut self, place: &Place<'_>) {
        self.found.with_code.insert(place.file.to_owned());
    }

    /// `outermost`: in a module itself, and not inside of one of its items.
    fn tokens(&mut self, tokens: TokenStream, place: &Place<'_>, outermost: bool) {
        self.module(place);
        let mut tokens = tokens.into_iter().collect::<Vec<_>>().into_iter().peekable();
        let mut is_public = false;
        let mut after = None;
        while let Some(token) = tokens.next() {
            let word = word(&token);
            let goes_on = matches!(after, Some('.' | ':'));
            after = None;
            match (&token, word.as_deref()) {
                (TokenTree::Punct(mark), _) if mark.as_char() == '#' => {
                    if attribute(&mut tokens).is_some_and(|attribute| is_of_tests(&attribute)) {
                        skip_item(&mut tokens);
                    }
                    continue;
                }
                (_, Some("pub")) => {
                    is_public = true;
                    group(&mut tokens, Delimiter::Parenthesis);
                    continue;
                }
                (_, Some("mod")) => {
                    let name = name(&mut tokens);
                    if let Some(name) = name {
                        self.declared(&name, group(&mut tokens, Delimiter::Brace), place);
                    }
                }
                (_, Some("use")) if !is_mark(tokens.peek(), '<') => {
                    let mut path = Vec::new();
                    let mut imports = Vec::new();
                    use_tree(&mut tokens, &mut path, &mut imports);
                    imports.iter_mut().for_each(|import| import.is_public = is_public);
                    if !is_public {
                        self.code(place);
                    }
                    self.module(place).imports.extend(imports);
                }
                (_, Some(keyword)) if outermost && DEFINES.contains(&keyword) => {
                    self.code(place);
                    if is_mark(tokens.peek(), '!') {
                        tokens.next();
                    }
                    if let Some(name) = name(&mut tokens) {
                        self.module(place).items.insert(name);
                    }
                }
                (TokenTree::Ident(_), Some(first)) => {
                    self.code(place);
                    let path = path(first.to_owned(), &mut tokens);
                    if path.len() > 1 && !goes_on {
                        self.module(place).paths.insert(path);
                    }
                }
                (TokenTree::Group(inner), _) => {
                    self.code(place);
                    self.tokens(inner.stream(), place, false);
                }
                (TokenTree::Punct(mark), _) => after = Some(mark.as_char()),
                _ => {}
            }
            is_public = false;
        }
    }

    fn declared(&mut self, name: &str, body: Option<Group>, place: &Place<'_>) {
        self.module(place).items.insert(name.to_owned());
        let module: ModulePath = place.module.iter().cloned().chain([name.to_owned()]).collect();
        let folder = place.folder.join(name);
        if let Some(body) = body {
            let place = Place { module: &module, folder: &folder, ..*place };
            return self.tokens(body.stream(), &place, true);
        }
        let files = [folder.with_extension("rs"), folder.join("mod.rs")];
        let file = files.iter().find(|file| (self.text_of)(file).is_some());
        let file = file.unwrap_or_else(|| panic!("{} declares {name}", place.file.display()));
        self.file(file, &folder, &module);
    }
}

/// The words before the name of what is defined.
const DEFINES: [&str; 9] =
    ["struct", "enum", "union", "trait", "fn", "const", "static", "type", "macro_rules"];

fn word(token: &TokenTree) -> Option<String> {
    if let TokenTree::Ident(ident) = token { Some(ident.to_string()) } else { None }
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

fn name(tokens: &mut Tokens) -> Option<String> {
    let name = tokens.peek().and_then(word)?;
    tokens.next();
    Some(name)
}

fn group(tokens: &mut Tokens, delimiter: Delimiter) -> Option<Group> {
    match tokens.peek() {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => {
            let group = group.clone();
            tokens.next();
            Some(group)
        }
        _ => None,
    }
}

/// Two colons, which are taken when a name follows.
fn colons(tokens: &mut Tokens) -> bool {
    let mut ahead = tokens.clone();
    let there = is_mark(ahead.next().as_ref(), ':') && is_mark(ahead.next().as_ref(), ':');
    if there && ahead.peek().and_then(word).is_some() {
        *tokens = ahead;
        return true;
    }
    false
}

fn path(first: String, tokens: &mut Tokens) -> Vec<String> {
    let mut path = vec![first];
    while colons(tokens) {
        path.extend(name(tokens));
    }
    path
}

/// What is in the brackets of an attribute whose `#` was read.
fn attribute(tokens: &mut Tokens) -> Option<Group> {
    if is_mark(tokens.peek(), '!') {
        tokens.next();
    }
    group(tokens, Delimiter::Bracket)
}

/// Whether what follows is there only in tests: `cfg(test)`, `cfg(doctest)` or `cfg(all(test, ...))`.
fn is_of_tests(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    assert!(!text.starts_with("path="), "files are found by the names of their modules: {text}");
    ["cfg(test)", "cfg(doctest)", "cfg(all(test,"].iter().any(|cfg| text.starts_with(cfg))
}

/// Skips one item, statement, field or arm with its other attributes.
fn skip_item(tokens: &mut Tokens) {
    while is_mark(tokens.peek(), '#') {
        tokens.next();
        attribute(tokens);
    }
    let begins = tokens.clone().filter_map(|token| word(&token)).find(|word| word != "pub");
    let to_semicolon = matches!(begins.as_deref(), Some("use" | "static" | "let" | "type"));
    for token in tokens.by_ref() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == ';' => return,
            TokenTree::Punct(mark) if mark.as_char() == ',' && !to_semicolon => return,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !to_semicolon => return,
            _ => {}
        }
    }
}

/// Reads one tree of an import, behind `use` or in its braces, up to the `;` or `,` behind it.
fn use_tree(tokens: &mut Tokens, path: &mut Vec<String>, found: &mut Vec<Import>) {
    let depth = path.len();
    let mut name = None;
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Ident(ident) if ident == "as" => name = tokens.next().as_ref().and_then(word),
            TokenTree::Ident(ident) if ident == "self" && !path.is_empty() => {}
            TokenTree::Ident(ident) => path.push(ident.to_string()),
            TokenTree::Group(group) => {
                let mut inner = group.stream().into_iter().collect::<Vec<_>>().into_iter().peekable();
                while inner.peek().is_some() {
                    use_tree(&mut inner, path, found);
                }
                path.truncate(depth);
                take_separator(tokens);
                return;
            }
            TokenTree::Punct(mark) if mark.as_char() == '*' => {
                found.push(Import { path: path.clone(), name: None, is_public: false });
                path.truncate(depth);
                take_separator(tokens);
                return;
            }
            TokenTree::Punct(mark) if matches!(mark.as_char(), ';' | ',') => break,
            _ => {}
        }
    }
    if let Some(last) = path.last().cloned() {
        found.push(Import { path: path.clone(), name: Some(name.unwrap_or(last)), is_public: false });
    }
    path.truncate(depth);
}

fn take_separator(tokens: &mut Tokens) {
    if is_mark(tokens.peek(), ';') || is_mark(tokens.peek(), ',') {
        tokens.next();
    }
}
