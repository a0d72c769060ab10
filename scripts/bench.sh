#!/usr/bin/env bash
# Measures the function against the budgets of ARCHITECTURE.md: `npm run bench`.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_cargo
cd "$REPOSITORY"
say "Building the function and the benchmark"
cargo build --release --locked -p push-gateway-bench
# Alone, because Cargo gives crates that are built together the features of all, and the artifact grows by them.
cargo build --release --locked -p push-gateway
exec "$(target_directory)/release/push-gateway-bench" "$@"
