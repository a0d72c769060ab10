#!/usr/bin/env bash
# Builds the function as the construct library ships it, for every architecture whose Rust target is installed, into
# cdk/assets/<architecture>/bootstrap: `npm run build:lambda`. The same source gives the same bytes on every machine
# with the same compiler, so that a function that did not change is not deployed again.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lambda-targets.sh
source "$(dirname "${BASH_SOURCE[0]}")/lambda-targets.sh"

require_cargo
cd "$REPOSITORY"

built=()
for architecture in "${ARCHITECTURES[@]}"; do
  triple="$(triple_of "$architecture")"
  if ! is_installed "$triple"; then
    say "Left out $architecture: its Rust target is not installed (rustup target add $triple)"
    continue
  fi
  say "Building the function for $architecture"
  build_function "$architecture"

  bootstrap="cdk/assets/$architecture/bootstrap"
  bash scripts/check-artifact.sh "$FUNCTION"
  check_paths "$FUNCTION" "$REPOSITORY" "$(target_directory)"
  if [ "$architecture" = "$(host_architecture)" ]; then
    node scripts/check-answers.mjs "$FUNCTION"
  else
    say "Not started: this machine is $(host_architecture)"
  fi
  # What does not change is not touched, and what was checked is what is shipped.
  cmp -s "$FUNCTION" "$bootstrap" || install -D -m 755 "$FUNCTION" "$bootstrap"
  built+=("$bootstrap")
done

[ "${#built[@]}" -gt 0 ] || die "No Rust target for Lambda is installed: rustup target add $(triple_of arm64)"
sha256sum "${built[@]}"
