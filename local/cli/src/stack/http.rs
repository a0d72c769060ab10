//! HTTP in front of the push gateway: a function URL, an HTTP API and a load balancer, with the secret of their clients. A
//! function URL in front of the HTTP API of Prometheus has the same clients.

use local_lambda::http::{Endpoint, HttpServer, Kind};
use local_lambda::service::Pool;
use local_testing::clock::Clock;
use local_testing::moto::{MotoError, MotoServer};

use super::functions::Functions;
use super::{PortError, StackError, StackOptions};

/// What clients authenticate with, by `Basic`, or the password alone by `Bearer`.
pub(crate) const USERNAME: &str = "push-gateway";
pub(crate) const PASSWORD: &str = "local-password";

/// The name of the secret.
const SECRET: &str = "push-gateway-http";

/// The running endpoints.
#[derive(Debug)]
pub(super) struct HttpEndpoints {
    pub(super) function_url: HttpServer,
    pub(super) http_api: HttpServer,
    pub(super) alb: HttpServer,
    /// With the query functions only.
    pub(super) query_url: Option<HttpServer>,
}

impl HttpEndpoints {
    /// Serves the push gateway at all of them but the last.
    pub(super) async fn start(options: &StackOptions, functions: &Functions) -> Result<Self, StackError> {
        let ports = options.ports;
        let endpoint = |kind| Endpoint { region: options.region.clone(), ..Endpoint::new(kind) };
        let start = async |endpoint, function: &Pool, option, port| {
            let server = HttpServer::start(port, endpoint, function.clone(), Clock::system()).await;
            server.map_err(PortError::of(option, port))
        };
        let gateway = &functions.push_gateway;
        let query_url = match &functions.query_api {
            Some(api) => {
                let endpoint = Endpoint { streams: true, ..endpoint(Kind::FunctionUrl) };
                Some(start(endpoint, api, "--query-url-port", ports.query_url).await?)
            }
            None => None,
        };
        let [url, http_api, alb] = [Kind::FunctionUrl, Kind::HttpApi, Kind::Alb].map(endpoint);
        Ok(Self {
            function_url: start(url, gateway, "--function-url-port", ports.function_url).await?,
            http_api: start(http_api, gateway, "--http-api-port", ports.http_api).await?,
            alb: start(alb, gateway, "--alb-port", ports.alb).await?,
            query_url,
        })
    }
}

/// Creates the secret in Secrets Manager and returns its ARN.
pub(super) async fn create_secret(moto: &MotoServer, region: &str) -> Result<String, MotoError> {
    moto.create_secret(region, SECRET, (USERNAME, PASSWORD)).await
}
