//! The workspace: the URL and the credential scope of all signed requests.

use aws::workspace::id_of;
use aws::{Endpoint, InvalidEndpoint, Scope};
use http::Uri;

/// A workspace, or another Prometheus API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// The URL before `/api/v1`.
    pub base: Endpoint,
    /// The scope of every signature.
    pub scope: Scope,
}

impl Workspace {
    /// The URL before `/api/v1`, without a slash at its end.
    pub fn url(&self) -> String {
        self.base.uri().to_string().trim_end_matches('/').to_owned()
    }

    /// The id in the URL, if there is one.
    pub(crate) fn id(&self) -> Option<&str> {
        id_of(&self.base)
    }

    /// The URL with `path`, which begins with a slash and has no `.` and `..`, in the form in which it is sent.
    ///
    /// # Errors
    /// [`InvalidEndpoint`]
    pub(crate) fn target(&self, path: &str, query: Option<&str>) -> Result<Uri, InvalidEndpoint> {
        let mut url = self.url() + path;
        if let Some(query) = query {
            // Signers encode a blank as `%20`, and AWS reads a `+` as it is.
            url = url + "?" + &query.replace('+', "%20");
        }
        Ok(Endpoint::parse(&url)?.uri().clone())
    }
}
