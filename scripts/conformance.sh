#!/usr/bin/env bash
# Runs the conformance suites, and writes docs/conformance.md: `npm run conformance`. It builds what it compares with.
# An argument is a part of a test's name; with it no document is written, nor with another build of a program, of which the
# version is not known.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

other_builds=()
for variable in CORTEX PROMETHEUS3 PROMTOOL3 RECEIVER_SUITE; do
  [ -z "${!variable:-}" ] || other_builds+=("$variable")
done

require_cargo
cd "$REPOSITORY"
require_python_packages requirements
require_cortex
require_prometheus_3
require_receiver_suite
require_prometheus
require_push_clients all

say "Building the function"
cargo build --workspace --locked --bin push-gateway
PUSH_GATEWAY_BINARY="$(target_directory)/debug/push-gateway"
MOTO_SERVER="$VENV/bin/moto_server"
CONFORMANCE_RESULTS="$(target_directory)/conformance/results"
export PUSH_GATEWAY_BINARY MOTO_SERVER CONFORMANCE_RESULTS
rm -rf "$CONFORMANCE_RESULTS"
mkdir -p "$CONFORMANCE_RESULTS"

say "Running the suites"
export CI=true # A client that is missing is a failure.
result=0
cargo test --workspace --locked --no-fail-fast --test cortex --test gateway --test conformance --test clients --test functions -- --ignored "$@" || result=$?
if [ "$#" -gt 0 ]; then
  say "docs/conformance.md stays as it is: not all suites ran"
elif [ "${#other_builds[@]}" -gt 0 ]; then
  say "docs/conformance.md stays as it is: its versions are those of local/conformance, and these are set: ${other_builds[*]}"
else
  python3 local/conformance/report.py "$CONFORMANCE_RESULTS" docs/conformance.md || result=$?
fi
exit "$result"
