#!/usr/bin/env bash
# A steady load with faults at random, and the sums at the end: `npm run soak`, `npm run soak -- --for 1h --rate 200`.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_cargo
require_python_packages requirements
require_prometheus
cd "$REPOSITORY"
say "Building the function and the local stack"
build_local push-gateway push-gateway-local
exec "$BUILT/push-gateway-local" soak --function "$BUILT/push-gateway" --moto "$VENV/bin/moto_server" --prometheus "$PROMETHEUS" "$@"
