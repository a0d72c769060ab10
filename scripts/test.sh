#!/usr/bin/env bash
# Sets up and runs every check: `npm test`.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_cargo
require_python_packages
require_npm_packages
require_prometheus
require_pushgateway
cd "$REPOSITORY"

say "Formatting"
cargo fmt --all --check

say "Clippy, with every warning an error"
cargo clippy --workspace --all-targets --locked -- -D warnings

say "Documentation, with every broken link an error"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked --quiet

build_release
export PUSH_GATEWAY_BINARY="$FUNCTION"
export QUERY_BINARY="$QUERY"
export PUSH_GATEWAY_LOCAL="$LOCAL"
export MOTO_SERVER="$VENV/bin/moto_server"
export TELEMETRY_EXTENSION_BINARY="$EXTENSION"

say "The functions and the extension as the construct library ships them"
bash scripts/build-lambda.sh

say "Unit, property and end-to-end tests"
cargo test --workspace --locked

say "End to end, with the AWS SDK for JavaScript and PromQL"
npm test --workspaces --if-present

say "All checks passed"
