//! Accepts connections, until told to stop.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::yield_now,
    time::{sleep, timeout},
};

use crate::{peer::Peer, routes::Routes, settings::ConnectionSettings, socket::Socket};

/// How long to back off when the system has no file handle left for another connection.
const BACKOFF: Duration = Duration::from_millis(50);

/// How often the connections get to read before the idle ones are closed.
const TURNS: usize = 4;

/// A connection, counted among those that may be open until the second value is dropped.
type Accepted = (TcpStream, OwnedSemaphorePermit);

/// Serves connections until `stop` is sent or dropped; then lets the requests in flight finish, as long as the link's
/// configuration allows.
pub(crate) async fn serve(listener: TcpListener, routes: Arc<Routes>, mut stop: oneshot::Receiver<()>) {
    let connections = Connections { routes, open: GracefulShutdown::new() };
    while let Some((stream, counted)) = until(&mut stop, connections.next(&listener)).await {
        connections.serve(stream, counted);
    }
    connections.serve_pending(&listener).await;
    drop(listener);
    connections.close().await;
}

/// The open connections of one listener.
struct Connections {
    routes: Arc<Routes>,
    open: GracefulShutdown,
}

impl Connections {
    async fn next(&self, listener: &TcpListener) -> Accepted {
        loop {
            match accept(listener, self.routes.connection_limit()).await {
                Ok(counted) => return counted,
                // The client went away before its connection was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    log::warn!("a connection could not be accepted: {error}");
                    sleep(BACKOFF).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, counted: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            log::debug!("a connection will be slower than it might be: {error}");
        }
        let routes = Arc::clone(&self.routes);
        let (stream, behind) = (Arc::new(stream), Arc::new(AtomicBool::new(false)));
        let peer = Arc::new(Peer::new(Arc::clone(&stream), Arc::clone(&behind)));
        let unread = Arc::new(AtomicBool::new(false));
        let left = Arc::clone(&unread);
        let service = service_fn(move |request| {
            let (routes, left, peer) = (Arc::clone(&routes), Arc::clone(&left), Arc::clone(&peer));
            async move {
                let served = routes.serve(request, &peer).await;
                left.fetch_or(served.leaves_unread, Ordering::Relaxed);
                Ok::<_, Infallible>(served.answer)
            }
        });
        let settings = self.routes.connection();
        let socket = Socket::new(stream, settings.write_timeout, unread, behind);
        let http = protocol(&settings);
        let connection = self.open.watch(http.serve_connection(TokioIo::new(socket), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                log::debug!("a connection ended early: {error}");
            }
            drop(counted);
        });
    }

    /// Serves the pending connections: those that were made before the end, and may have sent a request already.
    async fn serve_pending(&self, listener: &TcpListener) {
        poll_fn(|context| {
            while let Ok(counted) = self.routes.connection_limit().try_acquire_owned() {
                let Poll::Ready(Ok((stream, _))) = listener.poll_accept(context) else { break };
                self.serve(stream, counted);
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Closes idle connections at once, and the others after their request.
    async fn close(self) {
        // An idle connection may have a request waiting in its socket. Each turn looks at the sockets again and has the
        // connections read; a new connection takes two turns to begin.
        for _ in 0..TURNS {
            yield_now().await;
        }
        let drain = self.routes.all().iter().map(|route| route.settings().drain_timeout).max();
        let drain = drain.unwrap_or_default();
        if timeout(drain, self.open.shutdown()).await.is_err() {
            log::warn!("requests in flight were broken off after {drain:?}");
        }
    }
}

fn protocol(settings: &ConnectionSettings) -> http1::Builder {
    let mut http = http1::Builder::new();
    // A client that has sent its request may close its side and wait (RFC 9112, section 9.6).
    http.half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(settings.header_limit)
        .max_header_size(settings.header_limit);
    http
}

async fn accept(listener: &TcpListener, limit: Arc<Semaphore>) -> io::Result<Accepted> {
    let counted = limit.acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, counted))
}

/// The outcome of `future`, or nothing when `stop` comes first.
async fn until<T>(stop: &mut oneshot::Receiver<()>, future: impl Future<Output = T>) -> Option<T> {
    let (mut stop, mut future) = (pin!(stop), pin!(future));
    poll_fn(|context| match stop.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(context).map(Some),
    })
    .await
}
