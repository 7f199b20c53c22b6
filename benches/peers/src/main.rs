//! Measures everybody and prints the tables. An argument says how many rounds; 301 without.
#![forbid(unsafe_code)]

use std::{env, num::NonZeroUsize, time::Duration};

use peers::{Effort, Entrant, Failure, OPERATIONS, Report, SIZES, measure};

const TURN: Duration = Duration::from_micros(200);

fn main() -> Result<(), Failure> {
    let rounds = match env::args().nth(1) {
        Some(text) => {
            text.parse::<NonZeroUsize>().map_err(|error| format!("rounds, {text:?}: {error}"))?.get()
        }
        None => 301,
    };
    let effort = Effort { rounds, turn: TURN };
    let entrants = Entrant::all();
    let mut contenders = entrants.iter().map(Entrant::contender).collect::<Result<Vec<_>, _>>()?;
    let mut report = Report::new(entrants);
    for operation in OPERATIONS {
        for size in SIZES {
            eprintln!("{operation}, {size} bytes");
            let payload = vec![0x5a; size].leak();
            report.add(operation, size, &measure(&mut contenders, operation, payload, effort)?);
        }
    }
    println!("{report}");
    Ok(())
}
