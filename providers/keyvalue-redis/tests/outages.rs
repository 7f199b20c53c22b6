//! Servers that go away, come back, or do not answer.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use capability_contracts::{encode, keyvalue as kv};
use capability_provider::{CallContext, CancelToken, CapabilityCall, LinkConfig, Provider, ProviderError};
use provider_conformance::{RedisServer, TestActor};
use provider_keyvalue_redis::RedisKeyValue;

fn add(provider: &RedisKeyValue, actor: &TestActor) -> Result<i32, ProviderError> {
    let request = kv::AddRequest { key: "k".to_owned(), value: 1 };
    actor.call(provider, kv::OP_ADD, &request).map(|answer: kv::AddResponse| answer.value)
}

fn get(provider: &RedisKeyValue, actor: &TestActor) -> Result<String, ProviderError> {
    let request = kv::GetRequest { key: "k".to_owned() };
    actor.call(provider, kv::OP_GET, &request).map(|answer: kv::GetResponse| answer.value)
}

/// Asks for the key with a deadline of the call's own.
fn get_within(provider: &RedisKeyValue, actor: &TestActor, limit: Duration) -> ProviderError {
    let payload = encode(&kv::GetRequest { key: "k".to_owned() }).unwrap();
    let call = CapabilityCall::new(&actor.key().actor, &actor.key().link, kv::OP_GET, &payload);
    call.within(&CallContext::new().with_timeout(limit)).send_to(provider).unwrap_err()
}

fn linked(url: &str) -> (RedisKeyValue, TestActor) {
    let provider = RedisKeyValue::new(url).unwrap().with_idle_check(Duration::ZERO);
    let actor = TestActor::new(&provider, 'A');
    actor.link(&provider, &LinkConfig::new()).unwrap();
    (provider, actor)
}

#[test]
fn the_count_goes_on_after_a_restart_of_the_server() {
    let Some(mut server) = RedisServer::for_test() else { return };
    let (provider, actor) = linked(&server.url());
    for count in 1..=3 {
        assert_eq!(add(&provider, &actor).unwrap(), count);
    }
    for count in 4..=6 {
        server.restart().unwrap();
        assert_eq!(add(&provider, &actor).unwrap(), count);
    }
    server.restart().unwrap();
    assert_eq!(get(&provider, &actor).unwrap(), "6");
}

#[test]
fn an_absent_server_is_an_error_that_names_it_until_it_is_back() {
    let Some(mut server) = RedisServer::for_test() else { return };
    let (provider, actor) = linked(&server.url());
    assert_eq!(add(&provider, &actor).unwrap(), 1);
    server.stop();
    let port = server.port().to_string();
    for error in [add(&provider, &actor).unwrap_err(), get(&provider, &actor).unwrap_err()] {
        assert!(
            matches!(&error, ProviderError::Unavailable { resource, .. } if resource.contains(&port)),
            "{error}"
        );
    }
    server.restart().unwrap();
    assert_eq!(add(&provider, &actor).unwrap(), 2);
}

#[test]
fn a_host_that_starts_anew_finds_the_count() {
    let Some(server) = RedisServer::for_test() else { return };
    let (first, actor) = linked(&server.url());
    assert_eq!(add(&first, &actor).unwrap(), 1);
    first.unlink(actor.key());
    first.shutdown();
    let (second, actor) = linked(&server.url());
    assert_eq!(add(&second, &actor).unwrap(), 2);
}

/// A server of a few words, which notes the commands it gets and answers each with what `script` says; `None` ends the
/// connection instead.
struct Scripted {
    url: String,
    commands: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Scripted {
    fn start(script: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let commands = Arc::new(Mutex::new(Vec::new()));
        let (seen, script) = (Arc::clone(&commands), Arc::new(script));
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                thread::spawn(move || converse(stream, &seen, &*script));
            }
        });
        Self { url, commands, connections }
    }

    /// How many commands with this name came in.
    fn count(&self, name: &str) -> usize {
        self.commands.lock().unwrap().iter().filter(|command| *command == name).count()
    }
}

fn converse(mut stream: TcpStream, seen: &Mutex<Vec<String>>, script: &dyn Fn(&str) -> Option<&'static str>) {
    stream.set_nodelay(true).unwrap();
    let mut unread = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut chunk) {
        unread.extend_from_slice(&chunk[..length]);
        while let Some((name, rest)) = command(&unread) {
            unread = rest;
            seen.lock().unwrap().push(name.clone());
            match script(&name) {
                Some(reply) if stream.write_all(reply.as_bytes()).is_ok() => {}
                _ => return,
            }
        }
    }
}

/// The name of the first whole command in `bytes`, and what comes after it.
fn command(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let mut rest = bytes;
    let mut line = || {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let (line, after) = (&rest[..end], &rest[end + 2..]);
        rest = after;
        Some(String::from_utf8_lossy(line).into_owned())
    };
    let count: usize = line()?.strip_prefix('*')?.parse().ok()?;
    let mut words = Vec::new();
    for _ in 0..count {
        line()?;
        words.push(line()?);
    }
    // The scripts of this provider hold line feeds alone, so that lines end where words do.
    Some((words.first()?.clone(), rest.to_vec()))
}

fn answer_as_usual(name: &str) -> Option<&'static str> {
    match name {
        "PING" => Some("+PONG\r\n"),
        _ => Some("+OK\r\n"),
    }
}

#[test]
fn an_addition_that_may_have_been_done_is_not_sent_again() {
    let server = Scripted::start(|name| if name == "EVAL" { None } else { answer_as_usual(name) });
    let (provider, actor) = linked(&server.url);
    let error = add(&provider, &actor).unwrap_err();
    assert!(matches!(error, ProviderError::Unavailable { .. }), "{error}");
    assert_eq!(server.count("EVAL"), 1);
}

#[test]
fn a_question_is_asked_once_more_over_a_new_connection() {
    let server = Scripted::start(|name| if name == "GET" { None } else { answer_as_usual(name) });
    let (provider, actor) = linked(&server.url);
    let error = get(&provider, &actor).unwrap_err();
    assert!(matches!(error, ProviderError::Unavailable { .. }), "{error}");
    assert_eq!(server.count("GET"), 2);
}

#[test]
fn a_server_that_cannot_work_yet_is_unavailable() {
    let server = Scripted::start(|name| match name {
        "GET" => Some("-LOADING Redis is loading the dataset in memory\r\n"),
        "EVAL" => Some("-READONLY You can't write against a read only replica.\r\n"),
        other => answer_as_usual(other),
    });
    let (provider, actor) = linked(&server.url);
    for (error, word) in
        [(get(&provider, &actor).unwrap_err(), "loading"), (add(&provider, &actor).unwrap_err(), "read only")]
    {
        assert!(
            matches!(&error, ProviderError::Unavailable { reason, .. } if reason.contains(word)),
            "{error}"
        );
    }
}

#[test]
fn a_silent_server_costs_no_more_than_the_deadline_of_the_call() {
    let server = Scripted::start(|name| if name == "GET" { Some("") } else { answer_as_usual(name) });
    let (provider, actor) = linked(&server.url);
    let started = Instant::now();
    let error = get_within(&provider, &actor, Duration::from_millis(300));
    assert!(
        matches!(&error, ProviderError::DeadlineExceeded { operation, .. } if operation == kv::OP_GET),
        "{error}"
    );
    // Far below the provider's own limit of five seconds.
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(server.count("GET"), 1);
}

#[test]
fn an_answer_that_comes_too_late_is_not_taken_for_another() {
    // The answer to the first GET comes with that to the second one.
    let asked = Mutex::new(0);
    let server = Scripted::start(move |name| {
        if name != "GET" {
            return answer_as_usual(name);
        }
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        if *asked == 1 { Some("") } else { Some("$6\r\nsecond\r\n") }
    });
    let (provider, actor) = linked(&server.url);
    let error = get_within(&provider, &actor, Duration::from_millis(300));
    assert!(matches!(error, ProviderError::DeadlineExceeded { .. }), "{error}");
    let connections = server.connections.load(Ordering::SeqCst);
    assert_eq!(get(&provider, &actor).unwrap(), "second");
    assert!(
        server.connections.load(Ordering::SeqCst) > connections,
        "the connection with the late answer was used again"
    );
}

#[test]
fn a_call_that_finds_all_connections_in_use_says_so() {
    let gate = Arc::new((Barrier::new(2), Barrier::new(2)));
    let at_server = Arc::clone(&gate);
    let server = Scripted::start(move |name| {
        if name != "GET" {
            return answer_as_usual(name);
        }
        at_server.0.wait();
        at_server.1.wait();
        Some("$1\r\n1\r\n")
    });
    let (provider, actor) = linked(&server.url);
    let provider = provider.with_connections(1);
    actor.link(&provider, &LinkConfig::new()).unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| get(&provider, &actor));
        gate.0.wait();
        let error = get_within(&provider, &actor, Duration::from_millis(300));
        assert!(
            matches!(&error, ProviderError::Unavailable { reason, .. } if reason.contains("all 1 connections")),
            "{error}"
        );
        gate.1.wait();
        assert_eq!(first.join().unwrap().unwrap(), "1");
    });
}

/// Sends commands to a listener that takes connections and never answers, and cancels them.
#[test]
fn a_call_that_is_cancelled_does_not_wait_for_its_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let (told, is_told) = std::sync::mpsc::channel();
    let server = thread::spawn(move || {
        // The first connection is that of the link, and is answered.
        let (mut first, _) = listener.accept().unwrap();
        let mut buffer = [0; 1024];
        assert!(first.read(&mut buffer).unwrap() > 0);
        first.write_all(b"+PONG\r\n").unwrap();
        // What comes from here on is only taken.
        let mut held = vec![first];
        while held[0].read(&mut buffer).is_ok_and(|length| length > 0) {
            told.send(()).unwrap();
            let Ok((next, _)) = listener.accept() else { break };
            held.insert(0, next);
        }
    });
    let provider =
        RedisKeyValue::new(&url).unwrap().with_timeout(Duration::from_secs(60)).with_connections(1);
    let actor = TestActor::new(&provider, 'A');
    actor.link(&provider, &LinkConfig::new()).unwrap();
    let payload = encode(&kv::GetRequest { key: "k".to_owned() }).unwrap();
    let (key, token) = (actor.key(), CancelToken::new());
    let context = CallContext::new().with_timeout(Duration::from_secs(60)).with_cancel(&token);
    let get = || {
        let call = CapabilityCall::new(&key.actor, &key.link, kv::OP_GET, &payload).within(&context);
        call.send_to(&provider).unwrap_err()
    };
    let began = Instant::now();
    thread::scope(|scope| {
        // One waits for the answer, the other for the connection.
        let waiting = [scope.spawn(get), scope.spawn(get)];
        is_told.recv().unwrap();
        token.cancel();
        for call in waiting {
            let error = call.join().unwrap();
            assert!(matches!(error, ProviderError::Cancelled { .. }), "{error}");
        }
    });
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    provider.shutdown();
    // The listener's thread ends with the connection that it waits for.
    drop(TcpStream::connect(url.trim_start_matches("redis://")));
    server.join().unwrap();
}
