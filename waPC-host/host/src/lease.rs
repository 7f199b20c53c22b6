//! Lends instances of a pool, and gives them back.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use crate::{guest::Guest, pool::Pool};

/// An instance lent by the pool, which takes it back when the lease is dropped: to be used again if no call failed in it, to
/// be thrown away otherwise.
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    guest: Option<Box<Guest>>,
}

impl<'a> Lease<'a> {
    #[inline]
    pub(crate) fn new(pool: &'a Pool, guest: Box<Guest>) -> Self {
        Self { pool, guest: Some(guest) }
    }
}

impl Deref for Lease<'_> {
    type Target = Guest;

    fn deref(&self) -> &Guest {
        self.guest.as_ref().expect("a lease holds its guest until it is dropped")
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Guest {
        self.guest.as_mut().expect("a lease holds its guest until it is dropped")
    }
}

impl Drop for Lease<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(guest) = self.guest.take() {
            self.pool.give_back(guest);
        }
    }
}

impl fmt::Debug for Lease<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

/// Room for an instance that is being made; given back when that fails, even by a panic.
pub(crate) struct Room<'a> {
    pool: &'a Pool,
}

impl<'a> Room<'a> {
    pub(crate) fn new(pool: &'a Pool) -> Self {
        Self { pool }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.pool.give_room_back();
    }
}
