#!/bin/bash
# install.sh [PACKAGE ...]: the Debian packages that heft is built and tested with, and those named.
#
# Installs only what is missing, as root or through sudo.  Says nothing if all is there.
set -euo pipefail

packages=(build-essential cmake ninja-build pkg-config git ca-certificates
          libhdf5-dev libyaml-dev libdnnl-dev zlib1g-dev libssl-dev libcmocka-dev hdf5-tools "$@")

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    cat >&2 <<TEXT
install.sh: error: this system has no apt-get, so nothing can be installed for you.
heft wants a C17 compiler with OpenMP (gcc), cmake 3.25 or newer, ninja, pkg-config, and the development files of
HDF5 (1.10 or newer), libyaml, oneDNN (2.6 or newer; without it: cmake -DHEFT_ONEDNN=OFF), zlib, OpenSSL (3.0 or newer)
and, for the tests, cmocka.  On Fedora these are
    dnf install gcc cmake ninja-build pkgconf-pkg-config git hdf5-devel hdf5 libyaml-devel onednn-devel zlib-devel openssl-devel libcmocka-devel
With them in place: cmake --preset release && cmake --build build
TEXT
    exit 1
fi

missing=()
for p in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then root=(env)
elif command -v sudo >/dev/null; then root=(sudo env)
else
    echo "install.sh: error: not root, and there is no sudo; as root run: apt-get install ${missing[*]}" >&2
    exit 1
fi

echo "installing ${missing[*]}" >&2
apt=("${root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } </dev/null >"$log" 2>&1; then
    tail -20 "$log" >&2
    echo "install.sh: error: apt-get could not install ${missing[*]}" >&2
    exit 1
fi
