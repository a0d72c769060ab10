#!/usr/bin/env bash
# Builds the functions and runs them on this machine: `npm start` shows them at work and ends, `npm start -- --serve` keeps
# the whole stack up until Ctrl-C. Options after `--serve` are those of `push-gateway-local serve` (see its --help).
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command=tour
case "${1:-}" in
  "") ;;
  --serve)
    command=serve
    shift
    ;;
  *) die "npm start knows one option: npm start -- --serve, which keeps the whole stack up" ;;
esac

require_cargo
require_python_packages
cd "$REPOSITORY"
build_release
programs=(--function "$FUNCTION" --query "$QUERY" --moto "$VENV/bin/moto_server")
if [ "$command" = tour ]; then
  exec "$LOCAL" tour "${programs[@]}"
fi
# npm runs this in a shell of its own. Whichever of the two is killed, even now, the stack must not stay behind.
npm="$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$PPID/status")"
exec "$LOCAL" serve "${programs[@]}" --telemetry-extension "$EXTENSION" --stop-with "$PPID" --stop-with "$npm" "$@"
