//! The one HTTP client: built for a quick cold start and for keep-alive over invocations.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::ring;

use crate::network::Network;

/// A host that does not even accept a connection in this time is tried again rather than waited for.
const CONNECT: Duration = Duration::from_secs(3);

/// Load balancers close idle connections after about a minute; an older one is not worth trying.
const IDLE: Duration = Duration::from_secs(50);

/// Builds the client: HTTP/1.1, rustls with `ring`, Mozilla's certificates compiled in, those and the proxy of `network`,
/// no redirects.
///
/// `ring` and compiled-in certificates save about 3 ms of the cold start and 2 MB of the artifact over `aws-lc-rs`
/// with the platform's certificates. A redirect is an answer like any other: following it would send the signature to
/// a host that it is not for.
pub(crate) fn http_client(network: &Network) -> reqwest::Client {
    let mut roots = network.roots.clone();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the protocol versions that rustls considers safe")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // The environment is not read behind our back.
        .no_proxy()
        .http1_only()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE);
    match &network.proxy {
        Some(proxy) => builder.proxy(proxy.clone()),
        None => builder,
    }
    .build()
    .expect("the client's settings are constants that fit together")
}
