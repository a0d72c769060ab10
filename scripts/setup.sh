#!/usr/bin/env bash
# Installs what the tests and the local stack need beside Cargo's own packages: moto in the repository's .venv, the npm
# packages, and Prometheus and the Pushgateway where this user may install them.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_cargo
require_python_packages
require_npm_packages
require_prometheus
require_pushgateway
