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
use tokio::{io::Interest, net::TcpStream, time::sleep};

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
        // Most answers come sooner than this, and cost nothing by it.
        sleep(LOOK).await;
        loop {
            match self.look() {
                Look::Gone => return,
                // Nobody is woken while the client is silent.
                Look::Silent => {
                    if self.stream.readable().await.is_err() {
                        return;
                    }
                    continue;
                }
                // What comes next is there already, and nobody sees what is behind it.
                Look::SendsMore => {
                    sleep(LONGEST_PAUSE).await;
                    continue;
                }
                Look::Closed => {}
            }
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
        // Where nothing is there, the next wait is for something new.
        let peek = || socket.peek(&mut [std::mem::MaybeUninit::uninit()]);
        match self.stream.try_io(Interest::READABLE, peek) {
            Ok(0) => Look::Closed,
            Ok(_) => Look::SendsMore,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Look::Silent,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Look::Silent,
            Err(_) => Look::Gone,
        }
    }
}

/// How a client stands.
enum Look {
    Silent,
    SendsMore,
    /// It sends nothing any more.
    Closed,
    Gone,
}
