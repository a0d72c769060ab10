#!/usr/bin/env bash
# Builds the functions and the extension as the construct library ships them, into cdk/assets/<architecture>/<name>.zip:
# `npm run build:lambda`, `npm run build:lambda -- arm64`. Without an argument it builds for every architecture whose Rust
# target is installed. The same source gives the same bytes on every machine with the same compiler, so that what did not
# change is not deployed again.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lambda-targets.sh
source "$(dirname "${BASH_SOURCE[0]}")/lambda-targets.sh"

require_cargo
cd "$REPOSITORY"

requested=("$@")
for architecture in "$@"; do
  [ -n "$(triple_of "$architecture")" ] || die "unknown architecture $architecture: expected ${ARCHITECTURES[*]}"
  is_installed "$(triple_of "$architecture")" || die_without_target "$architecture"
done
if [ "$#" = 0 ]; then
  for architecture in "${ARCHITECTURES[@]}"; do
    if is_installed "$(triple_of "$architecture")"; then
      requested+=("$architecture")
    else
      say "Left out $architecture: its Rust target is not installed (rustup target add $(triple_of "$architecture"))"
    fi
  done
  [ "${#requested[@]}" -gt 0 ] || die_without_target arm64
fi

shipped=()
for architecture in "${requested[@]}"; do
  say "Building for $architecture"
  build_artifacts "$architecture"
  for artifact in "${ARTIFACTS[@]}"; do
    built="$(built_path "$artifact" "$architecture")"
    bash scripts/check-artifact.sh "$artifact" "$built"
    check_paths "$built" "$REPOSITORY" "$(target_directory)"
    if [ "$architecture" = "$(host_architecture)" ]; then
      bash scripts/check-program.sh "$artifact" "$built"
    elif [ "$architecture" = arm64 ] && [ -n "${ARM64_RUNNER:-}" ]; then
      bash scripts/check-program.sh "$artifact" "$built" "$ARM64_RUNNER"
    else
      say "Not started: this machine is $(host_architecture), and ARM64_RUNNER is not set"
    fi
    archive="$(shipped_path "$artifact" "$architecture")"
    python3 scripts/zip-artifact.py "$built" "$(entry_of "$artifact")" "$archive"
    shipped+=("$archive")
  done
done
sha256sum "${shipped[@]}"
