//! Tells what is refused, and why.

mod bound;
mod claims;
mod ownership;
mod part;
mod policy;
mod rotation;
mod subject;

pub use bound::Bound;
pub use claims::ClaimsError;
pub use ownership::OwnershipError;
pub use part::TokenPart;
pub use policy::PolicyError;
pub use rotation::RotationError;
