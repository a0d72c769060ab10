# shellcheck shell=bash disable=SC2034 # Its variables are for the scripts that source it.
# Shared by the scripts of this folder: paths, messages, and the programs and packages that a machine must have.
# Source it after `set -euo pipefail`.

REPOSITORY="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
RUST_VERSION="$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$REPOSITORY/Cargo.toml")"
VENV="$REPOSITORY/.venv"

say() {
  printf '• %s\n' "$*"
}

# Usage: step <number> <of how many> <what it does>
step() {
  printf '\n• Step %s of %s: %s\n' "$@"
}

die() {
  printf '✗ %s\n' "$@" >&2
  exit 1
}

# The local stack reads /proc, and the artifacts are Linux programs: fail before minutes of building.
require_linux() {
  local system
  system="$(uname -s)"
  [ "$system" = Linux ] ||
    die "This needs Linux, and this machine runs $system." \
      "Use a virtual machine or a container of Debian 12, Ubuntu 24.04 or newer (see README.md)."
}

# Checks that Cargo is new enough: an old one fails late, with a message about an edition.
require_cargo() {
  require_linux
  command -v cargo >/dev/null ||
    die "cargo is missing. Install Rust $RUST_VERSION or newer from https://rustup.rs and run this again."
  # Where rustup cannot download the version of rust-toolchain.toml, its stable one may do.
  cargo --version >/dev/null 2>&1 || export RUSTUP_TOOLCHAIN=stable
  local version
  version="$(cargo --version | sed -n 's/^cargo \([0-9]*\.[0-9]*\).*/\1/p')"
  if [ "$(printf '%s\n' "$RUST_VERSION" "$version" | sort -V | head -n 1)" != "$RUST_VERSION" ]; then
    die "cargo $version is too old. Install Rust $RUST_VERSION or newer (rustup update) and run this again."
  fi
}

# Installs the Python packages of scripts/<name>.txt into .venv. The stamp is written last, so an interrupted or outdated
# installation is repeated.
# Usage: require_python_packages <name>
require_python_packages() {
  local requirements="$REPOSITORY/scripts/$1.txt" stamp="$VENV/$1.installed"
  if [ -x "$VENV/bin/python" ] && cmp -s "$requirements" "$stamp"; then
    return
  fi
  command -v python3 >/dev/null || die "python3 is missing. Install Python 3.11 or newer and run this again."
  if [ ! -x "$VENV/bin/pip" ]; then
    say "Creating a Python environment in .venv (once)"
    python3 -m venv --clear "$VENV" ||
      die "Python cannot create a virtual environment." \
        "On Debian and Ubuntu it needs a package: apt-get install python3-venv"
  fi
  say "Installing the packages of scripts/$1.txt (once, up to half a minute)"
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" ||
    die "pip could not install the packages of scripts/$1.txt; see its message above."
  cp "$requirements" "$stamp"
}

# Sets PROMETHEUS to the path of Prometheus, or to nothing. Root with apt gets the distribution's package.
find_prometheus() {
  if [ -z "${PROMETHEUS:-}" ] && ! command -v prometheus >/dev/null && can_install_packages; then
    say "Installing the package prometheus (once)"
    install_debian_packages prometheus || true
  fi
  PROMETHEUS="${PROMETHEUS:-$(command -v prometheus || true)}"
}

require_prometheus() {
  find_prometheus
  [ -n "$PROMETHEUS" ] ||
    die "prometheus is missing. On Debian and Ubuntu: sudo apt-get install prometheus" \
      "Elsewhere: get it from https://prometheus.io/download/, and put it into PATH or set PROMETHEUS to its path."
  export PROMETHEUS
}

# Sets PUSHGATEWAY to the path of the Pushgateway, to which the telemetry extension pushes in its tests.
require_pushgateway() {
  if [ -z "${PUSHGATEWAY:-}" ] && ! command -v prometheus-pushgateway >/dev/null && can_install_packages; then
    say "Installing the package prometheus-pushgateway (once)"
    install_debian_packages prometheus-pushgateway
  fi
  PUSHGATEWAY="${PUSHGATEWAY:-$(command -v prometheus-pushgateway || true)}"
  [ -n "$PUSHGATEWAY" ] ||
    die "prometheus-pushgateway is missing. On Debian and Ubuntu: sudo apt-get install prometheus-pushgateway" \
      "Elsewhere: get it from https://prometheus.io/download/, and set PUSHGATEWAY to its path."
  export PUSHGATEWAY
}

# Builds the clients of local/testing/clients that this machine has the languages for; sets PUSH_CLIENTS to their folder.
# Root with apt gets the packages of the distribution. Usage: require_push_clients interpreted|all
require_push_clients() {
  local missing=()
  command -v wget >/dev/null || missing+=(wget)
  [ -e /usr/lib/ruby/vendor_ruby/prometheus/client/push.rb ] || missing+=(ruby ruby-prometheus-client-mmap)
  if [ "$1" = all ]; then
    command -v g++ >/dev/null || missing+=(g++)
    command -v mvn >/dev/null || missing+=(maven)
    command -v javac >/dev/null || missing+=(default-jdk-headless)
    [ -e /usr/include/openssl/ssl.h ] || missing+=(libssl-dev pkg-config)
    [ -e /usr/include/prometheus/gateway.h ] || missing+=(prometheus-cpp-dev)
  fi
  if [ "${#missing[@]}" -gt 0 ] && can_install_packages; then
    say "Installing the packages ${missing[*]} (once)"
    install_debian_packages "${missing[@]}" || true
  fi
  PUSH_CLIENTS="$(target_directory)/clients"
  say "Building the clients ($1, once)"
  bash "$REPOSITORY/local/testing/clients/build.sh" "$PUSH_CLIENTS" "$1"
  export PUSH_CLIENTS
}

# Builds a pinned program of local/conformance once, and sets a variable to its path, unless it has one.
# Usage: require_go_program <variable> <module> <program> <subcommand of go and its arguments, without -o>
require_go_program() {
  local variable="$1" module="$REPOSITORY/local/conformance/$2" file
  if [ -z "${!variable:-}" ]; then
    file="$(target_directory)/conformance/$3"
    if [ ! -x "$file" ] || ! cmp -s "$module/go.sum" "$file.go.sum"; then
      command -v go >/dev/null || die "go is missing. Install Go 1.26 or newer, or set $variable to the path of $3."
      say "Building $3 (once, up to 5 minutes)"
      mkdir -p "${file%/*}"
      (cd "$module" && go "$4" -o "$file" "${@:5}")
      cp "$module/go.sum" "$file.go.sum"
    fi
    declare -g "$variable=$file"
  fi
  export "${variable?}"
}

# Sets CORTEX. Without the tag slicelabels it panics at the first write request.
require_cortex() {
  require_go_program CORTEX cortex cortex \
    build -tags "netgo slicelabels" -ldflags "-s -w" github.com/cortexproject/cortex/cmd/cortex
}

# Sets PROMETHEUS3 and PROMTOOL3.
require_prometheus_3() {
  local flags=(-tags remove_all_sd -ldflags "-s -w")
  require_go_program PROMETHEUS3 prometheus prometheus build "${flags[@]}" github.com/prometheus/prometheus/cmd/prometheus
  require_go_program PROMTOOL3 prometheus promtool build "${flags[@]}" github.com/prometheus/prometheus/cmd/promtool
}

# Sets RECEIVER_SUITE.
require_receiver_suite() {
  require_go_program RECEIVER_SUITE receiver receiver-suite test -c github.com/prometheus/complicance/remotewrite2
}

can_install_packages() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

# Installs packages of Debian or Ubuntu, for root. RUNLEVEL=1 keeps their services from starting.
install_debian_packages() {
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 && return
  # The package lists may be missing or old.
  apt-get update -qq
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Installs the npm packages of the lock file.
require_npm_packages() {
  command -v npm >/dev/null || die "npm is missing. Install Node 20 or newer and run this again."
  local stamp="$REPOSITORY/node_modules/.package-lock.installed"
  if cmp -s "$REPOSITORY/package-lock.json" "$stamp"; then
    return
  fi
  say "Installing the npm packages (once)"
  (cd "$REPOSITORY" && npm ci --no-audit --no-fund --loglevel=error)
  cp "$REPOSITORY/package-lock.json" "$stamp"
}

# Builds programs for this machine in one go, with a profile that compiles fast; sets BUILT to their folder.
# Usage: build_local <package>…
build_local() {
  if [ -n "${CI:-}" ]; then
    # As the tests build them, with the features of all packages and their tests, so that CI compiles nothing twice.
    cargo test --workspace --locked --no-run --quiet
    BUILT="$(target_directory)/debug"
  else
    cargo build --profile local --locked "${@/#/--package=}"
    BUILT="$(target_directory)/local"
  fi
}

# Prints the folder in which Cargo builds, which the user's environment or configuration may set.
target_directory() {
  cargo metadata --format-version 1 --no-deps --locked | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# Installs everything that the tests need.
require_test_tools() {
  require_cargo
  require_python_packages requirements
  require_python_packages requirements-checks
  require_npm_packages
  require_prometheus
  require_pushgateway
  require_push_clients interpreted
}
