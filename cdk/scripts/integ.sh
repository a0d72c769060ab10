#!/usr/bin/env bash
# Runs the integration tests in test/integ with integ-runner. Without options it only compares their templates with the
# snapshots, without an AWS account. With credentials in the environment, it deploys them:
#   npm run integ --workspace cdk -- --update-on-failed --parallel-regions eu-west-1
# They use the packed package with the oldest aws-cdk-lib that it allows, because integ-runner cannot read the cloud
# assemblies of versions that are newer than itself.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source=test/integ
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

# Usage: manifest <expression on the package.json, m>
manifest() {
  node -p "const m = require('./package.json'); $1"
}
mapfile -t packages < <(manifest "Object.entries(m.peerDependencies).map(([name, range]) => name + '@' + range.slice(1)).join('\n')")
packages+=("@aws-cdk/integ-tests-alpha@$(manifest "m.devDependencies['@aws-cdk/integ-tests-alpha']")")
packed="$(npm pack --silent --ignore-scripts --pack-destination "$folder")"

app="$folder/app"
mkdir -p "$app/test"
echo '{ "private": true }' >"$app/package.json"
cp -R "$source" "$app/$source"
(cd "$app" && npm install --silent --prefer-offline --no-audit --no-fund "$folder/$packed" "${packages[@]}")
tsc="$PWD/node_modules/.bin/tsc"
runner="$(node -p "require.resolve('@aws-cdk/integ-runner/package.json')")"
(cd "$app" && "$tsc" --module node16 --moduleResolution node16 --target es2022 --strict --skipLibCheck "$source"/*.ts)

result=0
(cd "$app" && node "$(dirname "$runner")/bin/integ-runner" --directory "$source" --language javascript "$@") || result=$?
# Assets are large and not compared.
find "$app/$source" \( -name 'asset.*' -o -name 'cdk-integ.out.*' \) -prune -exec rm -rf {} +
# Stack traces contain the folder.
find "$app/$source" -name '*.json' -exec sed -i "s#$app/##g" {} +
cp -R "$app/$source"/*.snapshot "$source/" 2>/dev/null || true
exit "$result"
