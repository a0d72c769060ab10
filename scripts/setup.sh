#!/usr/bin/env bash
# Installs what `npm test` installs, for tests run by hand: Python packages in .venv, npm packages, and where this user may
# install packages of the system, Prometheus and the Pushgateway.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_test_tools
