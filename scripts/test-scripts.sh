#!/usr/bin/env bash
# Tests of the scripts in this folder: what they refuse, and that they refuse it before anything is built.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lambda-targets.sh
source "$(dirname "${BASH_SOURCE[0]}")/lambda-targets.sh"

# Programs that stand in front of the real ones: no script may get as far as Cargo.
programs="$(mktemp -d)"
trap 'rm -rf "$programs"' EXIT
printf '#!/bin/sh\necho "cargo was called: $*" >&2\nexit 1\n' >"$programs/cargo"
chmod +x "$programs/cargo"

# Usage: refuses <expected text> <script> [argument…]
refuses() {
  local output
  if output="$(PATH="$programs:$PATH" bash "$REPOSITORY/scripts/$2" "${@:3}" 2>&1)"; then
    die "scripts/${*:2} succeeded"
  fi
  [[ "$output" != *"cargo was called"* ]] || die "scripts/${*:2} called cargo before it refused:" "$output"
  [[ "$output" = *"$1"* ]] || die "scripts/${*:2}: expected \"$1\", got:" "$output"
}

refuses "unknown option --nope" start.sh --nope
refuses "unknown option --nope" start.sh --serve --nope
refuses "unknown option --nope" start.sh --serve --fifo --nope=1
refuses "--batch-size requires a value" start.sh --serve --batch-size

help="$(PATH="$programs:$PATH" bash "$REPOSITORY/scripts/start.sh" --serve --help)"
[[ "$help" = *"--batch-size="* && "$help" != *"cargo was called"* ]] || die "--serve --help printed:" "$help"

printf '#!/bin/sh\necho Darwin\n' >"$programs/uname"
chmod +x "$programs/uname"
for script in start.sh test.sh bench.sh soak.sh conformance.sh setup.sh build-lambda.sh check-reproducible.sh; do
  refuses "This needs Linux, and this machine runs Darwin" "$script"
done
rm "$programs/uname"

# A folder with a space in its name is one flag, not two.
IFS=$'\x1f' read -r -a flags <<<"$(CARGO_HOME="/my cargo" reproducible_flags "/my repo" "/my repo/target")"
expected=("--remap-path-prefix=/my cargo=/cargo" "--remap-path-prefix=/my repo=/source" "--remap-path-prefix=/my repo/target=/target")
[ "${flags[*]}" = "${expected[*]}" ] && [ "${#flags[@]}" = 3 ] || die "reproducible_flags gave:" "${flags[@]}"

say "The scripts refuse unknown options and other systems before they build."
