//! Runs one listener: its address, its socket thread, and the routes of its links.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Instant,
};

use capability_provider::ProviderError;
use system_limits::begin_thread;
use tokio::{runtime, sync::oneshot};

use crate::{accept, route::Route, routes::Routes};

/// A running listener.
#[derive(Debug)]
pub(crate) struct Listener {
    local: SocketAddr,
    routes: Arc<Routes>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Listener {
    /// Binds the address of a route and starts to listen.
    pub(crate) fn start(route: Arc<Route>) -> Result<Self, ProviderError> {
        let wanted = route.settings().address;
        let failed = |reason| unavailable(wanted, &reason);
        let socket = TcpListener::bind(wanted).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        let local = socket.local_addr().map_err(failed)?;
        let routes = Arc::new(Routes::new(local, Arc::clone(&route)));
        let (stop, stopped) = oneshot::channel();
        let thread = socket_thread(socket, Arc::clone(&routes), stopped).map_err(failed)?;
        log::info!("listening on http://{local} for {}: {}", route.link(), route.place());
        Ok(Self { local, routes, stop, thread })
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Whether the socket thread still runs.
    pub(crate) fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Stops accepting, lets the requests in flight finish within the drain time of their routes, and ends the thread.
    pub(crate) fn stop(self) {
        let routes = self.routes.all();
        let drain = routes.iter().map(|route| route.settings().drain_timeout).max().unwrap_or_default();
        let deadline = Instant::now() + drain;
        // An error means that the thread has ended already.
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            log::error!("the socket thread of http://{} panicked", self.local);
        }
        routes.iter().for_each(|route| route.finish_calls(deadline));
        log::info!("no longer listening on http://{}", self.local);
    }
}

fn unavailable(address: SocketAddr, reason: &io::Error) -> ProviderError {
    ProviderError::Unavailable { resource: format!("the address {address}"), reason: reason.to_string() }
}

/// Starts the thread that owns the runtime. The runtime is built and dropped there, because a caller may itself be inside
/// another runtime, where dropping one is not allowed.
fn socket_thread(
    socket: TcpListener,
    routes: Arc<Routes>,
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
