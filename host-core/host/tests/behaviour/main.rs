//! The behaviour of a host, one file for each: with actors written in the text format and signed here, a provider that
//! records what it is asked, and a clock that is moved by hand.

mod actor_calls;
mod cache;
mod changes;
mod delivery;
mod drain;
mod expiry;
mod grants;
mod guest_failures;
mod health;
mod links;
mod providers;
mod providers_under_load;
mod refusals;
mod shutdown;
mod status;
mod support;
mod swap;
