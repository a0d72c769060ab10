#!/usr/bin/env bash
# Sets up and runs every check: `npm test`.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lambda-targets.sh
source "$(dirname "${BASH_SOURCE[0]}")/lambda-targets.sh"

require_cargo
require_python_packages
require_npm_packages
require_prometheus
require_pushgateway
cd "$REPOSITORY"

say "The scripts themselves"
bash scripts/test-scripts.sh

say "Formatting"
cargo fmt --all --check

say "Clippy, with every warning an error"
cargo clippy --workspace --all-targets --locked -- -D warnings

say "Documentation, with every broken link an error"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked --quiet

say "The functions and the extension as the construct library ships them"
bash scripts/build-lambda.sh
PUSH_GATEWAY_BINARY="$(built_path push-gateway "$(host_architecture)")"
QUERY_BINARY="$(built_path query "$(host_architecture)")"
TELEMETRY_EXTENSION_BINARY="$(built_path telemetry-extension "$(host_architecture)")"
PUSH_GATEWAY_LOCAL="$(target_directory)/debug/push-gateway-local"
MOTO_SERVER="$VENV/bin/moto_server"
export PUSH_GATEWAY_BINARY QUERY_BINARY TELEMETRY_EXTENSION_BINARY PUSH_GATEWAY_LOCAL MOTO_SERVER

say "Unit, property and end-to-end tests"
cargo test --workspace --locked

say "End to end, with the AWS SDK for JavaScript and PromQL"
npm test --workspaces --if-present

say "All checks passed"
