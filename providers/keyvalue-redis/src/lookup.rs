//! Looks a server's name up anew for each connection, in a time that ends.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use parking_lot::{Condvar, Mutex, MutexGuard};
use system_limits::begin_thread;

use crate::until::Until;

/// The lookups of one server's name. The system's own function has no time limit, so it runs on a thread of its own, of which
/// there is at most one at a time: calls that come while it runs wait for the same outcome.
#[derive(Debug, Default)]
pub(crate) struct Lookup(Arc<State>);

#[derive(Debug, Default)]
struct State {
    current: Mutex<Current>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct Current {
    running: bool,
    /// How many lookups were done, and what came of the last one.
    round: u64,
    outcome: Option<Result<Vec<SocketAddr>, String>>,
}

impl Lookup {
    /// The addresses that the name has now.
    pub(crate) fn addresses(&self, host: &str, port: u16, until: Until<'_>) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let mut current = self.0.current.lock();
        let round = current.round;
        if !current.running {
            current.running = true;
            let (state, host) = (Arc::clone(&self.0), host.to_owned());
            // Others may wait for the same outcome meanwhile, and none of them longer than until its own deadline.
            let begun = MutexGuard::unlocked(&mut current, || {
                begin_thread("redis-lookup", move || state.look_up(&host, port))
            });
            if let Err(error) = begun {
                current.end(Err(error.to_string()));
                self.0.done.notify_all();
                return Err(error);
            }
        }
        while current.round == round {
            self.0.done.wait_for(&mut current, until.next_look()?);
        }
        match &current.outcome {
            Some(Ok(addresses)) => Ok(addresses.clone()),
            Some(Err(reason)) => Err(io::Error::new(io::ErrorKind::NotFound, reason.clone())),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Current {
    fn end(&mut self, outcome: Result<Vec<SocketAddr>, String>) {
        *self = Self { running: false, round: self.round + 1, outcome: Some(outcome) };
    }
}

impl State {
    fn look_up(&self, host: &str, port: u16) {
        let outcome =
            (host, port).to_socket_addrs().map(Iterator::collect).map_err(|error| error.to_string());
        let mut current = self.current.lock();
        current.end(outcome);
        self.done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use capability_provider::CallContext;

    use super::*;

    fn until(limit: Duration) -> Until<'static> {
        Until { deadline: Instant::now() + limit, context: CallContext::DETACHED }
    }

    #[test]
    fn a_lookup_ends_at_its_deadline() {
        let lookup = Lookup::default();
        // As if the system's function had not come back yet.
        lookup.0.current.lock().running = true;
        let error = lookup.addresses("name", 1, until(Duration::from_millis(20))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_name_is_looked_up_anew_each_time() {
        let (lookup, far) = (Lookup::default(), until(Duration::from_secs(60)));
        for round in 1..=2 {
            assert!(!lookup.addresses("localhost", 7, far).unwrap().is_empty());
            assert_eq!(lookup.0.current.lock().round, round);
        }
        assert_eq!(lookup.addresses("127.0.0.1", 7, far).unwrap(), [([127, 0, 0, 1], 7).into()]);
        assert_eq!(lookup.addresses("::1", 7, far).unwrap().len(), 1);
    }
}
