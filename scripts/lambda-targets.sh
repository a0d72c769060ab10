# shellcheck shell=bash disable=SC2034 # Its variables are for the scripts that source it.
# Shared by the scripts that build for Lambda: the artifacts, the architectures, and the flags of a reproducible build.
# Source it after lib.sh.

# Named as AWS names them (https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html).
ARCHITECTURES=(arm64 x86_64)

# The functions and the extension, named as their crates are.
ARTIFACTS=(push-gateway query telemetry-extension)

# Where the construct library carries an artifact.
# Usage: shipped_path <artifact> <architecture>
shipped_path() {
  echo "cdk/assets/$2/$1.zip"
}

# The name of the program inside that archive. Lambda runs what is in the folder `extensions` of a layer, and an
# extension registers with the name of its file: https://docs.aws.amazon.com/lambda/latest/dg/extensions-registration.html
entry_of() {
  case "$1" in
    telemetry-extension) echo "extensions/$1" ;;
    *) echo bootstrap ;;
  esac
}

triple_of() {
  case "$1" in
    arm64) echo aarch64-unknown-linux-gnu ;;
    x86_64) echo x86_64-unknown-linux-gnu ;;
  esac
}

host_architecture() {
  case "$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p')" in
    aarch64-*-linux-gnu) echo arm64 ;;
    x86_64-*-linux-gnu) echo x86_64 ;;
    *) echo another ;;
  esac
}

# Whether the standard library of a target is there, however Rust was installed.
is_installed() {
  compgen -G "$("${RUSTC:-rustc}" --print target-libdir --target "$1")/libstd-*.rlib" >/dev/null
}

die_without_target() {
  die "The Rust target for $1 is not installed: rustup target add $(triple_of "$1")" \
    "On Debian, root gets it without rustup: see scripts/setup-arm64.sh"
}

# A foreign architecture needs a linker and a C compiler of its own.
require_linker() {
  [ "$1" != "$(host_architecture)" ] || return 0
  local triple prefix
  triple="$(triple_of "$1")"
  prefix="${triple/-unknown/}"
  command -v "$prefix-gcc" >/dev/null ||
    die "The Rust target $triple is installed, but $prefix-gcc, which links for it, is not." \
      "On Debian and Ubuntu: apt-get install gcc-${prefix//_/-}"
  local variable="${triple//-/_}"
  export "CARGO_TARGET_${variable^^}_LINKER=$prefix-gcc"
}

cargo_home() {
  echo "${CARGO_HOME:-$HOME/.cargo}"
}

# Panics name their source files. Without the folders of this machine in these names, the bytes are the same on all.
# The flags are for CARGO_ENCODED_RUSTFLAGS, which separates them by a byte that no path holds.
# Usage: reproducible_flags <repository> <target directory>
reproducible_flags() {
  # Of two prefixes that fit, rustc takes the last: the target directory may be inside the repository.
  printf -- '--remap-path-prefix=%s=/cargo\x1f--remap-path-prefix=%s=/source\x1f--remap-path-prefix=%s=/target' \
    "$(cargo_home)" "$1" "$2"
}

# Fails if a built file names a folder of this machine: it would differ elsewhere.
# Usage: check_paths <file> <repository> <target directory>
check_paths() {
  local folder
  for folder in "$(cargo_home)" "$2" "$3"; do
    if grep -qF "$folder/" "$1"; then
      die "$1 names the folder $folder of this machine, so its bytes differ elsewhere."
    fi
  done
}

# Flags that differ from those of other builds, and so a folder of its own: the builds would undo each other's work.
lambda_target_directory() {
  echo "$(target_directory)/lambda"
}

# Where build_artifacts leaves a program.
# Usage: built_path <artifact> <architecture>
built_path() {
  echo "$(lambda_target_directory)/$(triple_of "$2")/release/$1"
}

# Builds the artifacts for an architecture as they are shipped. Together, because each alone has other features of the
# same crates, which would be compiled three times.
# Usage: build_artifacts <architecture>
build_artifacts() {
  local folder
  folder="$(lambda_target_directory)"
  require_linker "$1"
  CARGO_ENCODED_RUSTFLAGS="$(reproducible_flags "$REPOSITORY" "$folder")" CARGO_TARGET_DIR="$folder" \
    cargo build --release --locked "${ARTIFACTS[@]/#/--package=}" --target "$(triple_of "$1")"
}
