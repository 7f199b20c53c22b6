//! Serves the router of this example: `embed-axum MODULE ACCOUNT [PORT]`.
#![forbid(unsafe_code)]

use std::{env, error::Error, fs, net::Ipv4Addr};

use embed_axum::{Counter, router};
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (module, account, port) = match &arguments[..] {
        [module, account] => (module, account, 8080),
        [module, account, port] => (module, account, port.parse()?),
        _ => return Err("usage: embed-axum MODULE ACCOUNT [PORT]".into()),
    };
    // region main
    let counter = Counter::start(fs::read(module)?, account.parse()?)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        println!("listening on http://{}", listener.local_addr()?);
        axum::serve(listener, router(counter)).await?;
        Ok(())
    })
    // endregion main
}
