#!/usr/bin/env bash
# Checks the spelling of all tracked text, and that it has none of the words in typos.toml and the phrases in phrases.txt.
# Usage: check-words.sh [path…]
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_python_packages requirements-checks
cd "$REPOSITORY"
[ "$#" -gt 0 ] || set -- .

found=0
"$VENV/bin/typos" --format brief --force-exclude "$@" || found=1

excluded=(CHANGELOG.md scripts/phrases.txt typos.toml cdk/API.md '*package-lock.json' '*/captures/*' '*.snapshot/*' 'fuzz/corpus/*')
# git grep succeeds if it finds something.
! git grep --line-number --ignore-case --perl-regexp \
  -f <(grep -v '^#' scripts/phrases.txt) -- "$@" "${excluded[@]/#/:(exclude)}" || found=1

[ "$found" = 0 ] || die "Words to avoid or spelling mistakes, see above; typos.toml and scripts/phrases.txt name the alternatives."
