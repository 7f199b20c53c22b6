//! Runs a plug-in on Extism.

use extism::{CurrentPlugin, Error, Function, PTR, Plugin, PluginBuilder, UserData, Val};

use crate::{Contender, Failure};

/// A plug-in whose function `callback` in the host answers with what it was sent.
pub(crate) struct ExtismPlugin(Plugin);

impl ExtismPlugin {
    pub(crate) fn new(wasm: &[u8]) -> Result<Self, Failure> {
        let callback = Function::new("callback", [PTR], [PTR], UserData::new(()), mirror);
        let plugin = PluginBuilder::new(wasm).with_functions([callback]).with_cache_disabled().build()?;
        Ok(Self(plugin))
    }
}

impl Contender for ExtismPlugin {
    fn call(&mut self, operation: &'static str, payload: &'static [u8]) -> Result<&[u8], Failure> {
        Ok(self.0.call::<&[u8], &[u8]>(operation, payload)?)
    }
}

/// What the macro for host functions makes of one that returns its argument.
fn mirror(
    plugin: &mut CurrentPlugin,
    inputs: &[Val],
    outputs: &mut [Val],
    _: UserData<()>,
) -> Result<(), Error> {
    let payload: Vec<u8> = plugin.memory_get_val(&inputs[0])?;
    let reply = plugin.memory_new(&payload)?;
    outputs[0] = plugin.memory_to_val(reply);
    Ok(())
}
