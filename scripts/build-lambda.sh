#!/usr/bin/env bash
# Builds the functions and the extension as the construct library ships them, for every architecture whose Rust target is
# installed, into cdk/assets/<architecture>: `npm run build:lambda`. The same source gives the same bytes on every machine
# with the same compiler, so that what did not change is not deployed again.
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
  for artifact in "${ARTIFACTS[@]}"; do
    say "Building $artifact for $architecture"
    build_artifact "$artifact" "$architecture"

    shipped="$(shipped_path "$artifact" "$architecture")"
    bash scripts/check-artifact.sh "$artifact" "$BUILT"
    check_paths "$BUILT" "$REPOSITORY" "$(target_directory)"
    if [ "$architecture" = "$(host_architecture)" ]; then
      case "$artifact" in
        telemetry-extension) node scripts/check-extension.mjs "$BUILT" ;;
        *) node scripts/check-answers.mjs "$artifact" "$BUILT" ;;
      esac
    else
      say "Not started: this machine is $(host_architecture)"
    fi
    # What does not change is not touched, and what was checked is what is shipped.
    cmp -s "$BUILT" "$shipped" || install -D -m 755 "$BUILT" "$shipped"
    built+=("$shipped")
  done
done

[ "${#built[@]}" -gt 0 ] || die "No Rust target for Lambda is installed: rustup target add $(triple_of arm64)"
sha256sum "${built[@]}"
