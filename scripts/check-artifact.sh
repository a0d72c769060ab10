#!/usr/bin/env bash
# Checks what was built for Lambda: its size, and that it needs no newer glibc than Amazon Linux 2023 has.
# Usage: check-artifact.sh push-gateway|query|telemetry-extension <file>
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# https://docs.aws.amazon.com/linux/al2023/ug/glibc-gcc-and-binutils.html
GLIBC=2.34

case "$1" in
  push-gateway | telemetry-extension) max_bytes=8000000 ;;
  # With the protocol of agents, and a parser of PromQL.
  query) max_bytes=9500000 ;;
  *) die "There is no budget for $1; there are push-gateway, query and telemetry-extension." ;;
esac
file="$2"
bytes="$(stat -c %s "$file")"
[ "$bytes" -le "$max_bytes" ] || die "$file has $bytes bytes, and the budget is $max_bytes."

command -v objdump >/dev/null || die "objdump is missing. On Debian and Ubuntu: apt-get install binutils"
needed="$(objdump -T "$file" | sed -n 's/.*(\?GLIBC_\([0-9.]*\).*/\1/p' | sort -Vu | tail -n 1)"
[ "$(printf '%s\n' "$needed" "$GLIBC" | sort -V | tail -n 1)" = "$GLIBC" ] ||
  die "$file needs glibc $needed, and Lambda's Amazon Linux 2023 has $GLIBC."

say "The artifact has $bytes bytes and needs glibc $needed."
