// The suite of the Prometheus project for receivers of remote write 2.0. Its own go.mod spells the path so.
module conformance/receiver

go 1.26

replace github.com/prometheus/complicance/remotewrite2 => github.com/prometheus/compliance/remotewrite/receiver v0.0.0-20260806071727-67b8327a2e93

require github.com/prometheus/complicance/remotewrite2 v0.0.0
