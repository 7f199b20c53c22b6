//! Bounds how long a client may leave its answer unread, and closes connections so that the last answer arrives.

use std::{
    future::Future,
    io,
    net::Shutdown,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep, sleep_until},
};

/// What a client must take within the time for writing, in bytes, unless all of an answer is less: one that takes a byte now and then
/// would otherwise stay for ever.
const STEP: usize = 64 * 1024;

/// For how long what a client still sends is read and thrown away before its connection closes for good.
const LINGER: Duration = Duration::from_secs(1);

/// A connection whose writes do not wait for ever.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Arc<TcpStream>,
    /// Whether there are bytes that could not be written yet.
    behind: Arc<AtomicBool>,
    write_timeout: Duration,
    stall: Option<Stall>,
    unread: Arc<AtomicBool>,
    linger: Option<Pin<Box<Sleep>>>,
}

/// A client that does not take what is there for it.
#[derive(Debug)]
struct Stall {
    end: Pin<Box<Sleep>>,
    /// How many bytes the client took since this began.
    taken: usize,
}

impl Socket {
    /// `unread` says, when the connection is to be closed, that the client may still be sending.
    pub(crate) fn new(
        stream: Arc<TcpStream>,
        write_timeout: Duration,
        unread: Arc<AtomicBool>,
        behind: Arc<AtomicBool>,
    ) -> Self {
        // Without it, it is seen less exactly how much a client takes.
        if let Err(error) = take_in_steps(&stream) {
            log::debug!("a connection is seen to go on in large steps only: {error}");
        }
        Self { stream, behind, write_timeout, stall: None, unread, linger: None }
    }

    /// Looks at a write's outcome.
    fn written(
        &mut self,
        outcome: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match &outcome {
            Poll::Ready(Ok(length)) => {
                if let Some(stall) = &mut self.stall {
                    stall.taken = stall.taken.saturating_add(*length);
                    if stall.taken >= STEP {
                        self.stall = None;
                    }
                }
                outcome
            }
            Poll::Ready(Err(_)) => outcome,
            Poll::Pending => self.stalled(context).map(Err),
        }
    }

    fn stalled(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let limit = self.write_timeout;
        let stall = self
            .stall
            .get_or_insert_with(|| Stall { end: Box::pin(sleep_until(Instant::now() + limit)), taken: 0 });
        ready!(stall.end.as_mut().poll(context));
        // What the client did not take would otherwise stay in the system's memory after the connection is gone.
        if let Err(error) = self.stream.set_zero_linger() {
            log::debug!("a connection that is given up is not closed at once: {error}");
        }
        let message = format!("the client did not take its answer within {limit:?}");
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, message))
    }

    /// Reads what the client still sends and throws it away, until it ends or the time is over. Closing a socket with bytes
    /// that nobody read makes the system break the connection, and the client may lose the answer (RFC 9112, section 9.6).
    fn throw_away(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 4096];
        let end = self.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        while end.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(read(&self.stream, context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }
}

/// Has the system hold no more than two steps of what the client's side has no room for. It would otherwise hold megabytes, and have room
/// for more only once a third of them is gone: a client that takes a step in the time, and no more, would seem to take nothing.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn take_in_steps(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(2 * STEP as u32)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn take_in_steps(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

/// Reads what is there, or waits for something.
fn read(stream: &TcpStream, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    loop {
        ready!(stream.poll_read_ready(context))?;
        match stream.try_read(buffer.initialize_unfilled()) {
            Ok(length) => {
                buffer.advance(length);
                return Poll::Ready(Ok(()));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

/// Writes what there is room for, or waits for room.
fn write(
    stream: &TcpStream,
    context: &mut Context<'_>,
    attempt: impl Fn() -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(context))?;
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            outcome => return Poll::Ready(outcome),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        read(&self.stream, context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.behind.store(true, Relaxed);
        let outcome = write(&self.stream, context, || self.stream.try_write(bytes));
        self.written(outcome, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.behind.store(true, Relaxed);
        let outcome = write(&self.stream, context, || self.stream.try_write_vectored(parts));
        self.written(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Called once all that there was to write is written.
    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stall = None;
        self.behind.store(false, Relaxed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            socket2::SockRef::from(&*self.stream).shutdown(Shutdown::Write)?;
        }
        if self.unread.load(Relaxed) {
            ready!(self.throw_away(context));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::{net::TcpListener, runtime, task::yield_now};

    use super::*;

    async fn socket(write_timeout: Duration) -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        (Socket::new(Arc::new(stream), write_timeout, Arc::default(), Arc::default()), client)
    }

    #[test]
    fn a_client_that_takes_a_byte_now_and_then_does_not_stay() {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut socket, _client) = socket(Duration::from_millis(50)).await;
            let mut context = Context::from_waker(Waker::noop());
            let begin = Instant::now();
            let mut taken = 0;
            let error = loop {
                if let Poll::Ready(outcome) = socket.written(Poll::Pending, &mut context) {
                    break outcome.unwrap_err();
                }
                // A fast machine would otherwise come to what is enough before the time is over.
                if taken < STEP - 1 {
                    assert!(socket.written(Poll::Ready(Ok(1)), &mut context).is_ready());
                    taken += 1;
                }
                assert!(begin.elapsed() < Duration::from_secs(20), "it stays");
                yield_now().await;
            };
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        });
    }

    /// How much that shows of a client depends on both systems, so it is asked whether ours holds no more than it should.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn what_the_system_holds_does_not_hide_that_a_client_takes_something() {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (socket, _client) = socket(Duration::from_secs(3600)).await;
            let held = socket2::SockRef::from(&*socket.stream).tcp_notsent_lowat().unwrap();
            assert_eq!(held as usize, 2 * STEP);
        });
    }

    #[test]
    fn a_client_that_takes_enough_has_its_time_anew() {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut socket, _client) = socket(Duration::from_secs(3600)).await;
            let mut context = Context::from_waker(Waker::noop());
            assert!(socket.written(Poll::Pending, &mut context).is_pending());
            assert!(socket.written(Poll::Ready(Ok(STEP - 1)), &mut context).is_ready());
            assert!(socket.stall.is_some());
            assert!(socket.written(Poll::Ready(Ok(1)), &mut context).is_ready());
            assert!(socket.stall.is_none());
        });
    }
}
