# lib.bash -- what the end-to-end tests share; sourced with BUILD_DIR SOURCE_DIR.  Works in a folder of its own, which is removed.
# shellcheck shell=bash
set -euo pipefail
heft=$1/heft
source_dir=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset HEFT_DATA HEFT_PLUGIN_PATH
export OMP_WAIT_POLICY=passive

die() {
    echo "FAILED: $*" >&2
    for f in out err; do [ ! -s $f ] || { echo "--- $f"; head -40 $f; } >&2; done
    exit 1
}

# expect STATUS COMMAND...: it ends with that status; its output is in the files out and err.
expect() {
    local want=$1 got=0
    shift
    "$@" >out 2>err </dev/null || got=$?
    [ "$got" = "$want" ] || die "$*: exit status $got, expected $want"
}
# says FILE TEXT: the text is in the file.
says() { grep -qF -- "$2" "$1" || die "'$2' is not in $1"; }
silent() { [ ! -s "$1" ] || die "$1 is not empty"; }

# c_block N FILE: the Nth example in C of a page.
c_block() { awk -v n="$1" '/^```c$/ { on = ++i == n; next } /^```/ { on = 0 } on' "$2"; }

# All that a checkpoint holds but the experiment's text, with every bit of every number.
state_of() { h5dump -m '%.17g' -g /layers -g /optimizer -g /trainer -g /metrics "$1" | tail -n +2 | sha256sum; }
newest() { echo "$1/checkpoints/$(cat "$1/checkpoints/latest")"; }
