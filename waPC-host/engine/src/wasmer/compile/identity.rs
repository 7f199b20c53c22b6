//! Names everything that machine code depends on besides its module.

use wasmer::sys::Target;

use crate::cache::{Key, digest};

/// The digest of what this engine is made of and how it is set: code that was made under another is
/// never executed under this one.
pub(crate) fn of(metered: bool) -> Key {
    digest(text(metered).as_bytes())
}

fn text(metered: bool) -> String {
    let target = Target::default();
    // `build.rs` reads them.
    let (makers, sources) = (env!("WAPC_ENGINE_MAKERS"), env!("WAPC_ENGINE_SOURCES"));
    format!(
        "wapc-engine {} {sources}; wasmer {}; {makers}; interrupts {}; fuel {metered}; {} {:?}",
        env!("CARGO_PKG_VERSION"),
        wasmer::sys::vm::VERSION,
        cfg!(feature = "host-interrupt"),
        target.triple(),
        target.cpu_features(),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn it_names_the_version_of_all_that_makes_code() {
        let text = text(false);
        let lock_file = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
        for name in [
            "cranelift-assembler-x64",
            "cranelift-codegen",
            "cranelift-frontend",
            "regalloc2",
            "wasmer",
            "wasmer-compiler",
            "wasmer-compiler-cranelift",
            "wasmer-middlewares",
            "wasmer-types",
            "wasmer-vm",
            "wasmparser",
            "rkyv",
        ] {
            let begin = format!("name = \"{name}\"\nversion = \"");
            let (_, rest) =
                lock_file.split_once(&begin).unwrap_or_else(|| panic!("no {name} in the lock file"));
            let version = rest.split('"').next().unwrap();
            assert!(text.contains(&format!("{name} {version}")), "{name} {version} is not in: {text}");
        }
    }

    #[test]
    fn it_names_this_crate_and_its_sources() {
        let text = text(false);
        assert!(text.contains(env!("CARGO_PKG_VERSION")), "{text}");
        let sources = text.split([' ', ';']).nth(2).unwrap();
        assert!(sources.len() == 16 && sources != "cbf29ce484222325", "{text}");
    }

    #[test]
    fn settings_tell_engines_apart() {
        assert_ne!(of(false), of(true));
        assert_eq!(of(true), of(true));
    }
}
