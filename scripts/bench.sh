#!/usr/bin/env bash
# Measures the function side by side with a null function and a handler in Node.js, and fails if it misses a budget:
# `npm run bench`. Without options it writes docs/benchmarks.md. `-- --against FILE` compares with another build of the
# function in the same run, `-- --rounds 3` is for a quick look.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PEER="$REPOSITORY/bench/peer"

# Prints the processor, the system and the versions that decide the figures.
describe_machine() {
  local model
  model="$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1)"
  printf '%s: %s, %s cores, %s; %s, Node.js %s.' "$(date -u +%F)" "${model:-unknown processor}" "$(nproc)" "$(uname -sr)" \
    "$(rustc --version | cut -d ' ' -f 1-2)" "$(node --version 2>/dev/null || echo none)"
}

require_cargo
cd "$REPOSITORY"
options=(--heading "$(describe_machine)")
[ "$#" -gt 0 ] || options+=(--document "$REPOSITORY/docs/benchmarks.md")
if command -v npm >/dev/null; then
  say "Installing the packages of the handler in Node.js"
  npm ci --prefix "$PEER" --no-audit --no-fund --loglevel=error --prefer-offline
  options+=(--peer "$PEER/peer.mjs" --peer-path "$PATH")
fi
say "Building the function and the benchmark"
cargo build --release --locked -p push-gateway-bench
# Alone, because Cargo gives crates that are built together the features of all, and the artifact grows by them.
cargo build --release --locked -p push-gateway
exec "$(target_directory)/release/push-gateway-bench" "${options[@]}" "$@"
