//! Names the guests that are measured.

use std::{fs, path::Path};

use crate::Failure;

/// A guest with the operations `echo` and `callback`. A further one is a line in [`GUESTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guest {
    /// How the tables call it.
    pub name: &'static str,
    /// Where it lies, seen from the folder of this package: a module, or its text.
    path: &'static str,
}

/// The waPC guests that every waPC host runs. The first is the measure of the others; the second is made with our own library.
pub const GUESTS: &[Guest] = &[
    Guest { name: "WAT", path: "../guests/echo.wat" },
    Guest { name: "wascc-guest", path: "../../examples/guests/modules/echo.wasm" },
    Guest { name: "wapc-guest 1.2", path: "../../examples/guests/sdk/modules/rust-public.wasm" },
];

impl Guest {
    /// What Extism runs in the waPC guests' place.
    pub const PLUGIN: Self = Self { name: "plug-in", path: "guests/extism-echo.wat" };

    /// The module's bytes.
    ///
    /// # Errors
    /// When there is no such file, or no such module in it.
    pub fn load(&self) -> Result<Vec<u8>, Failure> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.path);
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let wasm = wat::parse_bytes(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(wasm.into_owned())
    }
}
