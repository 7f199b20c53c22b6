//! Plays a connection in memory: bytes that are there at once, and an end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};

/// What a client sent before it closed its side. What is sent to it is thrown away.
#[derive(Debug)]
pub struct Wire<'a> {
    rest: &'a [u8],
    /// How many bytes come in one piece.
    piece: usize,
}

impl<'a> Wire<'a> {
    pub fn new(bytes: &'a [u8], piece: usize) -> Self {
        Self { rest: bytes, piece: piece.max(1) }
    }
}

impl Read for Wire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.rest.len().min(self.piece).min(to.remaining());
        let (piece, rest) = self.rest.split_at(length);
        to.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
