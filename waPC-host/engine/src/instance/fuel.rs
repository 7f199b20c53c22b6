//! Gives the runs of an instance fuel.

use super::Instance;
use crate::error::Error;

impl<T: Send + 'static> Instance<T> {
    /// Gives the runs that follow `fuel` to use between them, one unit for each WebAssembly
    /// instruction, or lets them use any amount. A new instance may use any amount. An instruction
    /// is one unit however much it does: one that fills memory in bulk is bounded by a deadline,
    /// not by fuel.
    ///
    /// # Errors
    /// [`Error::NotMetered`] when the module was compiled without
    /// [`EngineBuilder::fuel`](crate::EngineBuilder::fuel).
    pub fn set_fuel(&mut self, fuel: Option<u64>) -> Result<(), Error> {
        match &mut self.fuel {
            Some(own) => own.set(fuel, &mut self.store, &self.exports),
            None => return Err(Error::NotMetered),
        }
        Ok(())
    }

    /// How much fuel was used since [`set_fuel`](Self::set_fuel), or since the instance was made;
    /// all of it after [`Error::FuelExhausted`].
    ///
    /// # Errors
    /// [`Error::NotMetered`], as for [`set_fuel`](Self::set_fuel).
    pub fn fuel_used(&mut self) -> Result<u64, Error> {
        match &self.fuel {
            Some(fuel) => Ok(fuel.used(&mut self.store, &self.exports)),
            None => Err(Error::NotMetered),
        }
    }
}
