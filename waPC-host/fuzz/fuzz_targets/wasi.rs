//! Calls WASI preview 1 with any arguments: what is denied answers with its error number, what is given does what it should, and
//! nothing outside of the guest is touched.
//!
//! The guest replies with its memory, which must be that of the model, byte for byte; so must the lines be that it printed.
#![no_main]

use std::sync::{Mutex, OnceLock};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wapc_fuzz::{
    Closing, Ending, Function, Host, Machine, Memory, Outcome, Step, program, text, watch_panics,
};
use wapc_host::{Engine, GuestClock, HostCall, HostCallError, HostHandler, Reply, WapcHost};

const PAGES: usize = 4;
const SUCCESS: u64 = 0;
const BADF: u64 = 8;
const INVAL: u64 = 28;
const IO: u64 = 29;
const NOSYS: u64 = 52;
const SPIPE: u64 = 70;
/// What the console takes at once, and the longest line, in bytes.
const WRITE: usize = 65_536;
const LINE: usize = 4096;
/// What a call may print, in bytes and with one for each line.
const CONSOLE: usize = 100_000;

#[derive(Debug, Arbitrary)]
struct Input {
    /// Whether time and random numbers are switched on.
    given: bool,
    steps: Vec<Step>,
}

fuzz_target!(
    init: watch_panics(),
    |input: Input| {
        let subject = subject();
        let host = if input.given { &subject.given } else { &subject.denied };
        let program = program(&subject.functions, &input.steps);
        LINES.lock().expect("no panic holds it").clear();
        let (open, here) = (descriptors(), files());
        let actual = Outcome::actual(host.call("", &program));
        assert_eq!((descriptors(), files()), (open, here), "something outside was touched");

        let mut model = Model { functions: &subject.functions, given: input.given, ..Model::default() };
        let mut machine = Machine::new(&subject.functions, PAGES);
        let ending = machine.run(b"", &program, &mut model);
        let reply = if machine.finished { machine.memory.first_page().to_vec() } else { Vec::new() };
        let expected = Outcome::expected(ending, reply, None, usize::MAX, machine.refused);
        match (&actual, &expected) {
            // Whole pages of memory are too long to be shown.
            (Outcome::Reply(actual), Outcome::Reply(expected)) => assert!(actual == expected, "{input:?}"),
            _ => assert_eq!(actual, expected, "{input:?}"),
        }
        assert_eq!(*LINES.lock().expect("no panic holds it"), model.printed(), "{input:?}");
    }
);

/// How many descriptors the process has open.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// What lies in the working directory.
fn files() -> usize {
    std::fs::read_dir(".").map_or(0, Iterator::count)
}

struct Subject {
    functions: Vec<Function>,
    given: WapcHost,
    denied: WapcHost,
}

fn subject() -> &'static Subject {
    static SUBJECT: OnceLock<Subject> = OnceLock::new();
    SUBJECT.get_or_init(|| {
        let functions = functions();
        let module =
            Engine::new().compile(text(&functions, Closing::Memory).as_bytes()).expect("the guest is valid");
        let builder = || {
            WapcHost::builder(&module)
                .handler(Printer)
                .memory_limit((PAGES as u64) << 16)
                .console_limit(CONSOLE)
                .isolation(wapc_host::Isolation::Fresh)
        };
        let given = builder().clock(Stopped).random(|bytes| {
            bytes.fill(7);
            if bytes.len() % 5 == 4 { Err("no more".into()) } else { Ok(()) }
        });
        Subject {
            functions,
            given: given.build().expect("the guest starts"),
            denied: builder().no_clock().no_random().build().expect("the guest starts"),
        }
    })
}

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Printer;

impl HostHandler for Printer {
    fn host_call(&self, call: &HostCall<'_>, _: &mut Reply) -> Result<(), HostCallError> {
        Err(call.operation.into())
    }

    fn console_log(&self, text: &str) {
        LINES.lock().expect("no panic holds it").push(text.to_owned());
    }
}

struct Stopped;

impl GuestClock for Stopped {
    fn realtime(&self) -> u64 {
        0x0102_0304_0506_0708
    }

    fn monotonic(&self) -> u64 {
        9
    }
}

/// The functions that answer with the same number whatever they are asked, with that number.
const DENIED: [(&str, &str, u64); 31] = [
    ("fd_prestat_get", "ii>i", BADF),
    ("fd_prestat_dir_name", "iii>i", BADF),
    ("fd_advise", "iIIi>i", BADF),
    ("fd_allocate", "iII>i", BADF),
    ("fd_datasync", "i>i", BADF),
    ("fd_sync", "i>i", BADF),
    ("fd_fdstat_set_flags", "ii>i", BADF),
    ("fd_fdstat_set_rights", "iII>i", BADF),
    ("fd_filestat_get", "ii>i", BADF),
    ("fd_filestat_set_size", "iI>i", BADF),
    ("fd_filestat_set_times", "iIIi>i", BADF),
    ("fd_pread", "iiiIi>i", BADF),
    ("fd_pwrite", "iiiIi>i", BADF),
    ("fd_readdir", "iiiIi>i", BADF),
    ("fd_renumber", "ii>i", BADF),
    ("path_open", "iiiiiIIii>i", BADF),
    ("path_create_directory", "iii>i", BADF),
    ("path_filestat_get", "iiiii>i", BADF),
    ("path_filestat_set_times", "iiiiIIi>i", BADF),
    ("path_link", "iiiiiii>i", BADF),
    ("path_readlink", "iiiiii>i", BADF),
    ("path_remove_directory", "iii>i", BADF),
    ("path_rename", "iiiiii>i", BADF),
    ("path_symlink", "iiiii>i", BADF),
    ("path_unlink_file", "iii>i", BADF),
    ("poll_oneoff", "iiii>i", NOSYS),
    ("proc_raise", "i>i", NOSYS),
    ("sock_accept", "iii>i", BADF),
    ("sock_recv", "iiiiii>i", BADF),
    ("sock_send", "iiiii>i", BADF),
    ("sock_shutdown", "ii>i", BADF),
];

fn functions() -> Vec<Function> {
    let module = "wasi_snapshot_preview1";
    let given = [
        ("fd_write", "iiii>i"),
        ("fd_read", "iiii>i"),
        ("fd_close", "i>i"),
        ("fd_seek", "iIii>i"),
        ("fd_tell", "ii>i"),
        ("fd_fdstat_get", "ii>i"),
        ("args_get", "ii>i"),
        ("args_sizes_get", "ii>i"),
        ("environ_get", "ii>i"),
        ("environ_sizes_get", "ii>i"),
        ("clock_time_get", "iIi>i"),
        ("clock_res_get", "ii>i"),
        ("random_get", "ii>i"),
        ("sched_yield", ">i"),
        ("proc_exit", "i"),
    ];
    let given = given.into_iter().map(|(name, signature)| Function::new(module, name, signature));
    let older = [("fd_write", "iiii>i"), ("random_get", "ii>i"), ("path_open", "iiiiiIIii>i")];
    let older = older.into_iter().map(|(name, signature)| Function::new("wasi_unstable", name, signature));
    let denied = DENIED.iter().map(|(name, signature, _)| Function::new(module, name, signature));
    given.chain(older).chain(denied).collect()
}

/// The shim as it should be.
#[derive(Default)]
struct Model<'a> {
    functions: &'a [Function],
    given: bool,
    /// What the two streams hold of lines that were begun, and the lines that were ended.
    begun: [Vec<u8>; 2],
    lines: Vec<String>,
    /// What was printed, and what was over the limit.
    taken: usize,
    dropped: usize,
}

impl Host for Model<'_> {
    fn call(&mut self, memory: &mut Memory, index: usize, arguments: &[u64]) -> Result<Option<u64>, Ending> {
        let name = self.functions[index].name;
        if let Some((_, _, errno)) = DENIED.iter().find(|(denied, ..)| *denied == name) {
            return Ok(Some(*errno));
        }
        let errno = match (name, arguments) {
            ("fd_write", &[fd, buffers, count, written]) => {
                self.write(memory, fd, (buffers, count), written)?
            }
            ("fd_read", &[0, _, _, read]) => answer(memory, read, &[0; 4])?,
            ("fd_close", &[0..=2]) => SUCCESS,
            ("fd_seek" | "fd_tell", &[0..=2, ..]) => SPIPE,
            ("fd_read" | "fd_close" | "fd_seek" | "fd_tell", _) => BADF,
            ("fd_fdstat_get", &[fd @ 0..=2, status]) => {
                let mut bytes = [0; 24];
                (bytes[0], bytes[8]) = (2, if fd == 0 { 2 } else { 64 });
                answer(memory, status, &bytes)?
            }
            ("fd_fdstat_get", _) => BADF,
            ("args_get" | "environ_get" | "sched_yield", _) => SUCCESS,
            ("args_sizes_get" | "environ_sizes_get", &[count, size]) => {
                memory.read(count, 4)?;
                memory.read(size, 4)?;
                answer(memory, count, &[0; 4])?;
                answer(memory, size, &[0; 4])?
            }
            ("clock_time_get" | "clock_res_get" | "random_get", _) if !self.given => NOSYS,
            ("clock_time_get", &[0, _, time]) => answer(memory, time, &Stopped.realtime().to_le_bytes())?,
            ("clock_time_get", &[1, _, time]) => answer(memory, time, &Stopped.monotonic().to_le_bytes())?,
            ("clock_res_get", &[0 | 1, resolution]) => answer(memory, resolution, &1_u64.to_le_bytes())?,
            ("clock_time_get" | "clock_res_get", _) => INVAL,
            ("random_get", &[_, length]) if length > 1 << 20 => INVAL,
            ("random_get", &[pointer, length]) => {
                memory.read(pointer, length)?;
                if length % 5 == 4 { IO } else { answer(memory, pointer, &vec![7; length as usize])? }
            }
            ("proc_exit", &[code]) => return Err(Ending::Exited(code as u32)),
            other => panic!("{other:?} is not in the model"),
        };
        Ok(Some(errno))
    }
}

impl Model<'_> {
    fn write(
        &mut self,
        memory: &mut Memory,
        fd: u64,
        (buffers, count): (u64, u64),
        written: u64,
    ) -> Result<u64, Ending> {
        let stream = match fd {
            1 | 2 => fd as usize - 1,
            _ => return Ok(BADF),
        };
        if count > 1024 {
            return Ok(INVAL);
        }
        memory.read(written, 4)?;
        let buffers = memory.read(buffers, count * 8)?.to_vec();
        let mut pieces = Vec::new();
        for buffer in buffers.chunks_exact(8) {
            let number =
                |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
            pieces.push(memory.read(number(&buffer[..4]), number(&buffer[4..]))?);
        }
        // Nothing is printed before all addresses are known to be good.
        let mut taken = 0;
        for bytes in pieces {
            let bytes = &bytes[..bytes.len().min(WRITE - taken)];
            taken += bytes.len();
            bytes.iter().for_each(|byte| self.print(stream, *byte));
        }
        answer(memory, written, &(taken as u32).to_le_bytes())
    }

    /// Byte by byte: a line ends at its end, or before it grows too long.
    fn print(&mut self, stream: usize, byte: u8) {
        if byte == b'\n' {
            self.end(stream);
            return;
        }
        if self.begun[stream].len() == LINE {
            self.end(stream);
        }
        self.begun[stream].push(byte);
    }

    fn end(&mut self, stream: usize) {
        let line = std::mem::take(&mut self.begun[stream]);
        let room = CONSOLE - self.taken;
        let fits = line.len().min(room.saturating_sub(1));
        if room > 0 {
            self.lines.push(String::from_utf8_lossy(&line[..fits]).into_owned());
            self.taken += fits + 1;
            self.dropped += line.len() - fits;
        } else {
            self.dropped += line.len() + 1;
        }
    }

    /// The lines, with those that were begun and not ended.
    fn printed(mut self) -> Vec<String> {
        (0..2)
            .filter(|stream| !self.begun[*stream].is_empty())
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|stream| self.end(stream));
        if self.dropped > 0 {
            self.lines
                .push(format!("... {} bytes more are not printed: a call may print {CONSOLE}", self.dropped));
        }
        self.lines
    }
}

fn answer(memory: &mut Memory, pointer: u64, bytes: &[u8]) -> Result<u64, Ending> {
    memory.write(pointer, bytes)?;
    Ok(SUCCESS)
}
