#!/usr/bin/env bash
# Builds clients whose languages this machine has; what is up to date stays as it is. Usage: build.sh FOLDER interpreted|all
set -euo pipefail
sources="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
mkdir -p "$1"
folder="$(cd "$1" && pwd)"

# Usage: is_outdated CLIENT PROGRAM. A client is built again once one of its sources differs.
is_outdated() {
  command -v "$2" >/dev/null && ! diff --recursive --brief "$sources/$1" "$folder/$1/sources" >/dev/null 2>&1
}

# Usage: done_with CLIENT. Written last, so that an interrupted build is repeated.
done_with() {
  rm -rf "${folder:?}/$1/sources"
  cp -r "$sources/$1" "$folder/$1/sources"
}

# Usage: build_go CLIENT PACKAGE…
build_go() {
  if is_outdated "$1" go; then
    mkdir -p "$folder/$1"
    (cd "$sources/$1" && go build -trimpath -ldflags "-s -w" -o "$folder/$1/" "${@:2}")
    done_with "$1"
  fi
}

if is_outdated node npm; then
  mkdir -p "$folder/node"
  cp "$sources"/node/* "$folder/node"
  (cd "$folder/node" && npm ci --workspaces=false --no-audit --no-fund --loglevel=error)
  done_with node
fi
if is_outdated python python3; then
  python3 -m venv --clear "$folder/python"
  "$folder/python/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$sources/python/requirements.txt"
  done_with python
fi
# The others take minutes.
[ "$2" = all ] || exit 0

build_go vmagent github.com/VictoriaMetrics/VictoriaMetrics/app/vmagent
build_go go ./...
if is_outdated cpp g++ && [ -e /usr/include/prometheus/gateway.h ]; then
  mkdir -p "$folder/cpp"
  g++ -std=c++17 -o "$folder/cpp/push" "$sources/cpp/push.cpp" -lprometheus-cpp-push -lprometheus-cpp-core
  done_with cpp
fi
if is_outdated java mvn; then
  mvn --quiet --batch-mode --file "$sources/java/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$folder/java/libraries"
  done_with java
fi
# Its library for pushes needs OpenSSL.
if is_outdated rust cargo && [ -e /usr/include/openssl/ssl.h ]; then
  cargo build --quiet --locked --manifest-path "$sources/rust/Cargo.toml" --target-dir "$folder/rust/target"
  cp "$folder/rust/target/debug/push" "$folder/rust/target/debug/otlp" "$folder/rust"
  done_with rust
fi
build_go collector .
