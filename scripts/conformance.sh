#!/usr/bin/env bash
# Compares the stand-in for AMP with a real Cortex, case by case: `npm run conformance`. It builds Cortex if necessary.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_cargo
cd "$REPOSITORY"
require_cortex
say "Comparing the stand-in for AMP with Cortex"
exec cargo test --workspace --locked --test cortex -- --include-ignored "$@"
