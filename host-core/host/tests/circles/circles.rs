//! Finds out from which file each name comes, and which files know each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::source::{Crate, Import, Module, ModulePath};

/// Each file beside those that it takes something from, with the last words of the paths by which it does.
pub(crate) type Arrows = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

/// The most re-exports that one name is followed through.
const MOST_STEPS: usize = 16;

/// The arrows between the files of a crate.
pub(crate) fn arrows(of: &Crate) -> Arrows {
    let mut arrows = Arrows::new();
    for (path, module) in &of.modules {
        if !of.with_code.contains(&module.file) {
            continue;
        }
        let imported = module.imports.iter().map(|import| (&import.path, of.imported(path, import)));
        let named = module.paths.iter().map(|names| (names, of.resolve(path, names, MOST_STEPS)));
        let from = arrows.entry(module.file.clone()).or_default();
        for (names, files) in imported.chain(named) {
            for file in files.into_iter().filter(|file| *file != module.file) {
                from.entry(file).or_default().extend(names.last().cloned());
            }
        }
    }
    arrows
}

/// The files that can be reached from themselves, in groups of those that can reach each other.
pub(crate) fn circles(arrows: &Arrows) -> Vec<BTreeSet<PathBuf>> {
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        arrows.keys().map(|file| (&**file, reached(arrows, file))).collect();
    let circle = |file: &Path| -> BTreeSet<PathBuf> {
        let there =
            reached[file].iter().filter(|other| reached.get(**other).is_some_and(|back| back.contains(file)));
        there.map(|file| file.to_path_buf()).collect()
    };
    let all: BTreeSet<BTreeSet<PathBuf>> = reached.keys().map(|file| circle(file)).collect();
    all.into_iter().filter(|circle| !circle.is_empty()).collect()
}

/// The arrows of a circle, one on each line.
pub(crate) fn told(arrows: &Arrows, circle: &BTreeSet<PathBuf>) -> String {
    let inside = circle.iter().flat_map(|from| arrows[from].iter().map(move |(to, names)| (from, to, names)));
    let lines = inside.filter(|(_, to, _)| circle.contains(*to)).map(|(from, to, names)| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        format!("  {} takes {} from {}\n", from.display(), names.join(", "), to.display())
    });
    lines.collect()
}

fn reached<'a>(arrows: &'a Arrows, from: &'a Path) -> BTreeSet<&'a Path> {
    let (mut reached, mut ahead) = (BTreeSet::new(), vec![from]);
    while let Some(file) = ahead.pop() {
        let next = arrows.get(file).into_iter().flat_map(BTreeMap::keys).map(|file| &**file);
        ahead.extend(next.filter(|file| reached.insert(*file)));
    }
    reached
}

impl Crate {
    /// The files that an import takes something from.
    fn imported(&self, from: &ModulePath, import: &Import) -> Vec<PathBuf> {
        if import.name.is_some() {
            return self.resolve(from, &import.path, MOST_STEPS);
        }
        let Some((path, [])) = self.walk(from, &import.path) else { return Vec::new() };
        self.all_of(&path)
    }

    /// A module's file, or where it has no code, all that it re-exports.
    fn all_of(&self, path: &ModulePath) -> Vec<PathBuf> {
        let module = &self.modules[path];
        if self.with_code.contains(&module.file) {
            return vec![module.file.clone()];
        }
        let named = module.imports.iter().filter(|import| import.name.is_some());
        named.flat_map(|import| self.resolve(path, &import.path, MOST_STEPS)).collect()
    }

    /// The file in which a path's item is defined; none for what is of another crate.
    fn resolve(&self, from: &ModulePath, names: &[String], steps: usize) -> Vec<PathBuf> {
        if let Some((path, rest)) = self.walk(from, names) {
            return match rest {
                [] => vec![self.modules[&path].file.clone()],
                [item, rest @ ..] => self
                    .item(&path, item, rest, steps)
                    .unwrap_or_else(|| vec![self.modules[&path].file.clone()]),
            };
        }
        // The first name may be one that was brought into scope.
        let [first, rest @ ..] = names else { return Vec::new() };
        self.brought(&self.modules[from], from, first, rest, steps).unwrap_or_default()
    }

    /// Follows an item through the imports of a module until where it is defined; none when the module has no such name.
    fn item(&self, path: &ModulePath, item: &str, rest: &[String], steps: usize) -> Option<Vec<PathBuf>> {
        let module = &self.modules[path];
        if module.items.contains(item) {
            return Some(vec![module.file.clone()]);
        }
        self.brought(module, path, item, rest, steps).or_else(|| {
            let globs = module.imports.iter().filter(|import| import.name.is_none() && steps > 0);
            let mut globs = globs.filter_map(|import| match self.walk(path, &import.path) {
                Some((other, [])) if other != *path => Some(other),
                _ => None,
            });
            globs.find_map(|other| self.item(&other, item, rest, steps - 1))
        })
    }

    /// What a name stands for that an import of the module brings into scope.
    fn brought(
        &self,
        module: &Module,
        path: &ModulePath,
        name: &str,
        rest: &[String],
        steps: usize,
    ) -> Option<Vec<PathBuf>> {
        let imports =
            module.imports.iter().filter(|import| import.name.as_deref() == Some(name) && steps > 0);
        // An import that leads to itself has the name of another crate.
        let import = imports.clone().find(|import| import.path != [name])?;
        let names: Vec<String> = import.path.iter().chain(rest).cloned().collect();
        Some(self.resolve(path, &names, steps - 1))
    }

    /// As far into the modules as the names lead, and what is left of them; none for a path that does not begin in this crate.
    fn walk<'a>(&self, from: &ModulePath, names: &'a [String]) -> Option<(ModulePath, &'a [String])> {
        let (first, mut rest) = names.split_first()?;
        let mut path = match first.as_str() {
            "crate" => ModulePath::new(),
            "self" => from.clone(),
            "super" => from[..from.len().checked_sub(1)?].to_vec(),
            name => self.child(from, name)?,
        };
        while let [name, behind @ ..] = rest {
            path = match name.as_str() {
                "super" => path[..path.len().checked_sub(1)?].to_vec(),
                name => match self.child(&path, name) {
                    Some(child) => child,
                    None => break,
                },
            };
            rest = behind;
        }
        Some((path, rest))
    }

    fn child(&self, path: &ModulePath, name: &str) -> Option<ModulePath> {
        let child: ModulePath = path.iter().cloned().chain([name.to_owned()]).collect();
        self.modules.contains_key(&child).then_some(child)
    }
}
