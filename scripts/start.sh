#!/usr/bin/env bash
# Builds the function and runs it on this machine: `npm start` shows it at work and ends, `npm start -- --serve` keeps
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
programs=(--function "$FUNCTION" --moto "$VENV/bin/moto_server")
if [ "$command" = tour ]; then
  exec "$LOCAL" tour "${programs[@]}"
fi
# npm may be gone by now, and nobody would be left to stop the stack.
kill -0 "$PPID" || die "the command that started this is gone"
exec "$LOCAL" serve "${programs[@]}" --stop-with-parent "$@"
