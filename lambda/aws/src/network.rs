//! Certificates to trust and a proxy, which some networks require, from the environment.
//!
//! | variable          | holds                                                                              |
//! |-------------------|------------------------------------------------------------------------------------|
//! | `CA_CERTIFICATES` | certificates in PEM, or the path of a file with them                               |
//! | `AWS_CA_BUNDLE`   | the path of such a file, as for AWS's own tools                                    |
//! | `HTTPS_PROXY`     | the URL of the proxy for `https://` requests; plain HTTP is always sent directly   |
//! | `NO_PROXY`        | hosts, domains and address ranges that are requested directly, separated by commas |
//!
//! The names of the proxy's variables may be in lower case, as for curl. Certificates are trusted in addition to
//! Mozilla's.

use std::fmt;
use std::io;

use reqwest::{NoProxy, Proxy};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::settings::{InvalidSetting, Settings};

/// The start of a certificate, or of another object, in PEM.
const PEM_BEGIN: &str = "-----BEGIN ";

/// The error of a proxy that is not a URL.
const PROXY: InvalidSetting = InvalidSetting::Value {
    variable: "HTTPS_PROXY",
    expected: "the URL of a proxy such as http://proxy.example.com:3128",
};

/// Additional certificates and a proxy. The default is neither.
#[derive(Clone)]
pub struct Network {
    pub(crate) roots: RootCertStore,
    pub(crate) proxy: Option<Proxy>,
}

impl Network {
    /// Reads the variables through `lookup`, and files through `read`.
    ///
    /// # Errors
    /// [`InvalidSetting`]: the first variable that cannot be used.
    pub fn from_lookup(
        lookup: impl Fn(&str) -> Option<String>,
        read: impl Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Self, InvalidSetting> {
        let settings = Settings::new(&lookup);
        let mut roots = RootCertStore::empty();
        for variable in ["CA_CERTIFICATES", "AWS_CA_BUNDLE"] {
            let Some(value) = settings.text(variable) else { continue };
            let pem = if value.contains(PEM_BEGIN) {
                // Where a variable is one line, line breaks are written as in JSON.
                value.replace("\\n", "\n").into_bytes()
            } else {
                read(&value).map_err(|error| InvalidSetting::File { variable, reason: error.to_string() })?
            };
            roots.extend(certificates(variable, &pem)?.roots);
        }
        let either = |name: &str| settings.text(&name.to_ascii_lowercase()).or_else(|| settings.text(name));
        let direct = either("NO_PROXY").unwrap_or_default();
        // The client applies `*` to names only, not to addresses.
        let url = either("HTTPS_PROXY").filter(|_| !direct.split(',').any(|host| host.trim() == "*"));
        let proxy = url.map(|url| {
            if url.split_once("://").is_some_and(|(scheme, _)| !matches!(scheme, "http" | "https")) {
                return Err(PROXY);
            }
            let except = NoProxy::from_string(&direct);
            Proxy::https(url).map(|proxy| proxy.no_proxy(except)).map_err(|_| PROXY)
        });
        Ok(Self { roots, proxy: proxy.transpose()? })
    }
}

/// The certificates in `pem`, at least one. A bundle may hold old ones that cannot be read, which are left out.
fn certificates(variable: &'static str, pem: &[u8]) -> Result<RootCertStore, InvalidSetting> {
    let invalid = |found| InvalidSetting::Certificates { variable, found };
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| invalid("text in another format"))?;
    if certificates.is_empty() {
        return Err(invalid("text without one"));
    }
    let mut roots = RootCertStore::empty();
    let (_, left_out) = roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(invalid("none that can be read"));
    }
    if left_out > 0 {
        tracing::warn!(variable, left_out, "Some certificates cannot be read and are not trusted.");
    }
    Ok(roots)
}

impl Default for Network {
    fn default() -> Self {
        Self { roots: RootCertStore::empty(), proxy: None }
    }
}

impl fmt::Debug for Network {
    /// Without the proxy's URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { roots, proxy } = self;
        f.debug_struct("Network").field("roots", &roots.len()).field("proxy", &proxy.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = include_str!("../../../local/testing/tests/edge/authority/root.pem");

    fn network(variables: &[(&str, &str)]) -> Result<Network, InvalidSetting> {
        let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Network::from_lookup(lookup, |path| match path {
            "/ca.pem" => Ok(PEM.into()),
            "/two.pem" => Ok(format!("A comment\n{PEM}\n{PEM}").into()),
            "/odd.pem" => {
                Ok(format!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{PEM}").into())
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        })
    }

    #[test]
    fn certificates_are_a_text_or_files() {
        let one_line = PEM.replace('\n', "\\n");
        let after_text = format!("Certificate:\n    Data:\n        Version: 3 (0x2)\n{PEM}");
        for (variables, count) in [
            (vec![], 0),
            (vec![("CA_CERTIFICATES", " "), ("AWS_CA_BUNDLE", "")], 0),
            (vec![("CA_CERTIFICATES", PEM)], 1),
            (vec![("CA_CERTIFICATES", &one_line)], 1),
            (vec![("CA_CERTIFICATES", &after_text)], 1),
            (vec![("CA_CERTIFICATES", "/two.pem")], 2),
            (vec![("CA_CERTIFICATES", "/odd.pem")], 1),
            (vec![("CA_CERTIFICATES", PEM), ("AWS_CA_BUNDLE", "/ca.pem")], 2),
        ] {
            assert_eq!(network(&variables).unwrap().roots.len(), count, "{variables:?}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_not_repeated() {
        for (variable, value) in [
            ("CA_CERTIFICATES", "hunter2"),
            ("CA_CERTIFICATES", "-----BEGIN hunter2-----\nhunter2"),
            ("CA_CERTIFICATES", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
            ("AWS_CA_BUNDLE", "/hunter2.pem"),
            ("HTTPS_PROXY", "http://user:hunter2@"),
            ("https_proxy", "socks5://user:hunter2@proxy"),
        ] {
            let message = network(&[(variable, value)]).expect_err(value).to_string();
            let expected = format!("{}: expected ", variable.to_ascii_uppercase());
            assert!(message.starts_with(&expected) && !message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn a_proxy_is_for_all_hosts_with_exceptions() {
        let proxy = |variables: &[(&str, &str)]| network(variables).unwrap().proxy.is_some();
        assert!(proxy(&[("HTTPS_PROXY", "http://proxy:3128")]));
        assert!(proxy(&[("https_proxy", "proxy:3128"), ("no_proxy", "example.com")]));
        assert!(!proxy(&[("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", "a, *")]));
        assert!(!proxy(&[("HTTP_PROXY", "http://proxy:3128")]));
        let shown = format!("{:?}", network(&[("HTTPS_PROXY", "http://user:hunter2@proxy:3128")]).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
