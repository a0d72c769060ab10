//! HTTP requests: routes, envelopes, authentication, bodies and answers.

mod auth;
mod bodies;
mod envelopes;
mod hostile;
mod routes;
mod services;
