#!/usr/bin/env bash
# Builds the functions as the construct library ships them, for every architecture whose Rust target is installed, into
# cdk/assets/<architecture>/<function>/bootstrap: `npm run build:lambda`. The same source gives the same bytes on every
# machine with the same compiler, so that a function that did not change is not deployed again.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lambda-targets.sh
source "$(dirname "${BASH_SOURCE[0]}")/lambda-targets.sh"

require_cargo
cd "$REPOSITORY"

# Flags that differ from those of other builds, and so a folder of its own: the builds would undo each other's work.
target_directory="$(target_directory)/lambda"
built=()
for architecture in "${ARCHITECTURES[@]}"; do
  triple="$(triple_of "$architecture")"
  if ! is_installed "$triple"; then
    say "Left out $architecture: its Rust target is not installed (rustup target add $triple)"
    continue
  fi
  require_linker "$architecture"
  for function in "${FUNCTIONS[@]}"; do
    say "Building $function for $architecture"
    # Alone, because Cargo gives crates that are built together the features of all, and the artifact grows by them.
    RUSTFLAGS="$(reproducible_flags "$REPOSITORY" "$target_directory")" CARGO_TARGET_DIR="$target_directory" \
      cargo build --release --locked -p "$function" --target "$triple"

    bootstrap="cdk/assets/$architecture/$function/bootstrap"
    built_file="$target_directory/$triple/release/$function"
    bash scripts/check-artifact.sh "$built_file"
    check_paths "$built_file" "$REPOSITORY" "$target_directory"
    if [ "$architecture" = "$(host_architecture)" ]; then
      node scripts/check-answers.mjs "$function" "$built_file"
    else
      say "Not started: this machine is $(host_architecture)"
    fi
    # What does not change is not touched, and what was checked is what is shipped.
    cmp -s "$built_file" "$bootstrap" || install -D -m 755 "$built_file" "$bootstrap"
    built+=("$bootstrap")
  done
done

[ "${#built[@]}" -gt 0 ] || die "No Rust target for Lambda is installed: rustup target add $(triple_of arm64)"
sha256sum "${built[@]}"
