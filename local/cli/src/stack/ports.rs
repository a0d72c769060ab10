//! The chosen ports, checked before anything is started.

use std::net::{Ipv4Addr, TcpListener};

use super::StackError;

/// The ports of 127.0.0.1; 0 takes a free one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ports {
    /// The AMP stand-in.
    pub(crate) amp: u16,
    /// SQS.
    pub(crate) sqs: u16,
    /// The Lambda service.
    pub(crate) lambda: u16,
    /// Prometheus, if it is started with the stack.
    pub(crate) prometheus: u16,
    /// The stack's own control API.
    pub(crate) control: u16,
}

impl Ports {
    /// Opens all of them at the same time, which also detects a repeated port, and closes them again.
    pub(super) fn check(&self) -> Result<(), StackError> {
        let chosen = [
            ("--amp-port", self.amp),
            ("--sqs-port", self.sqs),
            ("--lambda-port", self.lambda),
            ("--prometheus-port", self.prometheus),
            ("--control-port", self.control),
        ];
        let open = |(option, port): (&'static str, u16)| {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(StackError::port(option, port))
        };
        chosen.into_iter().filter(|(_, port)| *port != 0).map(open).collect::<Result<Vec<_>, _>>().map(drop)
    }
}
