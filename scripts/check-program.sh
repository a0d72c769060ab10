#!/usr/bin/env bash
# Starts a built program under the Lambda emulator, and checks its answer to one invocation.
# Usage: check-program.sh push-gateway|query|telemetry-extension <binary or archive> [program that runs it]
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case "$1" in
  push-gateway)
    event="{\"dimensions\":{\"customerId\":\"customer1\"},\"timestamp\":$(date +%s)000,\"metrics\":{\"temperature\":\"14.3\",\"ph\":\"6.7\"}}"
    arguments=(--event "$event" --expect '{"events":1,"samples":2,"series":2,"requests":1}')
    ;;
  query) arguments=(--env _HANDLER=query --expect '"statusCode":400') ;;
  telemetry-extension) arguments=(--extension --expect 'samples written: ') ;;
  *) die "unknown program $1: expected push-gateway, query or telemetry-extension" ;;
esac
file="$(realpath "$2")"
if [ -n "${3:-}" ]; then
  arguments+=(--runner "$(realpath "$3")")
  # It may be the compiler for that architecture; the emulator runs on this machine.
  unset RUSTC
fi
if [ ! -x "${PUSH_GATEWAY_LOCAL:-}" ]; then
  cd "$REPOSITORY"
  build_local push-gateway-local
  PUSH_GATEWAY_LOCAL="$BUILT/push-gateway-local"
fi
exec "$PUSH_GATEWAY_LOCAL" check "$file" "${arguments[@]}"
