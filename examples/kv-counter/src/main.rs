//! Runs the talk's demonstration: a signed counter actor behind HTTP counts in a key-value store, while the actor and the store
//! are swapped underneath it. `--help` lists the options, `help` on standard input the commands.
#![forbid(unsafe_code)]

mod commands;
mod demonstration;
mod error;
mod modules;

use std::{
    io::{self, BufRead, Write},
    path::PathBuf,
    process::ExitCode,
    sync::mpsc,
    thread,
};

use clap::Parser;

use crate::{commands::Command, demonstration::Demonstration, error::Error, modules::Modules};

const WELCOME: &str = "\
try:   curl {url}/          it counts: 1, 2, 3
       swap v2              another version, while it serves
       kv none              the store is gone: 503, and `health` tells
       kv memory            a new store: it counts from 1
       help                 all commands";

/// A counter behind HTTP whose actor and store can be swapped while it serves.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The port to listen on; 0 picks a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// A directory with the seeds `account.nk` and `module.nk`, made where they are missing, so that modules of your own
    /// can be signed for this demonstration. Without it, keys are made for this run alone.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// A directory with `kv-counter.wasm` and `kv-counter-v2.wasm`, in place of those that were built in.
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
    /// The directory for compiled modules. Without it, `wascc` in the user's cache directory.
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache: Option<PathBuf>,
    /// Compiles at each start and keeps nothing on disk.
    #[arg(long)]
    no_cache: bool,
}

/// What the main thread waits for.
enum Event {
    Line(String),
    Interrupted,
}

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kv-counter: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Error> {
    let modules = Modules::prepare(options.modules.as_deref(), options.keys.as_deref())?;
    let cache = if options.no_cache { None } else { options.cache.clone().or_else(user_cache) };
    let mut demonstration = Demonstration::start(modules, options.port, cache)?;
    let url = demonstration.url();
    say(&format!("listening on {url}\n{}", WELCOME.replace("{url}", &url)));
    for event in events()? {
        match event {
            Event::Interrupted => break,
            Event::Line(line) => match line.parse() {
                Ok(Command::Quit) => break,
                Ok(Command::Nothing) => {}
                Ok(command) => say(&demonstration.obey(&command)),
                Err(error) => say(&format!("error: {error}")),
            },
        }
    }
    demonstration.stop();
    Ok(())
}

/// The lines of standard input and the interrupt. When standard input ends the interrupt is still waited for.
fn events() -> Result<mpsc::Receiver<Event>, Error> {
    let (lines, events) = mpsc::channel();
    let interrupts = lines.clone();
    ctrlc::set_handler(move || drop(interrupts.send(Event::Interrupted))).map_err(Error::Signal)?;
    thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n').map_while(Result::ok) {
            // A line that is not text is not a command either, and is answered as any other that is not.
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            if lines.send(Event::Line(line)).is_err() {
                return;
            }
        }
    });
    Ok(events)
}

/// Prints an answer. Whoever started the program may have closed its end; it goes on serving then.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn user_cache() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    base.filter(|base| base.is_absolute()).map(|base| base.join("wascc").join("modules"))
}
