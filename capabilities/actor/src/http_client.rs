//! Makes requests through `wascc:http_client`.

use capability_contracts::http_client::{CAPABILITY, OP_PERFORM_REQUEST};

use crate::{
    Error,
    call::{self, DEFAULT_LINK},
    http::{Request, Response},
};

/// An HTTP client behind a link.
#[derive(Debug, Clone, Copy)]
pub struct HttpClient<'a> {
    link: &'a str,
}

/// The client behind the link `default`.
#[must_use]
pub const fn default() -> HttpClient<'static> {
    link(DEFAULT_LINK)
}

/// The client behind the link of this name.
#[must_use]
pub const fn link(name: &str) -> HttpClient<'_> {
    HttpClient { link: name }
}

impl HttpClient<'_> {
    /// Makes `request`, whose `path` is the URL. Any status of the response is a success.
    ///
    /// # Errors
    /// [`Error::Host`] when there is no response; [`Error::Codec`] when it cannot be read.
    pub fn send(&self, request: &Request) -> Result<Response, Error> {
        call::request(self.link, CAPABILITY, OP_PERFORM_REQUEST, request)
    }

    /// Gets `url`.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub fn get(&self, url: &str) -> Result<Response, Error> {
        self.send(&Request { method: "GET".into(), path: url.into(), ..Request::default() })
    }
}
