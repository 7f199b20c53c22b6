//! Reads and writes a guest's memory: one checked read and one checked write.

use std::{fmt, marker::PhantomData};

/// An address range outside of the guest's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{length} bytes at address {pointer:#x} lie outside of the guest's memory of {size} bytes")]
pub struct MemoryFault {
    /// The address of the first byte.
    pub pointer: u32,
    /// The number of bytes.
    pub length: u64,
    /// The size of the memory in bytes.
    pub size: usize,
}

/// The guest's memory, as it is at one moment while the guest waits for the host.
///
/// It stays on the thread that the guest runs on: what other threads write would not be put back by
/// [`Instance::restore`](crate::Instance::restore).
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<wapc_engine::GuestMemory<'static>>();
/// ```
pub struct GuestMemory<'a>(&'a mut [u8], PhantomData<*mut u8>);

impl<'a> GuestMemory<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self(bytes, PhantomData)
    }

    /// The memory's size in bytes.
    #[must_use]
    #[inline]
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// The `length` bytes at `pointer`. A length of zero is fine at any address.
    ///
    /// # Errors
    /// [`MemoryFault`] when they do not all lie inside the memory.
    #[inline]
    pub fn read(&self, pointer: u32, length: u32) -> Result<&[u8], MemoryFault> {
        if length == 0 {
            return Ok(&[]);
        }
        let start = pointer as usize;
        start.checked_add(length as usize).and_then(|end| self.0.get(start..end)).ok_or(MemoryFault {
            pointer,
            length: length.into(),
            size: self.0.len(),
        })
    }

    /// Copies `bytes` to the address `pointer`. No bytes can be written to any address.
    ///
    /// # Errors
    /// [`MemoryFault`] when they do not all fit inside the memory; nothing is written then.
    #[inline]
    pub fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), MemoryFault> {
        if bytes.is_empty() {
            return Ok(());
        }
        let size = self.0.len();
        let start = pointer as usize;
        start
            .checked_add(bytes.len())
            .and_then(|end| self.0.get_mut(start..end))
            .ok_or(MemoryFault { pointer, length: bytes.len() as u64, size })?
            .copy_from_slice(bytes);
        Ok(())
    }
}

impl fmt::Debug for GuestMemory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestMemory").field("size", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_stay_inside() {
        let mut bytes = [0; 16];
        let mut memory = GuestMemory::new(&mut bytes);
        memory.write(12, b"abcd").unwrap();
        assert_eq!(memory.read(12, 4).unwrap(), b"abcd");
        let fault = memory.read(13, 4).unwrap_err();
        assert_eq!(fault, MemoryFault { pointer: 13, length: 4, size: 16 });
        assert!(memory.write(13, b"wxyz").is_err());
        assert_eq!(memory.read(12, 4).unwrap(), b"abcd", "a refused write changes nothing");
        assert!(memory.read(u32::MAX, u32::MAX).is_err());
    }

    #[test]
    fn nothing_can_be_read_and_written_anywhere() {
        let mut memory = GuestMemory::new(&mut []);
        assert_eq!(memory.read(u32::MAX, 0).unwrap(), b"");
        memory.write(u32::MAX, b"").unwrap();
    }
}
