#!/usr/bin/env bash
# Proves that the function's bytes depend on its source alone: builds a copy of the commit's files in another folder,
# with another target directory, and compares it with what build-lambda.sh made. Takes a full build.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lambda-targets.sh
source "$(dirname "${BASH_SOURCE[0]}")/lambda-targets.sh"

require_cargo
architecture="$(host_architecture)"
triple="$(triple_of "$architecture")"
shipped="$REPOSITORY/cdk/assets/$architecture/bootstrap"
[ -f "$shipped" ] || die "$shipped is missing. Make it with: npm run build:lambda"

elsewhere="$(mktemp -d)"
trap 'rm -rf "$elsewhere"' EXIT
say "Building a copy of the source in another folder"
cd "$REPOSITORY"
git ls-files -z --cached --others --exclude-standard -- '*.rs' '*.toml' '*.proto' Cargo.lock README.md ':!fuzz' |
  tar --null --files-from=- -cf - | tar -xf - -C "$elsewhere"
cd "$elsewhere"
RUSTFLAGS="$(reproducible_flags "$elsewhere" "$elsewhere/elsewhere")" CARGO_TARGET_DIR="$elsewhere/elsewhere" \
  cargo build --release --locked -p push-gateway --target "$triple"

cmp "$elsewhere/elsewhere/$triple/release/push-gateway" "$shipped" || die "The same source gave other bytes."
say "The same source gave the same bytes: $(sha256sum <"$shipped" | cut -d ' ' -f 1)"
