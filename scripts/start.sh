#!/usr/bin/env bash
# Builds the functions and runs them on this machine: `npm start` shows them at work and ends, `npm start -- --serve` keeps
# the whole stack up until Ctrl-C. Options after `--serve` are those of `push-gateway-local serve`.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

USAGE="Usage: npm start                          the tour: shows the functions at work, and ends
       npm start -- --serve [OPTION…]     keeps the whole stack up until Ctrl-C; --serve --help lists the options"

# Refuses an option that `push-gateway-local serve` does not have before anything is built.
check_serve_options() {
  local option
  while [ "$#" -gt 0 ]; do
    option="${1%%=*}"
    if [ "$option" = --help ] || [ "$option" = -h ]; then
      printf '%s\n\nThe options of --serve, which local/README.md describes; those that end in = take a value:\n\n' "$USAGE"
      sed 's/^/  /' "$REPOSITORY/scripts/serve-options.txt"
      exit
    fi
    if grep -qxF -e "$option" "$REPOSITORY/scripts/serve-options.txt"; then
      shift
    elif grep -qxF -e "$option=" "$REPOSITORY/scripts/serve-options.txt"; then
      if [[ "$1" = *=* ]]; then
        shift
      else
        [ "$#" -gt 1 ] || die "npm start -- --serve: $option requires a value"
        shift 2
      fi
    else
      die "npm start -- --serve: unknown option $1; --serve --help lists the options"
    fi
  done
}

command=tour
case "${1:-}" in
  "") ;;
  --serve)
    command=serve
    shift
    check_serve_options "$@"
    ;;
  --help | -h)
    printf '%s\n' "$USAGE"
    exit
    ;;
  *)
    printf '✗ npm start: unknown option %s\n%s\n' "$1" "$USAGE" >&2
    exit 1
    ;;
esac

require_cargo
step 1 3 "Servers: moto for SQS, Prometheus for PromQL"
require_python_packages requirements
find_prometheus
[ -n "$PROMETHEUS" ] ||
  say "Prometheus is not installed, so nothing is read back with PromQL. On Debian and Ubuntu: sudo apt-get install prometheus"
export PROMETHEUS

cd "$REPOSITORY"
packages=(push-gateway query push-gateway-local)
if [ "$command" = serve ]; then
  packages+=(telemetry-extension)
fi
step 2 3 "Build: the functions and the local stack (the first time takes one to two minutes)"
build_local "${packages[@]}"

programs=(--function "$BUILT/push-gateway" --query "$BUILT/query" --moto "$VENV/bin/moto_server")
if [ "$command" = tour ]; then
  step 3 3 "Tour"
  exec "$BUILT/push-gateway-local" tour "${programs[@]}"
fi
step 3 3 "Serve"
# npm runs this in a shell of its own. Whichever of the two is killed, even now, the stack must not stay behind.
npm="$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$PPID/status")"
exec "$BUILT/push-gateway-local" serve "${programs[@]}" --telemetry-extension "$BUILT/telemetry-extension" \
  --stop-with "$PPID" --stop-with "$npm" "$@"
