//! Real servers that cannot do everything now: what the caller and the owner are told, and that it works again afterwards.

use std::{
    io,
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use capability_contracts::{encode, keyvalue as kv};
use capability_provider::{CallContext, CapabilityCall, LinkConfig, Provider, ProviderError};
use provider_conformance::{RedisServer, TestActor};
use provider_keyvalue_redis::RedisKeyValue;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

struct Linked {
    provider: RedisKeyValue,
    actor: TestActor,
}

impl Linked {
    fn to(url: &str) -> Self {
        let provider = RedisKeyValue::new(url).unwrap().with_idle_check(Duration::ZERO);
        let actor = TestActor::new(&provider, 'A');
        actor.link(&provider, &LinkConfig::new()).unwrap();
        Self { provider, actor }
    }

    fn add(&self) -> Result<i32, ProviderError> {
        let request = kv::AddRequest { key: "k".to_owned(), value: 1 };
        self.actor.call(&self.provider, kv::OP_ADD, &request).map(|answer: kv::AddResponse| answer.value)
    }

    fn push(&self) -> Result<i32, ProviderError> {
        let request = kv::PushRequest { key: "l".to_owned(), value: "v".repeat(100) };
        let answer = self.actor.call(&self.provider, kv::OP_PUSH, &request);
        answer.map(|answer: kv::PushResponse| answer.new_count)
    }

    fn get(&self) -> Result<String, ProviderError> {
        let request = kv::GetRequest { key: "k".to_owned() };
        self.actor.call(&self.provider, kv::OP_GET, &request).map(|answer: kv::GetResponse| answer.value)
    }

    fn get_within(&self, limit: Duration) -> Result<(), ProviderError> {
        let payload = encode(&kv::GetRequest { key: "k".to_owned() }).unwrap();
        let call = CapabilityCall::new(&self.actor.key().actor, &self.actor.key().link, kv::OP_GET, &payload);
        call.within(&CallContext::new().with_timeout(limit)).send_to(&self.provider).map(drop)
    }

    /// That nothing can be written, for the reason that begins with this word of the server's, and that health says the same.
    #[track_caller]
    fn assert_cannot_write(&self, word: &str) {
        for error in [self.add().unwrap_err(), self.push().unwrap_err(), self.provider.health().unwrap_err()]
        {
            assert_unavailable(&error, word);
        }
    }

    #[track_caller]
    fn assert_works(&self) {
        self.add().unwrap();
        self.push().unwrap();
        self.get().unwrap();
        self.provider.health().unwrap();
    }
}

/// That the server cannot do it now, in its own words.
#[track_caller]
fn assert_unavailable(error: &ProviderError, word: &str) {
    match error {
        ProviderError::Unavailable { resource, reason } => {
            assert!(resource.starts_with("redis at 127.0.0.1:") && reason.starts_with(word), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

/// Sends a command that the server does.
#[track_caller]
fn tell(server: &RedisServer, command: &[&str]) {
    assert_eq!(server.ask(command).unwrap(), "+OK", "{command:?}");
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "{what}");
        thread::yield_now();
    }
}

/// Makes `replica` follow `leader`, and waits until it does.
fn follow(replica: &RedisServer, leader: &RedisServer) {
    tell(replica, &["REPLICAOF", "127.0.0.1", &leader.port().to_string()]);
    wait_until("the replica does not follow", || {
        replica.ask(&["INFO", "replication"]).unwrap().contains("master_link_status:up")
    });
}

#[test]
fn a_replica_is_read_and_not_written_until_it_leads() {
    let (Some(leader), Some(replica)) = (RedisServer::for_test(), RedisServer::for_test()) else { return };
    let at_leader = Linked::to(&leader.url());
    assert_eq!(at_leader.add().unwrap(), 1);
    follow(&replica, &leader);
    let linked = Linked::to(&replica.url());
    wait_until("the value is not there", || linked.get().unwrap() == "1");
    linked.assert_cannot_write("READONLY");
    assert_eq!(linked.get().unwrap(), "1");
    tell(&replica, &["REPLICAOF", "NO", "ONE"]);
    assert_eq!(linked.add().unwrap(), 2);
    linked.assert_works();
}

#[test]
fn a_replica_without_its_leader_answers_nothing_until_it_leads() {
    let (Some(mut leader), Some(replica)) = (RedisServer::for_test(), RedisServer::for_test()) else {
        return;
    };
    follow(&replica, &leader);
    tell(&replica, &["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    let linked = Linked::to(&replica.url());
    leader.stop();
    wait_until("the replica still answers", || linked.get().is_err());
    assert_unavailable(&linked.get().unwrap_err(), "MASTERDOWN");
    assert_unavailable(&linked.provider.health().unwrap_err(), "READONLY");
    tell(&replica, &["REPLICAOF", "NO", "ONE"]);
    linked.assert_works();
}

#[test]
fn a_server_without_memory_is_read_and_not_written() {
    let Some(server) = RedisServer::for_test() else { return };
    let linked = Linked::to(&server.url());
    linked.assert_works();
    tell(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    linked.assert_cannot_write("OOM");
    assert_eq!(linked.get().unwrap(), "1");
    tell(&server, &["CONFIG", "SET", "maxmemory", "0"]);
    linked.assert_works();
}

#[test]
fn a_server_without_enough_replicas_is_read_and_not_written() {
    let (Some(server), Some(replica)) = (RedisServer::for_test(), RedisServer::for_test()) else { return };
    let linked = Linked::to(&server.url());
    linked.assert_works();
    tell(&server, &["CONFIG", "SET", "min-replicas-to-write", "1"]);
    linked.assert_cannot_write("NOREPLICAS");
    assert_eq!(linked.get().unwrap(), "1");
    follow(&replica, &server);
    wait_until("the server does not count its replica", || linked.add().is_ok());
    linked.assert_works();
}

#[test]
fn a_server_that_cannot_save_is_read_and_not_written() {
    let Some(server) = RedisServer::for_test() else { return };
    let linked = Linked::to(&server.url());
    linked.assert_works();
    // It has a place to save to, which is a directory in the way, and is asked to.
    tell(&server, &["CONFIG", "SET", "save", "3600 1"]);
    std::fs::create_dir(server.folder().join("dump.rdb")).unwrap();
    assert!(server.ask(&["SAVE"]).unwrap().starts_with("-ERR"));
    assert!(server.ask(&["BGSAVE"]).unwrap().starts_with('+'));
    wait_until("it can save", || linked.add().is_err());
    linked.assert_cannot_write("MISCONF");
    assert!(linked.get().is_ok());
    tell(&server, &["CONFIG", "SET", "save", ""]);
    linked.assert_works();
}

#[test]
fn a_server_that_is_busy_with_a_script_says_so() {
    let Some(server) = RedisServer::for_test() else { return };
    let linked = Linked::to(&server.url());
    linked.assert_works();
    tell(&server, &["CONFIG", "SET", "busy-reply-threshold", "10"]);
    thread::scope(|scope| {
        let script = scope.spawn(|| server.ask(&["EVAL", "while true do end", "0"]).unwrap());
        wait_until("the server is not busy", || linked.get().is_err());
        for error in
            [linked.get().unwrap_err(), linked.add().unwrap_err(), linked.provider.health().unwrap_err()]
        {
            assert_unavailable(&error, "BUSY");
        }
        tell(&server, &["SCRIPT", "KILL"]);
        assert!(script.join().unwrap().starts_with('-'));
    });
    linked.assert_works();
}

#[test]
fn a_server_that_asks_for_a_password_from_now_on() {
    let Some(server) = RedisServer::for_test() else { return };
    let linked = Linked::to(&server.url());
    linked.assert_works();
    tell(&server, &["CONFIG", "SET", "requirepass", "horse"]);
    // Those who are logged in stay so.
    linked.assert_works();
    assert_eq!(server.ask(&["PING"]).unwrap(), "-NOAUTH Authentication required.");
    // Whoever comes now is told.
    let actor = TestActor::new(&linked.provider, 'B');
    let later = RedisKeyValue::new(&server.url()).unwrap();
    assert_unavailable(&actor.link(&later, &LinkConfig::new()).unwrap_err(), "NOAUTH");
    assert_eq!(
        server.ask(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap(),
        "-NOAUTH Authentication required."
    );
    Linked::to(&server.url().replace("redis://", "redis://:horse@")).assert_works();
}

#[test]
fn a_server_that_hangs_costs_a_call_its_time_and_works_afterwards() {
    let Some(server) = RedisServer::for_test() else { return };
    let linked = Linked::to(&server.url());
    linked.assert_works();
    server.pause().unwrap();
    let began = Instant::now();
    for _ in 0..2 {
        let error = linked.get_within(Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, ProviderError::DeadlineExceeded { .. }), "{error}");
    }
    // Far below the provider's own limit of five seconds for each.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    server.resume().unwrap();
    linked.assert_works();
}

#[test]
fn a_server_that_loads_its_data_is_waited_for() {
    let Some(mut server) = RedisServer::for_test() else { return };
    let linked = Linked::to(&server.url());
    linked.assert_works();
    // It looks after callers after each thousand of keys; there are as many as keep it busy for longer than all is asked.
    let fill = "for i = 1, 100000 do redis.call('SET', 'x' .. i, i) end return 1";
    assert_eq!(server.ask(&["EVAL", fill, "0"]).unwrap(), ":1");
    server.restart_loading(&["--key-load-delay", "200"]).unwrap();
    for error in [linked.get().unwrap_err(), linked.add().unwrap_err(), linked.provider.health().unwrap_err()]
    {
        assert_unavailable(&error, "LOADING");
    }
    tell(&server, &["CONFIG", "SET", "key-load-delay", "0"]);
    wait_until("the server still loads", || linked.get().is_ok());
    assert_eq!(linked.get().unwrap(), "1");
    linked.assert_works();
}

#[test]
fn a_cluster_that_is_down_answers_nothing_until_it_is_up() {
    let bus = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let settings = ["--cluster-enabled", "yes", "--cluster-port", &bus.to_string()];
    let Some(server) = RedisServer::or_skip(RedisServer::start_with_settings(&settings)) else { return };
    let linked = Linked::to(&server.url());
    for error in [
        linked.get().unwrap_err(),
        linked.add().unwrap_err(),
        linked.push().unwrap_err(),
        linked.provider.health().unwrap_err(),
    ] {
        assert_unavailable(&error, "CLUSTERDOWN");
    }
    tell(&server, &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    wait_until("the cluster is still down", || linked.provider.health().is_ok());
    linked.assert_works();
}

/// An address behind which another server can be put, as a name or a virtual address is moved in a failover.
struct Address {
    port: u16,
    target: Arc<AtomicU16>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Address {
    fn of(server: &RedisServer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (target, open) = (Arc::new(AtomicU16::new(server.port())), Arc::new(Mutex::new(Vec::new())));
        let (to, kept) = (Arc::clone(&target), Arc::clone(&open));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to.load(Ordering::SeqCst))) else {
                    continue;
                };
                for (mut from, mut to) in [(&client, &server), (&server, &client)]
                    .map(|(from, to)| (from.try_clone().unwrap(), to.try_clone().unwrap()))
                {
                    thread::spawn(move || {
                        let _ = io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                kept.lock().unwrap().push(client);
            }
        });
        Self { port, target, open }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Leads to another server from now on; connections that are open stay, unless they are broken off.
    fn move_to(&self, server: &RedisServer, break_off: bool) {
        self.target.store(server.port(), Ordering::SeqCst);
        if break_off {
            for client in self.open.lock().unwrap().drain(..) {
                let _ = client.shutdown(Shutdown::Both);
            }
        }
    }
}

#[test]
fn an_address_that_is_moved_leads_the_next_call_to_the_other_server() {
    let (Some(one), Some(other)) = (RedisServer::for_test(), RedisServer::for_test()) else { return };
    let address = Address::of(&one);
    let linked = Linked::to(&address.url());
    assert_eq!((linked.add().unwrap(), linked.add().unwrap()), (1, 2));
    address.move_to(&other, true);
    assert_eq!(linked.add().unwrap(), 1);
    linked.assert_works();
}

/// The old leader lives on as a replica, so that the connections stay open and lead to the wrong server.
#[test]
fn a_failover_is_followed_although_the_old_connections_stay_open() {
    let (Some(one), Some(other)) = (RedisServer::for_test(), RedisServer::for_test()) else { return };
    follow(&other, &one);
    let address = Address::of(&one);
    let linked = Linked::to(&address.url());
    assert_eq!(linked.add().unwrap(), 1);
    wait_until("the replica does not have it", || Linked::to(&other.url()).get().unwrap() == "1");
    tell(&other, &["REPLICAOF", "NO", "ONE"]);
    follow(&one, &other);
    address.move_to(&other, false);
    assert_eq!(linked.add().unwrap(), 2);
    linked.assert_works();
}
