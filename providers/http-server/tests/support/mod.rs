//! What the tests share: actors that are closures, and a client that knows no more HTTP than it needs.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate of its own and uses a part of this")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, mpsc},
    time::Duration,
};

use bytes::Bytes;
use capability_contracts::{
    decode, encode,
    http_server::{OP_HANDLE_REQUEST, Request, Response},
};
use capability_provider::{
    ActorHandle, ActorId, CallContext, Dispatch, DispatchError, LinkConfig, LinkKey, LinkName, Provider,
    ProviderError,
};
use provider_http_server::HttpServer;
use serde_json::Value;

/// Longer than any answer takes, so that a test which would hang fails instead.
const TIME_LIMIT: Duration = Duration::from_secs(20);

pub type Answer = Result<Response, DispatchError>;
pub type Health = Result<(), DispatchError>;

/// An actor's place: one closure for requests, one for its health.
struct Double<A, H> {
    answer: A,
    health: H,
}

impl<A, H> Dispatch for Double<A, H>
where
    A: Fn(Request) -> Answer + Send + Sync,
    H: Fn() -> Health + Send + Sync,
{
    fn call(&self, _: CallContext, operation: &str, payload: &[u8]) -> Result<Bytes, DispatchError> {
        assert_eq!(operation, OP_HANDLE_REQUEST);
        let response = (self.answer)(decode(operation, payload).unwrap())?;
        Ok(encode(&response).unwrap().into())
    }

    fn health(&self) -> Health {
        (self.health)()
    }
}

/// An actor whose replies are these bytes.
struct Raw(&'static [u8]);

impl Dispatch for Raw {
    fn call(&self, _: CallContext, _: &str, _: &[u8]) -> Result<Bytes, DispatchError> {
        Ok(Bytes::from_static(self.0))
    }

    fn health(&self) -> Health {
        Ok(())
    }
}

/// A provider with one link, to an actor that is a closure.
pub struct Served {
    pub server: Arc<HttpServer>,
    pub key: LinkKey,
}

/// A listener before an actor that answers each request with 200, and the requests that it saw.
pub fn listening() -> (Served, mpsc::Receiver<Request>) {
    let (seen, requests) = mpsc::channel();
    let served = Served::start(move |request| {
        seen.send(request).unwrap();
        Ok(Response::ok())
    });
    (served, requests)
}

impl Served {
    /// A listener on a free port before an actor that answers with `answer`.
    pub fn start(answer: impl Fn(Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(LinkConfig::new(), answer)
    }

    /// The same with further configuration.
    pub fn with(config: LinkConfig, answer: impl Fn(Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::before(config, Double { answer, health: || Ok(()) })
    }

    /// A listener before an actor that has a health, and one answer to everything.
    pub fn with_health(config: LinkConfig, health: impl Fn() -> Health + Send + Sync + 'static) -> Self {
        Self::before(config, Double { answer: |_| Ok(Response::text("from the actor")), health })
    }

    /// Links an actor that has a health.
    pub fn link_health(
        server: &HttpServer,
        key: &LinkKey,
        config: &LinkConfig,
        health: impl Fn() -> Health + Send + Sync + 'static,
    ) {
        let double = Arc::new(Double { answer: |_| Ok(Response::text("from the actor")), health });
        server.link(key, config, ActorHandle::new(key.clone(), double)).unwrap();
    }

    /// A listener before an actor whose replies are these bytes.
    pub fn with_bytes(reply: &'static [u8]) -> Self {
        Self::before(LinkConfig::new(), Raw(reply))
    }

    /// Links once more, with an actor that answers with `answer`.
    pub fn relink(
        &self,
        config: &LinkConfig,
        answer: impl Fn(Request) -> Answer + Send + Sync + 'static,
    ) -> Result<(), ProviderError> {
        let double = Arc::new(Double { answer, health: || Ok(()) });
        self.server.link(&self.key, config, ActorHandle::new(self.key.clone(), double))
    }

    pub fn address(&self) -> SocketAddr {
        self.server.local_addr(&self.key).unwrap()
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address())
    }

    /// The reply to a request over a connection of its own.
    pub fn get(&self, path: &str) -> Reply {
        self.client().get(path)
    }

    /// A listener before whatever this leads to.
    pub fn before(config: LinkConfig, dispatch: impl Dispatch + 'static) -> Self {
        let server = Arc::new(HttpServer::new());
        let key = key(&server, "default");
        let config = if config.value("port").is_none() { config.with("port", "0") } else { config };
        server.link(&key, &config, ActorHandle::new(key.clone(), Arc::new(dispatch))).unwrap();
        Self { server, key }
    }
}

pub fn actor() -> ActorId {
    ActorId::new(&format!("M{}", "A".repeat(55))).unwrap()
}

pub fn key(server: &HttpServer, link: &str) -> LinkKey {
    LinkKey::new(actor(), server.capability(), LinkName::new(link).unwrap())
}

/// One connection.
pub struct Client(BufReader<TcpStream>);

/// A response as it came.
#[derive(Debug)]
pub struct Reply {
    /// The first line.
    pub line: String,
    pub status: u16,
    /// Names in lower case.
    pub header: BTreeMap<String, String>,
    /// Every header line, in its order.
    pub lines: Vec<String>,
    pub body: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).unwrap())
    }

    pub fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    pub fn local(&self) -> SocketAddr {
        self.0.get_ref().local_addr().unwrap()
    }

    pub fn peer(&self) -> SocketAddr {
        self.0.get_ref().peer_addr().unwrap()
    }

    /// Sends a GET without waiting for its reply.
    pub fn ask(&mut self, path: &str) {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: t\r\n\r\n").as_bytes());
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.ask(path);
        self.read(true)
    }

    /// Sends a request as it stands and reads the reply.
    pub fn send(&mut self, request: &str) -> Reply {
        self.write(request.as_bytes());
        self.read(!request.starts_with("HEAD"))
    }

    /// Reads a reply.
    pub fn read(&mut self, has_body: bool) -> Reply {
        let mut line = self.line();
        // Whoever closed its side may be sent one that is no answer yet.
        while line.starts_with("HTTP/1.1 100 ") {
            assert_eq!(self.line(), "");
            line = self.line();
        }
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("not a response: {line:?}"));
        let status = status.parse().unwrap();
        let (mut header, mut lines) = (BTreeMap::new(), Vec::new());
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else { break };
            header.insert(name.to_ascii_lowercase(), value.to_owned());
            lines.push(line);
        }
        let length = header.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; if has_body { length } else { 0 }];
        self.0.read_exact(&mut body).unwrap();
        Reply { line, status, header, lines, body }
    }

    /// Ends this side's sending.
    pub fn half_close(&mut self) {
        self.0.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// All that still comes until the other side closes.
    pub fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Whether the other side closes the connection within a test's time limit.
    pub fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(length) => length == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end_matches("\r\n").to_owned()
    }
}

impl Reply {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.header["content-type"], "application/json", "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code in the JSON body of an error.
    #[track_caller]
    pub fn code(&self) -> String {
        let body = self.json();
        body["error"]["code"].as_str().unwrap_or_else(|| panic!("no code in {body}")).to_owned()
    }
}
