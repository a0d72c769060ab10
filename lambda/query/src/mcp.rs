//! The MCP server at `/mcp` of the handler `api`: the operations as tools for agents, the catalogue of metrics as
//! resources, and prompts.
//!
//! | module      | contains                                                                          |
//! |-------------|-----------------------------------------------------------------------------------|
//! | `tools`     | the tools, which run operations                                                   |
//! | `hints`     | what to do next after an empty or refused answer                                  |
//! | `lookups`   | the few requests that hints may send                                              |
//! | `selectors` | the series selectors in an expression                                             |
//! | `catalogue` | resources, prompts and completion                                                 |
//!
//! `rmcp` implements the protocol (<https://modelcontextprotocol.io/specification/>). It takes a request and returns a
//! response, so it needs no server. Nothing is kept between requests: there are no sessions and no streams.

mod catalogue;
mod hints;
mod lookups;
mod selectors;
mod tools;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http_body_util::{BodyExt as _, Full};
use http_endpoint::{Answer, Request};
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, ErrorData,
    GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::time::Instant;

use crate::operations::{Call, Operations};
use crate::time::Timestamp;
use crate::truncation::Caller;

/// The most bytes of a request: a query of AMP's quota and what surrounds it. A tree of JSON values may take 90 times the
/// memory.
const MAX_REQUEST_BYTES: usize = 1_100_000;

/// What a model reads before it chooses a tool.
const INSTRUCTIONS: &str = "Metrics of a Prometheus workspace. Find metrics with list_metrics and their labels with \
                            labels and label_values. Evaluate PromQL with query (one time) or range_query (over time). \
                            Times may be relative: now-1h. An answer that is empty comes with hints what to do next.";

/// The MCP server.
#[derive(Debug)]
pub(crate) struct McpServer {
    operations: Arc<Operations>,
}

/// The server as one request sees it.
#[derive(Clone, Debug)]
struct Exchange {
    operations: Arc<Operations>,
    call: Call,
}

impl McpServer {
    pub(crate) fn new(operations: Arc<Operations>) -> Self {
        Self { operations }
    }

    /// Answers a request, whose caller is authenticated, until `deadline`.
    pub(crate) async fn serve(&self, request: &Request<'_>, now: Timestamp, deadline: Instant) -> Answer {
        let Ok(body) = request.body() else { return Answer::line(400, &"the event has no readable body") };
        // The protocol demands a host. It is not checked, since callers are authenticated.
        let mut sent =
            http::Request::builder().method(&*request.method).uri("/mcp").header(HOST, "localhost");
        let named = [
            (ACCEPT.as_str(), request.headers.accept.as_deref()),
            (CONTENT_TYPE.as_str(), request.headers.content_type.as_deref()),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let of_protocol = request.headers.mcp.iter().map(|(name, value)| (&**name, &**value));
        for (name, value) in named.chain(of_protocol) {
            sent = sent.header(name, value);
        }
        let Ok(sent) = sent.body(Full::new(Bytes::from(body))) else {
            return Answer::line(400, &"the method or a header is invalid");
        };
        let call = Call { caller: Caller::Agent, now, deadline };
        let (head, body) = self.service(call).handle(sent).await.into_parts();
        let Ok(body) = body.collect().await;
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        let answer = Answer::text(head.status.as_u16(), text);
        match head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
            Some(content_type) => answer.of_type(content_type.to_owned()),
            None => answer,
        }
    }

    /// The protocol for one request.
    fn service(&self, call: Call) -> StreamableHttpService<Exchange, NeverSessionManager> {
        // The host is that of the function's URL. Callers are authenticated, and a page in a browser has no credentials.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(MAX_REQUEST_BYTES)
            .disable_allowed_hosts();
        let exchange = Exchange { operations: Arc::clone(&self.operations), call };
        StreamableHttpService::new(move || Ok(exchange.clone()), Arc::default(), config)
    }
}

impl ServerHandler for Exchange {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_prompts()
            .enable_completions();
        let implementation = Implementation::new("prometheus", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities.build())
            .with_server_info(implementation)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all(self.operations.is_restricted())))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::find(name).map(tools::definition)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        tools::call(&self.operations, &request.name, arguments, self.call).await.map(Into::into)
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(vec![catalogue::resource()]))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(vec![catalogue::template()]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        catalogue::read(&self.operations, &request.uri, self.call).await.map(Into::into)
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(catalogue::prompts(self.operations.is_restricted())))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        catalogue::prompt(&request.name, &request.arguments.unwrap_or_default()).map(Into::into)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Ok(catalogue::complete(&self.operations, &request.argument, self.call).await)
    }
}
