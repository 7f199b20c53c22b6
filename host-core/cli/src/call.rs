//! Runs `wascc call`: bytes in, bytes out, and everything that the guest says in between.

use std::{fmt, path::PathBuf};

use bytes::Bytes;
use clap::Args;
use serde::Serialize;
use untrusted_text::Shown;
use wapc_host::{HostCall, HostCallError, HostHandler, Reply, WapcHost};

use crate::{
    bytes_view::{BytesView, Hex},
    error::CliError,
    file,
    limits::Limits,
    output::Output,
    seed,
};

/// Send an operation with bytes to a waPC guest and print the reply's bytes
///
/// The reply goes to standard output as it is. What the guest writes to its console and the calls that it makes to its host
/// are told on standard error. Every such call is answered with the reply that --reply-with or --reply-hex gives, and
/// without one with the bytes that the guest sent. Signatures are not looked at: this is the tier below actors.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The module, .wasm or .wat; - reads standard input
    module: PathBuf,

    /// The operation's name
    operation: String,

    #[command(flatten)]
    payload: Payload,

    #[command(flatten)]
    reply: HostReply,

    #[command(flatten)]
    limits: Limits,
}

/// What is sent; nothing unless one of these is given.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Payload {
    /// Send this text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    text: Option<String>,

    /// Send what is in this file; - reads standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Send these bytes, in hexadecimal digits
    #[arg(long, value_name = "HEX")]
    hex: Option<Hex>,
}

/// What the guest's calls to the host are answered with.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct HostReply {
    /// Answer the guest's calls to its host with this text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    reply_with: Option<String>,

    /// Answer the guest's calls to its host with these bytes, in hexadecimal digits
    #[arg(long, value_name = "HEX")]
    reply_hex: Option<Hex>,
}

pub(crate) fn call(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let Arguments { module, operation, payload, reply, limits } = arguments;
    let payload = payload.read()?;
    // In hexadecimal digits, for instance.
    if [Some(&*payload), reply.bytes().as_deref()].into_iter().flatten().any(seed::is_in) {
        return Err(CliError::SeedAsArgument);
    }
    let module = limits.engine()?.compile(&file::read(module)?)?;
    let host = WapcHost::builder(&module)
        .handler(Witness { answer: reply.bytes(), output: *output })
        .max_instances(1)
        .memory_limit(limits.memory_limit.0)
        .deadline(limits.deadline())
        .build()?;
    let reply = host.call(operation, &payload)?;
    output.bytes(&reply, &Replied { reply: BytesView::new(&reply) })
}

impl Payload {
    fn read(&self) -> Result<Vec<u8>, CliError> {
        match self {
            Self { text: Some(text), .. } => Ok(text.clone().into_bytes()),
            Self { hex: Some(Hex(bytes)), .. } => Ok(bytes.clone()),
            Self { file: Some(file), .. } => file::read_payload(file),
            _ => Ok(Vec::new()),
        }
    }
}

impl HostReply {
    fn bytes(&self) -> Option<Bytes> {
        match self {
            Self { reply_with: Some(text), .. } => Some(text.clone().into()),
            Self { reply_hex: Some(Hex(bytes)), .. } => Some(bytes.clone().into()),
            _ => None,
        }
    }
}

/// Answers the guest, and tells what it saw.
struct Witness {
    /// The answer to every call; without one the guest gets its own bytes back.
    answer: Option<Bytes>,
    output: Output,
}

impl HostHandler for Witness {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        match &self.answer {
            Some(answer) => reply.set(answer.clone()),
            None => reply.copy_from(call.payload),
        }
        self.output.event(&Event::HostCall {
            binding: call.binding,
            namespace: call.namespace,
            operation: call.operation,
            payload: BytesView::new(call.payload),
            reply: BytesView::new(reply.as_bytes()),
        });
        Ok(())
    }

    fn console_log(&self, text: &str) {
        self.output.event(&Event::Console(text));
    }
}

/// How much of a guest's console text is shown to people, in characters.
const LONGEST: usize = 4096;

/// What the guest did while it handled its call.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Event<'a> {
    Console(&'a str),
    HostCall {
        binding: &'a str,
        namespace: &'a str,
        operation: &'a str,
        payload: BytesView,
        reply: BytesView,
    },
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console(text) => write!(f, "console: {}", Shown::new(text).up_to(LONGEST)),
            Self::HostCall { binding, namespace, operation, payload, reply } => {
                let (binding, namespace, operation) =
                    (Shown::new(binding), Shown::new(namespace), Shown::new(operation));
                write!(f, "host call: `{operation}` to `{namespace}` (binding `{binding}`)")?;
                write!(f, " with {payload}; answered with {reply}")
            }
        }
    }
}

#[derive(Serialize)]
struct Replied {
    reply: BytesView,
}
