#!/usr/bin/env bash
# Installs what the tests and the local stack need beside Cargo's own packages: moto, in the repository's .venv.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_cargo
require_python_packages
