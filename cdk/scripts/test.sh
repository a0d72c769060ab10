#!/usr/bin/env bash
# Builds the package and runs its tests: `npm test --workspace cdk`. It requires the artifacts: npm run build:lambda.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source ../scripts/lib.sh

export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20

# A Python environment with cfn-lint and the requirements of a Python app with constructs. The stamp records the installed
# requirements and is written last, so that the environment is recreated when they change.
requirements=test/requirements.txt
stamp=.venv/requirements.installed
if ! cmp -s "$requirements" "$stamp"; then
  say "Creating a Python environment in cdk/.venv (once, about a minute)"
  python3 -m venv --clear .venv ||
    die "Python cannot create a virtual environment." \
      "On Debian and Ubuntu it needs a package: apt-get install python3-venv"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$requirements" ||
    die "pip could not install the packages of cdk/$requirements; see its error message above."
  cp "$requirements" "$stamp"
fi

say "The constructs and their tests"
npm run --silent build
rm -rf test/build
npx --no-install tsc --project test
# By default Node leaves a core unused, and two are all that CI has.
node --test --test-reporter=spec --test-concurrency="$(nproc)" test/build/*.test.js
# Sequentially, because they pack the package, which compiles it again.
node --test --test-reporter=spec --test-concurrency=1 test/build/package/*.test.js
