#!/usr/bin/env bash
# Builds the function and shows it at work on this machine: `npm start`.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_cargo
require_python_packages

cd "$REPOSITORY"
say "Building the function and the local stack (the first time takes a few minutes)"
cargo build --release --locked -p push-gateway-local
# Alone, because Cargo gives crates that are built together the features of all, and the artifact grows by them.
cargo build --release --locked -p push-gateway

target="$(target_directory)"
exec "$target/release/push-gateway-local" tour \
  --function "$target/release/push-gateway" \
  --moto "$VENV/bin/moto_server"
