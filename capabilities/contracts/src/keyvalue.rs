//! Defines `wascc:keyvalue`: values, counters, lists and sets under keys.
//!
//! Each operation takes the request of its name and answers with the response of its name.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::lenient;

/// The capability's id.
pub const CAPABILITY: &str = "wascc:keyvalue";
/// Adds to a counter in one step; a sum out of range is an error and changes nothing.
pub const OP_ADD: &str = "Add";
/// Reads a value.
pub const OP_GET: &str = "Get";
/// Writes a value.
pub const OP_SET: &str = "Set";
/// Removes a key and whatever is under it.
pub const OP_DEL: &str = "Del";
/// Empties a list.
pub const OP_CLEAR: &str = "Clear";
/// Adds an item to the end of a list.
pub const OP_PUSH: &str = "Push";
/// Removes every item of a list that equals a value.
pub const OP_LIST_ITEM_DELETE: &str = "ListItemDelete";
/// Reads a part of a list.
pub const OP_RANGE: &str = "Range";
/// Adds a member to a set.
pub const OP_SET_ADD: &str = "SetAdd";
/// Removes a member from a set.
pub const OP_SET_REMOVE: &str = "SetRemove";
/// Reads the members of any of several sets.
pub const OP_SET_UNION: &str = "SetUnion";
/// Reads the members that several sets have in common.
pub const OP_SET_INTERSECTION: &str = "SetIntersection";
/// Reads the members of a set.
pub const OP_SET_QUERY: &str = "SetQuery";
/// Asks whether there is anything under a key.
pub const OP_KEY_EXISTS: &str = "KeyExists";

/// Asks for an addition to a counter. A key without a value counts as 0.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddRequest {
    /// The key.
    pub key: String,
    /// What to add; negative to subtract.
    pub value: i32,
}

/// Answers [`OP_ADD`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddResponse {
    /// The sum.
    pub value: i32,
}

/// Asks for a value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRequest {
    /// The key.
    pub key: String,
}

/// Answers [`OP_GET`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetResponse {
    /// The value; empty when there is none.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub value: String,
    /// Whether there is one.
    pub exists: bool,
}

/// Asks to write a value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetRequest {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Seconds until the key expires; 0 means never.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub expires: i32,
}

/// Answers [`OP_SET`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetResponse {
    /// The value that was written.
    pub value: String,
}

/// Asks to remove a key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DelRequest {
    /// The key.
    pub key: String,
}

/// Answers [`OP_DEL`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DelResponse {
    /// The key that was removed.
    pub key: String,
}

/// Asks to empty a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClearRequest {
    /// The list's key.
    pub key: String,
}

/// Answers [`OP_CLEAR`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClearResponse {
    /// The key of the list that was emptied.
    pub key: String,
}

/// Asks to add an item to the end of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushRequest {
    /// The list's key.
    pub key: String,
    /// The item.
    pub value: String,
}

/// Answers [`OP_PUSH`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushResponse {
    /// How many items the list has now.
    #[serde(alias = "new_count")]
    pub new_count: i32,
}

/// Asks to remove every item that equals a value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListItemDeleteRequest {
    /// The list's key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Answers [`OP_LIST_ITEM_DELETE`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListItemDeleteResponse {
    /// How many items the list has now.
    #[serde(alias = "new_count")]
    pub new_count: i32,
}

/// Asks for a part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RangeRequest {
    /// The list's key.
    pub key: String,
    /// The first position, from 0; negative counts from the end.
    pub start: i32,
    /// The last position, included; negative counts from the end.
    pub stop: i32,
}

/// Answers [`OP_RANGE`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RangeResponse {
    /// The items, in the list's order.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub values: Vec<String>,
}

/// Asks to add a member to a set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetAddRequest {
    /// The set's key.
    pub key: String,
    /// The member.
    pub value: String,
}

/// Answers [`OP_SET_ADD`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetAddResponse {
    /// How many members the set has now.
    #[serde(alias = "new_count")]
    pub new_count: i32,
}

/// Asks to remove a member from a set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetRemoveRequest {
    /// The set's key.
    pub key: String,
    /// The member.
    pub value: String,
}

/// Answers [`OP_SET_REMOVE`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetRemoveResponse {
    /// How many members the set has now.
    #[serde(alias = "new_count")]
    pub new_count: i32,
}

/// Asks for the members of any of several sets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetUnionRequest {
    /// The keys of the sets.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub keys: Vec<String>,
}

/// Answers [`OP_SET_UNION`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetUnionResponse {
    /// The members, in no order.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub values: Vec<String>,
}

/// Asks for the members that several sets have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetIntersectionRequest {
    /// The keys of the sets.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub keys: Vec<String>,
}

/// Answers [`OP_SET_INTERSECTION`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetIntersectionResponse {
    /// The members, in no order.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub values: Vec<String>,
}

/// Asks for the members of a set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetQueryRequest {
    /// The set's key.
    pub key: String,
}

/// Answers [`OP_SET_QUERY`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetQueryResponse {
    /// The members, in no order.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub values: Vec<String>,
}

/// Asks whether there is anything under a key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyExistsRequest {
    /// The key.
    pub key: String,
}

/// Answers [`OP_KEY_EXISTS`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyExistsResponse {
    /// The value, where there is one and it is text.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub value: String,
    /// Whether there is anything under the key.
    pub exists: bool,
}
