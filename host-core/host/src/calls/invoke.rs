//! Leads every call into an actor, whoever makes it.

use crate::{actors::generation::Admitted, calls::call::Call, error::Error, shared::Shared};

impl Shared {
    /// The one way into an actor, for the embedding program, providers, other actors and the question for its health. `admit` decides
    /// whether the call is let in.
    #[inline]
    pub(crate) fn invoke(
        &self,
        call: &Call<'_>,
        admit: impl Fn() -> Result<Admitted, Error>,
        reply: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if self.layers.is_empty() {
            return admit()?.deliver(call, reply);
        }
        let bytes = self.layers.around(call, |call| {
            let mut reply = Vec::new();
            admit()?.deliver(call, &mut reply)?;
            Ok(reply.into())
        })?;
        reply.clear();
        reply.extend_from_slice(&bytes);
        Ok(())
    }
}
