//! Defines `wascc:http_server`: requests from the network, delivered to the actor.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::lenient;

/// The capability's id.
pub const CAPABILITY: &str = "wascc:http_server";
/// Delivered to the actor: [`Request`] in, [`Response`] out.
pub const OP_HANDLE_REQUEST: &str = "HandleRequest";

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The method in upper case.
    pub method: String,
    /// The path, percent-encoding and all, with its leading slash; for a request that the actor makes, the URL.
    pub path: String,
    /// What follows the question mark, as it was sent; empty when there is none.
    #[serde(alias = "query_string", default, deserialize_with = "lenient::nil_is_default")]
    pub query_string: String,
    /// The headers, names in lower case.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub header: BTreeMap<String, String>,
    /// The body's bytes.
    #[serde(default, with = "lenient::body")]
    pub body: Vec<u8>,
}

/// An HTTP response.
///
/// ```
/// use capability_contracts::http_server::Response;
///
/// let response = Response::text("no such page").with_status(404).with_header("cache-control", "no-store");
/// assert_eq!((response.status_code, response.status.as_str()), (404, "Not Found"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The status code, from 200 to 599.
    #[serde(alias = "status_code")]
    pub status_code: u32,
    /// The status in words; empty means the usual words.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub status: String,
    /// The headers, one value for each.
    #[serde(default, deserialize_with = "lenient::nil_is_default")]
    pub header: BTreeMap<String, String>,
    /// The body's bytes.
    #[serde(default, with = "lenient::body")]
    pub body: Vec<u8>,
    /// Further `set-cookie` lines, beside the one that `header` may hold: the only header that may be there more than once
    /// and cannot be written as one line (RFC 6265, section 3). Left out where it is empty, so that hosts which do not know
    /// it read what they always read.
    #[serde(
        alias = "set_cookie",
        default,
        deserialize_with = "lenient::nil_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub set_cookie: Vec<String>,
}

impl Response {
    /// 200 without a body.
    #[must_use]
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// The status code `code` with its usual words and without a body.
    #[must_use]
    pub fn status(code: u32) -> Self {
        Self { status_code: code, status: reason_phrase(code).into(), ..Self::default() }
    }

    /// 200 with a text in UTF-8.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::ok().with_body("text/plain; charset=utf-8", text.into().into_bytes())
    }

    /// 200 with `value` in JSON.
    ///
    /// # Errors
    /// [`CodecError::Encode`](crate::CodecError::Encode) when JSON has nothing for the value, such as for a map with keys
    /// that are no text.
    #[cfg(feature = "json")]
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, crate::CodecError> {
        use alloc::string::ToString;

        let body = serde_json::to_vec(value).map_err(|error| crate::CodecError::Encode {
            type_name: core::any::type_name::<T>(),
            reason: error.to_string(),
        })?;
        Ok(Self::ok().with_body("application/json", body))
    }

    /// 405, with the methods that are allowed, such as `GET, HEAD`.
    #[must_use]
    pub fn method_not_allowed(allowed: &str) -> Self {
        Self::status(405).with_header("allow", allowed)
    }

    /// The same response with another status code and its usual words.
    #[must_use]
    pub fn with_status(mut self, code: u32) -> Self {
        self.status_code = code;
        self.status = reason_phrase(code).into();
        self
    }

    /// The same response with a header, in place of one whose name has the same spelling; a further `set-cookie` is one more.
    ///
    /// ```
    /// use capability_contracts::http_server::Response;
    ///
    /// let response = Response::ok().with_header("set-cookie", "a=1").with_header("set-cookie", "b=2; Path=/");
    /// assert_eq!((response.header["set-cookie"].as_str(), response.set_cookie), ("a=1", vec!["b=2; Path=/".to_owned()]));
    /// ```
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        // The first goes where every host looks for it.
        if name.eq_ignore_ascii_case("set-cookie")
            && self.header.keys().any(|key| key.eq_ignore_ascii_case(name))
        {
            self.set_cookie.push(value.into());
        } else {
            self.header.insert(name.into(), value.into());
        }
        self
    }

    /// The same response with a body of the given content type.
    #[must_use]
    pub fn with_body(self, content_type: &str, body: Vec<u8>) -> Self {
        Self { body, ..self.with_header("content-type", content_type) }
    }
}

/// The usual words for the codes that actors answer with (RFC 9110, section 15); empty for others, which means the same.
fn reason_phrase(code: u32) -> &'static str {
    match code {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
