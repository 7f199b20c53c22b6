//! Runs the floor of the repository's own benches as a contender.

use call_overhead::Floor;

use crate::{Contender, Failure};

impl Contender for Floor {
    fn call(&mut self, operation: &'static str, payload: &'static [u8]) -> Result<&[u8], Failure> {
        Ok(Floor::call(self, operation.as_bytes(), payload))
    }
}
