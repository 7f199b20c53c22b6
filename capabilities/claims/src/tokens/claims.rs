//! Holds the claims that every token has, around those of its kind.

use serde::{Deserialize, Serialize};

use crate::{
    keys::PublicKey,
    tokens::{
        date,
        json::{Object, present},
    },
};

/// The revision of the claims' shape that this crate writes.
pub(crate) const REVISION: u32 = 3;

/// The claims that every token has (RFC 7519 §4.1), around those of its kind. The fields' order is
/// that of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "M: Deserialize<'de>"))]
pub(crate) struct Claims<M> {
    #[serde(
        rename = "exp",
        default,
        deserialize_with = "date::end",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) expires: Option<u64>,
    #[serde(rename = "jti")]
    pub(crate) id: String,
    #[serde(rename = "iat", deserialize_with = "date::moment")]
    pub(crate) issued_at: u64,
    #[serde(rename = "iss")]
    pub(crate) issuer: PublicKey,
    #[serde(rename = "sub")]
    pub(crate) subject: PublicKey,
    #[serde(
        rename = "nbf",
        default,
        deserialize_with = "date::beginning",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) not_before: Option<u64>,
    #[serde(rename = "wascap")]
    pub(crate) about: Object<M>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(crate) wascap_revision: Option<u32>,
}
