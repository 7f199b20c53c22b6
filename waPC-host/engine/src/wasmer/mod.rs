//! Compiles and runs modules with wasmer: all that names wasmer or one of its crates is in this
//! folder, and no type of theirs leaves it.
//!
//! | what the rest of the crate sees | |
//! |---|---|
//! | [`compile`], [`module::Compiled`] | bytes, or what the cache kept of them, to compiled modules |
//! | [`host_function::HostFunction`] | a function that the embedding program offers to guests |
//! | [`memory::budget::Budget`] | what an instance may use |
//! | [`store::Store`], [`exports::Exports`] | the memory and state of one instance, and what it exports |
//! | [`store::Entering`], [`store::Invocation`] | the two ways to call a guest, which end with results, a [`run::call::Fault`] or a [`run::trap::Trap`] |
//! | `image::Image` | what an instance was like at one moment, to be put back |
//! | [`fuel::Fuel`] | the fuel of an instance |
//! | [`run::interrupt`], [`run::stop::LentFlag`] | how another thread ends a run |

pub(crate) mod arguments;
#[allow(unsafe_code)]
pub(crate) mod compile;
#[allow(unsafe_code)]
pub(crate) mod context;
pub(crate) mod exports;
pub(crate) mod fuel;
#[allow(unsafe_code)]
pub(crate) mod host_function;
#[allow(unsafe_code)]
pub(crate) mod image;
pub(crate) mod memory;
pub(crate) mod module;
pub(crate) mod run;
#[allow(unsafe_code)]
pub(crate) mod store;
pub(crate) mod types;
