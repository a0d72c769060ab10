//! HTTP requests: routes, envelopes, authentication, bodies and answers.

mod auth;
mod bodies;
mod envelopes;
mod hostile;
mod otlp;
mod remote_write;
mod routes;
mod services;
mod versions;
