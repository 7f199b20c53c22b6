//! Names who is measured.

use std::error::Error;

use call_overhead::Floor;

use crate::{
    GUESTS, Guest,
    extism_plugin::ExtismPlugin,
    ours::{Ours, OursOwned},
    wapc_rs::WapcRs,
};

/// Why something could not be measured.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A guest, ready to be called by one of the [`Host`]s. A call from the guest is answered with what it carried.
pub trait Contender {
    /// Sends one operation; the reply lies here until the next call. The arguments live for ever so that the floor need not
    /// copy them.
    ///
    /// # Errors
    /// What the host says when the call fails.
    fn call(&mut self, operation: &'static str, payload: &'static [u8]) -> Result<&[u8], Failure>;
}

/// A way to run a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The least code on wasmer that serves the guest.
    Floor,
    /// `wapc-host`, without a deadline, the reply written into the caller's buffer.
    Ours,
    /// The same with the deadline of 30 s that every call has unless it is told otherwise.
    OursWithDeadline,
    /// `wapc-host`, without a deadline, each reply in a new `Vec`, as the peers return theirs.
    OursOwned,
    /// `wapc` on `wasmtime-provider`.
    WapcRs,
    /// `extism`, whose guest is always the plug-in.
    Extism,
}

/// A guest on a host: what has one place in the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entrant {
    /// What runs.
    pub guest: Guest,
    /// What runs it.
    pub host: Host,
}

impl Entrant {
    /// Every waPC guest on every waPC host, and the plug-in on Extism.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let hosts = Host::ALL.into_iter().filter(|host| host.speaks_wapc());
        hosts
            .flat_map(|host| GUESTS.iter().map(move |&guest| Self { guest, host }))
            .chain([Self { guest: Guest::PLUGIN, host: Host::Extism }])
            .collect()
    }

    /// The guest on its host, ready for calls.
    ///
    /// # Errors
    /// As [`Host::serve`].
    pub fn contender(&self) -> Result<Box<dyn Contender>, Failure> {
        self.host.serve(&self.guest).map_err(|error| {
            format!("{} does not serve the guest {:?}: {error}", self.host.title(), self.guest.name).into()
        })
    }
}

impl Host {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 6] =
        [Self::Floor, Self::Ours, Self::OursWithDeadline, Self::OursOwned, Self::WapcRs, Self::Extism];

    /// The heading of its column.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ours => "ours",
            Self::OursWithDeadline => "ours, deadline",
            Self::OursOwned => "ours, owned reply",
            Self::WapcRs => "wapc-rs",
            Self::Extism => "Extism",
        }
    }

    /// Whether it runs waPC guests.
    #[must_use]
    pub fn speaks_wapc(self) -> bool {
        self != Self::Extism
    }

    /// `guest`, running and ready for calls.
    ///
    /// # Errors
    /// When the guest cannot be read or started.
    pub fn serve(self, guest: &Guest) -> Result<Box<dyn Contender>, Failure> {
        let wasm = guest.load()?;
        Ok(match self {
            Self::Floor => Box::new(Floor::new(&wasm)),
            Self::Ours => Box::new(Ours::without_deadline(&wasm)?),
            Self::OursWithDeadline => Box::new(Ours::with_deadline(&wasm)?),
            Self::OursOwned => Box::new(OursOwned::new(&wasm)?),
            Self::WapcRs => Box::new(WapcRs::new(&wasm)?),
            Self::Extism => Box::new(ExtismPlugin::new(&wasm)?),
        })
    }
}
