//! Limits how much the store may hold.

/// The limits of one [`MemoryKeyValue`](crate::MemoryKeyValue). All of them are in bytes.
///
/// ```
/// use provider_keyvalue_memory::Limits;
///
/// let limits = Limits::default().total(1024 * 1024);
/// assert_eq!(limits.total_bytes, 1024 * 1024);
/// assert_eq!(limits.key_bytes, 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest key, its link's prefix included. 1 KiB by default.
    pub key_bytes: usize,
    /// The longest text, list item or set member. 1 MiB by default.
    pub value_bytes: usize,
    /// All keys and values together, with an allowance for each that covers the store's own bookkeeping. 256 MiB by default.
    pub total_bytes: usize,
    /// What was put there over one link, counted in the same way, unless the link's own configuration says otherwise. 64 MiB by default.
    pub link_bytes: usize,
}

impl Limits {
    /// The same limits with another one for keys.
    #[must_use]
    pub fn key(mut self, bytes: usize) -> Self {
        self.key_bytes = bytes;
        self
    }

    /// The same limits with another one for values.
    #[must_use]
    pub fn value(mut self, bytes: usize) -> Self {
        self.value_bytes = bytes;
        self
    }

    /// The same limits with another one for what is put there over one link.
    #[must_use]
    pub fn link(mut self, bytes: usize) -> Self {
        self.link_bytes = bytes;
        self
    }

    /// The same limits with another one for everything together.
    #[must_use]
    pub fn total(mut self, bytes: usize) -> Self {
        self.total_bytes = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            key_bytes: 1024,
            value_bytes: 1024 * 1024,
            total_bytes: 256 * 1024 * 1024,
            link_bytes: 64 * 1024 * 1024,
        }
    }
}
