//! Finds out whether an address lies in a module's compiled code.

use std::{ops::Range, sync::Arc};

/// The addresses of a module's compiled functions, sorted.
#[derive(Debug, Clone)]
pub(crate) struct Code(Arc<[Range<usize>]>);

impl Code {
    pub(crate) fn of(module: &wasmer::Module) -> Self {
        let extents = module.sys_artifact().and_then(|artifact| artifact.finished_function_extents());
        let range = |start: usize, length: usize| start..start.saturating_add(length);
        let mut ranges: Vec<_> = extents
            .unwrap_or_default()
            .into_iter()
            .map(|(_, extent)| range(extent.ptr.0.addr(), extent.length))
            .collect();
        ranges.sort_by_key(|range| range.start);
        Self(ranges.into())
    }

    /// Called from a signal handler, so it neither allocates nor locks.
    pub(crate) fn contains(&self, address: usize) -> bool {
        let after = self.0.partition_point(|range| range.start <= address);
        after.checked_sub(1).is_some_and(|index| self.0[index].contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let code = Code(Arc::from([10..20, 30..40]));
        for (address, inside) in [(9, false), (10, true), (19, true), (20, false), (30, true), (40, false)] {
            assert_eq!(code.contains(address), inside, "{address}");
        }
        assert!(!Code(Arc::from([])).contains(0));
    }

    #[test]
    fn the_functions_of_a_module_are_found() {
        let module = crate::Engine::new().compile(b"(module (func) (func (export \"f\")))").unwrap();
        let code = module.compiled().code();
        assert_eq!(code.0.len(), 2);
        assert!(code.0.iter().all(|range| !range.is_empty() && code.contains(range.start)));
    }
}
