#!/usr/bin/env bash
# Proves that the bytes of the functions and the extension depend on their source alone: builds a copy of the commit's files
# in another folder, with another target directory, and compares it with what build-lambda.sh made. Takes a full build.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lambda-targets.sh
source "$(dirname "${BASH_SOURCE[0]}")/lambda-targets.sh"

require_cargo
architecture="$(host_architecture)"
triple="$(triple_of "$architecture")"
for artifact in "${ARTIFACTS[@]}"; do
  shipped="$(shipped_path "$artifact" "$architecture")"
  [ -f "$REPOSITORY/$shipped" ] || die "$shipped is missing. Make it with: npm run build:lambda"
done

elsewhere="$(mktemp -d)"
trap 'rm -rf "$elsewhere"' EXIT
say "Building a copy of the source in another folder"
cd "$REPOSITORY"
git ls-files -z --cached --others --exclude-standard -- '*.rs' '*.toml' '*.proto' Cargo.lock README.md scripts ':!fuzz' |
  tar --null --files-from=- -cf - | tar -xf - -C "$elsewhere"
cd "$elsewhere"
for artifact in "${ARTIFACTS[@]}"; do
  CARGO_ENCODED_RUSTFLAGS="$(reproducible_flags "$elsewhere" "$elsewhere/elsewhere")" CARGO_TARGET_DIR="$elsewhere/elsewhere" \
    cargo build --release --locked -p "$artifact" --target "$triple"

  archive="$elsewhere/$artifact.zip"
  python3 scripts/zip-artifact.py "$elsewhere/elsewhere/$triple/release/$artifact" "$(entry_of "$artifact")" "$archive"
  shipped="$REPOSITORY/$(shipped_path "$artifact" "$architecture")"
  cmp "$archive" "$shipped" || die "The same source gave other bytes: $artifact."
  say "The same source gave the same bytes: $artifact, $(sha256sum <"$shipped" | cut -d ' ' -f 1)"
done
