#!/bin/sh
# install.sh BUILD SOURCE: what is installed finds its plugins, and is enough to build, find and install one outside the tree,
# by CMake and by one cc line; also after the installed tree was moved.
set -eu
build=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset HEFT_PLUGIN_PATH || true

fail() { echo "install: $*" >&2; cat "$folder/log" >&2; exit 1; }
run() { "$@" >"$folder/log" 2>&1 || fail "failed: $*"; }
# says TEXT COMMAND...: the command succeeds and its output holds the text.
says() { text=$1; shift; run "$@"; grep -qF -- "$text" "$folder/log" || fail "no '$text' from: $*"; }

run cmake --install "$build" --prefix "$folder/first"
mv "$folder/first" "$folder/usr"
heft=$folder/usr/bin/heft
says "$folder/usr/" "$heft" plugins dense
says "fully connected" "$heft" plugins

plugin() {
    cat <<END
#include <heft/plugin.h>
static int plan(void *self, heft_layer_plan *p) { (void)self; p->out = p->in[0]; return 0; }
static void forward(const void *self, const heft_forward *p) { (void)self; p->out[0] = p->in[0][0]; }
HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "$1", "a test of the $1 recipe", 0, NULL),
    .min_in = 1, .max_in = 1, .plan = plan, .forward = forward };
END
}

mkdir "$folder/mine"
plugin by_cmake >"$folder/mine/by_cmake.c"
cat >"$folder/mine/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(mine LANGUAGES C)
find_package(heft REQUIRED)
heft_add_plugin(layer by_cmake.c)
END
generator=$(sed -n 's/^CMAKE_GENERATOR:INTERNAL=//p' "$build/CMakeCache.txt")
run cmake -S "$folder/mine" -B "$folder/mine/build" -G "$generator" -DCMAKE_PREFIX_PATH="$folder/usr"
run cmake --build "$folder/mine/build"
says "a test of the by_cmake recipe" env HEFT_PLUGIN_PATH="$folder/mine/build/plugins" "$heft" plugins by_cmake
says "a test of the by_cmake recipe" "$heft" plugins by_cmake --dir "$folder/mine/build/plugins"
if "$heft" plugins by_cmake >/dev/null 2>&1; then fail "by_cmake was found without being installed"; fi
run cmake --install "$folder/mine/build" --prefix "$folder/usr"
says "$folder/usr/" "$heft" plugins by_cmake

PKG_CONFIG_PATH=$(dirname "$(find "$folder/usr" -name heft.pc)")
export PKG_CONFIG_PATH
plugin by_pkg_config >"$folder/mine/by_pkg_config.c"
compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
# shellcheck disable=SC2046  # flags are words
run "$compiler" -std=c17 -O3 -fPIC -shared -fvisibility=hidden $(pkg-config --cflags heft) "$folder/mine/by_pkg_config.c" \
    -o "$(pkg-config --variable=plugindir heft)/layers/by_pkg_config.so"
says "a test of the by_pkg_config recipe" "$heft" plugins by_pkg_config

# A broken one is named, the others still listed, and the status says it.
echo damaged >"$folder/usr/broken.so"
if "$heft" plugins --dir "$folder/usr" >"$folder/log" 2>&1; then fail "a broken plugin, but status 0"; fi
grep -q "BROKEN: not a shared object" "$folder/log" || fail "the broken plugin is not named"
grep -q "fully connected" "$folder/log" || fail "the list ends at the broken plugin"
