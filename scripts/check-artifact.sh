#!/usr/bin/env bash
# Checks a built function for Lambda: its size, and that it needs no newer glibc than provided.al2023 has.
# Usage: check-artifact.sh <file>
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MAX_BYTES=6000000
# https://docs.aws.amazon.com/linux/al2023/ug/glibc-gcc-and-binutils.html
GLIBC=2.34

file="$1"
bytes="$(stat -c %s "$file")"
[ "$bytes" -le "$MAX_BYTES" ] || die "$file has $bytes bytes, and the budget is $MAX_BYTES."

command -v objdump >/dev/null || die "objdump is missing. On Debian and Ubuntu: apt-get install binutils"
needed="$(objdump -T "$file" | sed -n 's/.*(\?GLIBC_\([0-9.]*\).*/\1/p' | sort -Vu | tail -n 1)"
[ "$(printf '%s\n' "$needed" "$GLIBC" | sort -V | tail -n 1)" = "$GLIBC" ] ||
  die "$file needs glibc $needed, and Lambda's provided.al2023 has $GLIBC."

say "The artifact has $bytes bytes and needs glibc $needed."
