//! The behaviour of a host, one file for each: with actors written in the text format and signed here, a provider that
//! records what it is asked, and a clock that is moved by hand.

mod actor_calls;
mod audit;
mod audit_failures;
mod cache;
mod chains;
mod changes;
mod checking;
mod delivery;
mod drain;
mod durations;
mod expired_while_running;
mod grants;
mod guest_failures;
mod handover;
mod health;
mod links;
mod many_grants;
mod owners;
mod policy_replaced;
mod providers;
mod providers_under_load;
mod refusals;
mod refused_by_name;
mod revisions;
mod revoked_while_running;
mod rotation;
mod shutdown;
mod status;
mod strangers;
mod support;
mod swap;
mod swap_rules;
mod tightening;
mod trail;
mod wasi;
