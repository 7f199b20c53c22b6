//! Prints which cases of the conformance suite our host passes, and which the public one for Rust.
#![forbid(unsafe_code)]

use std::{panic, process::ExitCode, time::Duration};

use peers::{Failure, WapcRsUnderTest};
use wapc_conformance::{
    HostUnderTest, Table, WapcHostUnderTest, host_cases, run_host_case, run_host_case_within,
};

/// How long a guest that nobody ends is waited for.
const TIME_LIMIT: Duration = Duration::from_secs(5);

fn main() -> Result<ExitCode, Failure> {
    // A panic is told in the table.
    panic::set_hook(Box::new(|_| ()));
    let (ours, wapc_rs) = (WapcHostUnderTest::new(), WapcRsUnderTest);
    let mut table = Table::new("Cases for hosts", vec![ours.name(), wapc_rs.name()]);
    for case in host_cases()? {
        let verdicts = vec![run_host_case(&ours, &case), run_host_case_within(TIME_LIMIT, &wapc_rs, &case)];
        table.row(&case.title, verdicts);
    }
    print!("{table}");
    Ok(if table.passed(0) == table.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
