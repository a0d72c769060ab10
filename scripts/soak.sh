#!/usr/bin/env bash
# A load with faults at random, and the sums at the end: `npm run soak`, `npm run soak -- --for 1h --rate 200`.
# `npm run soak -- --cortex` is an audit through a real Cortex, which it builds if necessary.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

options=()
through_cortex=false
for option in "$@"; do
  if [ "$option" = --cortex ]; then through_cortex=true; else options+=("$option"); fi
done

require_cargo
cd "$REPOSITORY"
if "$through_cortex"; then
  require_cortex
  command=(cortex-soak --cortex "$CORTEX")
else
  require_python_packages requirements
  require_prometheus
  command=(soak --moto "$VENV/bin/moto_server" --prometheus "$PROMETHEUS")
fi
say "Building the function and the local stack"
build_local push-gateway push-gateway-local
exec "$BUILT/push-gateway-local" "${command[@]}" --function "$BUILT/push-gateway" "${options[@]}"
