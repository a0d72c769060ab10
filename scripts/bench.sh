#!/usr/bin/env bash
# Measures the function side by side with what one would run instead: `npm run bench`. A full run writes the documents;
# `-- --quick` only sees whether everything runs, `-- --scale` does the scale check alone.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PEERS="$REPOSITORY/bench/peers"

# Installed again when requirements change; a stamp, written last, says which they were.
require_python_peer() {
  local requirements="$PEERS/python/requirements.txt" venv="$PEERS/python/.venv"
  if cmp -s "$requirements" "$venv/requirements.installed"; then
    return
  fi
  command -v python3 >/dev/null || return 0
  say "Installing the packages of the Python peer (once)"
  python3 -m venv --clear "$venv" || return 0
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" || return 0
  cp "$requirements" "$venv/requirements.installed"
}

require_node_peer() {
  local lock="$PEERS/node/package-lock.json" stamp="$PEERS/node/node_modules/.package-lock.installed"
  if cmp -s "$lock" "$stamp"; then
    return
  fi
  command -v npm >/dev/null || return 0
  say "Installing the packages of the Node peer (once)"
  (cd "$PEERS/node" && npm ci --no-audit --no-fund --loglevel=error) || return 0
  cp "$lock" "$stamp"
}

# Whether this is the whole benchmark, whose figures belong into the documents.
is_full() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      --quick | --scale | --batches* | --rounds* | --documents* | --help | -h | --version | -V) return 1 ;;
    esac
  done
}

require_cargo
require_python_peer
require_node_peer
cd "$REPOSITORY"
say "Building the function and the benchmark"
cargo build --release --locked -p push-gateway-bench
# Alone, because Cargo gives crates that are built together the features of all, and the artifact grows by them.
cargo build --release --locked -p push-gateway
if is_full "$@"; then
  set -- --documents "$REPOSITORY/docs" "$@"
fi
exec "$(target_directory)/release/push-gateway-bench" "$@"
