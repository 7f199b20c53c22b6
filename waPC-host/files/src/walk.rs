//! Walks the way to a directory, name by name, through links too, and checks each step.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs, io,
    path::{Component, Path, PathBuf},
};

use crate::{FileError, owner};

/// How many links an operating system follows.
const MOST_LINKS: usize = 40;

/// Where a directory really is, when nobody but this user and root could have changed the way to it. The directory itself is not
/// checked.
pub(crate) fn to(path: &Path) -> Result<PathBuf, FileError> {
    let failed = |at: &Path, source: io::Error| FileError::Open { path: at.to_owned(), source };
    let absolute = std::path::absolute(path).map_err(|source| failed(path, source))?;
    let mut ahead: VecDeque<OsString> = names_of(&absolute).collect();
    let mut here = PathBuf::new();
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        let next = here.join(&name);
        let metadata = fs::symlink_metadata(&next).map_err(|source| failed(&next, source))?;
        if !metadata.is_symlink() {
            if !ahead.is_empty() {
                owner::of_directory_on_the_way(&next, &metadata)?;
            }
            here = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(FileError::TooManyLinks { path: path.to_owned(), limit: MOST_LINKS });
        }
        owner::belongs(&next, &metadata)?;
        let target = fs::read_link(&next).map_err(|source| failed(&next, source))?;
        if target.is_absolute() {
            here.clear();
        }
        for name in names_of(&target).collect::<Vec<_>>().into_iter().rev() {
            ahead.push_front(name);
        }
    }
    // `..` in a link's target leads on from where the link stood.
    here.canonicalize().map_err(|source| failed(&here, source))
}

fn names_of(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components()
        .filter(|component| !matches!(component, Component::CurDir))
        .map(|component| component.as_os_str().to_owned())
}
