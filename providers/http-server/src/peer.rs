//! Watches the client of a connection while its request is being answered.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use capability_provider::Caller;
use hyper::Version;
use tokio::{net::TcpStream, time::sleep};

/// How long a client that closed its side is given its answer before it is found out whether it is there, and between the first looks.
const LOOK: Duration = Duration::from_millis(15);

/// The longest time between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// An interim response that every client of HTTP/1.1 reads over (RFC 9110, section 15.2). A client that is gone answers it with a reset.
const PROBE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The other side of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    caller: Caller,
    stream: Arc<TcpStream>,
    /// Whether bytes of an answer wait for the client, so that nothing may be put between them.
    behind: Arc<AtomicBool>,
}

impl Peer {
    /// `behind` says whether the connection has bytes that it could not write yet.
    pub(crate) fn new(stream: Arc<TcpStream>, behind: Arc<AtomicBool>) -> Self {
        let address = stream.peer_addr().map_or_else(|_| "unknown".to_owned(), |peer| peer.to_string());
        Self { caller: Caller::client(address), stream, behind }
    }

    /// The client, as others are told on whose behalf they are called.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns when the client is gone: it broke the connection, or it closed its side and does not read either.
    ///
    /// A client that only closed its side waits for its answer (RFC 9112, section 9.6), and looks the same as one that is gone until
    /// something is sent to it.
    pub(crate) async fn gone(&self, version: Version) {
        let mut probed = version < Version::HTTP_11;
        let mut pause = LOOK;
        loop {
            match self.look() {
                Look::Gone => return,
                Look::Open => {
                    // Nobody is woken while the client is silent. Where it has sent more already, what is behind that is looked for.
                    if self.stream.readable().await.is_err() {
                        return;
                    }
                    if matches!(self.look(), Look::Open) {
                        sleep(LONGEST_PAUSE).await;
                    }
                    continue;
                }
                Look::Closed => {}
            }
            // Most answers come sooner than this.
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(2 * pause);
            if !probed && !self.behind.load(SeqCst) {
                match self.stream.try_write(PROBE) {
                    Ok(length) if length == PROBE.len() => (probed, pause) = (true, LOOK),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // A part of it would spoil the answer.
                    Ok(_) | Err(_) => return,
                }
            }
        }
    }

    fn look(&self) -> Look {
        let socket = socket2::SockRef::from(&*self.stream);
        // What broke the connection is told once; a later write fails all the same.
        if !matches!(socket.take_error(), Ok(None)) {
            return Look::Gone;
        }
        match socket.peek(&mut [std::mem::MaybeUninit::uninit()]) {
            Ok(0) => Look::Closed,
            // What comes next is there already; nobody sees what is behind it.
            Ok(_) => Look::Open,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Look::Open,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Look::Open,
            Err(_) => Look::Gone,
        }
    }
}

/// How a client stands.
enum Look {
    Open,
    /// It sends nothing any more.
    Closed,
    Gone,
}
