#!/usr/bin/env bash
# Installs what builds and runs arm64 artifacts on x86_64 with Debian 12 or newer, for root and without rustup: a C compiler
# and linker, an emulator, and Debian's Rust with the standard libraries of both architectures, in a separate folder. If the
# installed Rust has the target, as after `rustup target add aarch64-unknown-linux-gnu`, it is used instead.
# Usage: setup-arm64.sh <folder>   then: RUSTC=<folder>/bin/rustc ARM64_RUNNER=<folder>/bin/run-arm64 npm run build:lambda -- arm64
set -euo pipefail

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lambda-targets.sh
source "$(dirname "${BASH_SOURCE[0]}")/lambda-targets.sh"

[ "$#" = 1 ] || die "Usage: setup-arm64.sh <folder>"
can_install_packages || die "This installs packages with apt-get, which needs root."
folder="$(realpath -m "$1")"
[ ! -x "$folder/bin/run-arm64" ] || exit 0

say "Installing a compiler and an emulator for arm64"
install_debian_packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static

rm -rf "$folder"
mkdir -p "$folder/bin"

# Debian's Rust for both architectures, unpacked into the folder.
unpack_rust() {
  say "Unpacking Debian's Rust for x86_64 and arm64 (once, about half a minute)"
  # A package list of its own: nothing changes for apt on this machine.
  local state="$folder/apt" package std llvm
  mkdir -p "$state"/{sources,lists/partial,archives/partial,packages}
  : >"$state/status"
  eval "$(apt-config shell SOURCES Dir::Etc::sourceparts/d)"
  # shellcheck disable=SC2154 # apt-config sets it
  [ -f "$SOURCES/debian.sources" ] ||
    die "$SOURCES/debian.sources is missing. Install the Rust target instead: rustup target add $(triple_of arm64)"
  cp "$SOURCES/debian.sources" "$state/sources/"
  cat >"$state/apt.conf" <<CONF
APT::Architecture "amd64";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::State "$state";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state";
Dir::Cache::archives "$state/archives";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$state/sources";
CONF
  # The first package that another one depends on and whose name begins like this.
  dependency() {
    APT_CONFIG="$state/apt.conf" apt-cache depends "$1" | sed -n "s/.*Depends: \($2[0-9.]*\)\$/\1/p" | head -n 1
  }
  APT_CONFIG="$state/apt.conf" apt-get update -qq
  std="$(dependency libstd-rust-web-dev:amd64 libstd-rust-web-)"
  llvm="$(dependency "$std" libllvm)"
  (
    cd "$state/packages"
    APT_CONFIG="$state/apt.conf" apt-get download -qq \
      rustc-web libstd-rust-web-dev:amd64 libstd-rust-web-dev:arm64 "$std" "$llvm"
  )
  for package in "$state/packages"/*.deb; do
    dpkg-deb -x "$package" "$folder"
  done
  rm -rf "$state"
}

if is_installed "$(triple_of arm64)"; then
  printf '#!/bin/sh\nexec rustc "$@"\n' >"$folder/bin/rustc"
else
  unpack_rust
  cat >"$folder/bin/rustc" <<PROGRAM
#!/bin/sh
LD_LIBRARY_PATH='$folder/usr/lib/x86_64-linux-gnu' exec '$folder/usr/bin/rustc' "\$@"
PROGRAM
fi
chmod +x "$folder/bin/rustc"
"$folder/bin/rustc" --version

# The emulated program sees its own name, by which an extension registers.
libraries="$(realpath "$(dirname "$(aarch64-linux-gnu-gcc -print-file-name=libc.so.6)")/..")"
cat >"$folder/bin/run-arm64" <<PROGRAM
#!/bin/sh
exec '$(command -v qemu-aarch64-static)' -L '$libraries' -0 "\$1" "\$@"
PROGRAM
chmod +x "$folder/bin/run-arm64"
