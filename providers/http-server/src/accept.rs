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

use crate::{front::Door, peer::Peer, settings::Settings, socket::Socket};

/// How long to wait when the system has no file handle left for another connection.
const BREATH: Duration = Duration::from_millis(50);

/// How often the connections are let read before those at rest are closed.
const TURNS: usize = 4;

/// A connection, and its place among those that are allowed.
type Guest = (TcpStream, OwnedSemaphorePermit);

/// Serves connections until `stop` is sent or dropped; then lets the requests in flight finish, as long as the link's
/// configuration allows.
pub(crate) async fn serve(listener: TcpListener, door: Arc<Door>, mut stop: oneshot::Receiver<()>) {
    let house = House { door, open: GracefulShutdown::new() };
    while let Some((stream, place)) = until(&mut stop, house.next_guest(&listener)).await {
        house.admit(stream, place);
    }
    house.admit_all_that_knocked(&listener).await;
    drop(listener);
    house.close().await;
}

/// The open connections of one listener.
struct House {
    door: Arc<Door>,
    open: GracefulShutdown,
}

impl House {
    async fn next_guest(&self, listener: &TcpListener) -> Guest {
        loop {
            // The generation itself is not held while nobody comes: it would not end.
            let places = self.door.front().places();
            match guest(listener, places).await {
                Ok(guest) => return guest,
                // The client went away before it was let in.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    log::warn!("a connection could not be accepted: {error}");
                    sleep(BREATH).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, place: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            log::debug!("a connection will be slower than it might be: {error}");
        }
        let door = Arc::clone(&self.door);
        let (stream, behind) = (Arc::new(stream), Arc::new(AtomicBool::new(false)));
        let peer = Arc::new(Peer::new(Arc::clone(&stream), Arc::clone(&behind)));
        let unread = Arc::new(AtomicBool::new(false));
        let left = Arc::clone(&unread);
        let service = service_fn(move |request| {
            let (front, left, peer) = (door.front(), Arc::clone(&left), Arc::clone(&peer));
            async move {
                let served = front.serve(request, &peer).await;
                left.fetch_or(served.leaves_unread, Ordering::Relaxed);
                Ok::<_, Infallible>(served.answer)
            }
        });
        let front = self.door.front();
        let socket = Socket::new(stream, front.settings().write_timeout, unread, behind);
        let http = protocol(front.settings());
        let connection = self.open.watch(http.serve_connection(TokioIo::new(socket), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                log::debug!("a connection ended early: {error}");
            }
            drop(place);
        });
    }

    /// Lets in the connections that were made before the end; whoever made them may have sent a request already.
    async fn admit_all_that_knocked(&self, listener: &TcpListener) {
        poll_fn(|context| {
            while let Ok(place) = self.door.front().places().try_acquire_owned() {
                let Poll::Ready(Ok((stream, _))) = listener.poll_accept(context) else { break };
                self.admit(stream, place);
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Closes the connections at rest at once, and the others after their request.
    async fn close(self) {
        // A connection at rest may have a request waiting in its socket. Each turn looks at the sockets again and lets the
        // connections read; a connection that is new takes two turns to begin.
        for _ in 0..TURNS {
            yield_now().await;
        }
        let Settings { address, drain_timeout, .. } = *self.door.front().settings();
        if timeout(drain_timeout, self.open.shutdown()).await.is_err() {
            log::warn!("requests in flight on {address} were broken off after {drain_timeout:?}");
        }
    }
}

fn protocol(settings: &Settings) -> http1::Builder {
    let mut http = http1::Builder::new();
    // A client that has sent its request may close its side and wait (RFC 9112, section 9.6).
    http.half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(settings.header_limit)
        .max_header_size(settings.header_limit);
    http
}

async fn guest(listener: &TcpListener, places: Arc<Semaphore>) -> io::Result<Guest> {
    let place = places.acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
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
