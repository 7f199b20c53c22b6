//! Makes memories and tables that keep to the budget of their instance.

pub(crate) mod budget;
#[allow(unsafe_code)]
pub(crate) mod limited;
#[allow(unsafe_code)]
pub(crate) mod pages;
#[allow(unsafe_code)]
pub(crate) mod tunables;
