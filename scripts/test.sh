#!/usr/bin/env bash
# Sets up and runs every check: `npm test`.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_cargo
require_python_packages
cd "$REPOSITORY"

say "Formatting"
cargo fmt --all --check

say "Clippy, with every warning an error"
cargo clippy --workspace --all-targets --locked -- -D warnings

say "Documentation, with every broken link an error"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked --quiet

say "The release binary, which the end-to-end tests run"
cargo build --release --locked -p push-gateway
export PUSH_GATEWAY_BINARY="$(target_directory)/release/push-gateway"
export MOTO_SERVER="$VENV/bin/moto_server"
bash scripts/check-artifact.sh "$PUSH_GATEWAY_BINARY"

say "Unit, property and end-to-end tests"
cargo test --workspace --locked

say "All checks passed"
