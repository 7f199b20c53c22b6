//! Runs one listener: its address, its socket thread and its workers.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use capability_provider::{ActorHandle, ProviderError};
use system_limits::{WorkersEnd, begin_thread};
use tokio::{runtime, sync::oneshot};

use crate::{
    accept,
    route::{CurrentRoute, Route},
    settings::Settings,
    workers::{self, Job},
};

/// A running listener.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The address as the configuration has it, perhaps with port 0.
    wanted: SocketAddr,
    local: SocketAddr,
    routes: Arc<CurrentRoute>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    worker_set: WorkerSet,
}

/// The workers of one route, and how long they may go on when it ends.
#[derive(Debug)]
pub(crate) struct WorkerSet {
    workers: WorkersEnd<Job>,
    drain: Duration,
}

impl Listener {
    /// Binds the address and starts to listen.
    pub(crate) fn start(settings: Settings, actor: &ActorHandle) -> Result<Self, ProviderError> {
        let wanted = settings.address;
        let failed = |reason| unavailable(wanted, &reason);
        let socket = TcpListener::bind(wanted).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        let local = socket.local_addr().map_err(failed)?;
        let (route, worker_set) = route_and_workers(settings, actor);
        let routes = Arc::new(CurrentRoute::new(route));
        let (stop, stopped) = oneshot::channel();
        let thread = socket_thread(socket, Arc::clone(&routes), stopped).map_err(failed)?;
        log::info!("listening on http://{local} for {}", actor.link());
        Ok(Self { wanted, local, routes, stop, thread, worker_set })
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Whether this listener is one for an address as a configuration has it.
    pub(crate) fn is_for(&self, wanted: SocketAddr) -> bool {
        self.wanted == wanted && self.is_alive()
    }

    /// Whether the socket thread still runs.
    pub(crate) fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Gives new requests another configuration and other workers; the socket and the connections stay. Returns the old workers,
    /// which end with their last request.
    pub(crate) fn replace(&mut self, settings: Settings, actor: &ActorHandle) -> WorkerSet {
        let (route, worker_set) = route_and_workers(settings, actor);
        self.routes.replace(route);
        std::mem::replace(&mut self.worker_set, worker_set)
    }

    /// Stops accepting, lets the requests in flight finish within the drain time, and ends the threads.
    pub(crate) fn stop(self) {
        let deadline = Instant::now() + self.worker_set.drain;
        // An error means that the thread has ended already.
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            log::error!("the socket thread of http://{} panicked", self.local);
        }
        // The last reference to the workers, which end without it.
        drop(self.routes);
        workers::finish(&self.worker_set.workers, deadline);
        log::info!("no longer listening on http://{}", self.local);
    }
}

impl WorkerSet {
    /// Waits for the requests in flight, but no longer than the drain time.
    pub(crate) fn finish(self) {
        workers::finish(&self.workers, Instant::now() + self.drain);
    }
}

fn route_and_workers(settings: Settings, actor: &ActorHandle) -> (Route, WorkerSet) {
    let workers = workers::workers(settings.workers, settings.queue);
    let worker_set = WorkerSet { workers: workers.end(), drain: settings.drain_timeout };
    (Route::new(settings, workers, actor.clone()), worker_set)
}

fn unavailable(address: SocketAddr, reason: &io::Error) -> ProviderError {
    ProviderError::Unavailable { resource: format!("the address {address}"), reason: reason.to_string() }
}

/// Starts the thread that owns the runtime. The runtime is built and dropped there, because a caller may itself be inside
/// another runtime, where dropping one is not allowed.
fn socket_thread(
    socket: TcpListener,
    routes: Arc<CurrentRoute>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    let (ready, started) = mpsc::sync_channel(1);
    let thread = begin_thread("http-sockets", move || {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return report(&ready, Err(error)),
        };
        runtime.block_on(async {
            match tokio::net::TcpListener::from_std(socket) {
                Ok(listener) => {
                    report(&ready, Ok(()));
                    accept::serve(listener, routes, stopped).await;
                }
                Err(error) => report(&ready, Err(error)),
            }
        });
    })?;
    started.recv().map_err(io::Error::other)??;
    Ok(thread)
}

fn report(ready: &mpsc::SyncSender<io::Result<()>>, outcome: io::Result<()>) {
    // The thread that began this one waits for exactly this message.
    let _ = ready.send(outcome);
}
