#!/bin/bash
# faults.sh BUILD_DIR SOURCE_DIR: calls that fail, kills, signals, power loss, a full disk; the short form of tests/fault/long.sh.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm       # its many flushes cost nothing there
. "$(dirname "$0")/lib.bash"
kit=$1/tests/fault
if nm -D "$heft" | grep -E '__(asan|tsan)_init' >names; then
    echo "faults: not under a sanitizer, whose own allocator the kit would replace"
    exit 0
fi
sweeps() { "$kit/sweeps" "$heft" "$kit/shim.so" "$@" 2>>findings || die "sweeps $* $(tail -n 30 findings)"; }
drive() { "$kit/drive" "$heft" "$kit/shim.so" "$@" 2>>findings || die "$* $(tail -n 30 findings)"; }

# Every few calls that touch a file, once and from then on; cut short; the process killed at the call.
drive loop train io stride=7 errno=28
drive loop train io stride=11 first=3 on=1
drive loop train write how=short stride=3
drive loop train io stride=9 first=2 how=signal signal=9
drive loop resume io stride=7 first=2
drive loop recover io stride=7 first=4 on=1 errno=28
drive loop recover io stride=9 first=5 how=signal signal=9
drive loop predict io stride=3
drive loop show io stride=3
drive loop check io under=0 stride=31
# Memory.
drive loop train alloc who=ours distinct=8 stride=41
drive loop resume alloc who=ours distinct=8 stride=61 first=9
drive loop predict alloc who=ours distinct=8 stride=31 first=13
drive loop show alloc who=ours distinct=8 stride=31 first=8
drive loop show alloc who=theirs distinct=4 stride=72 first=32
# Signals that ask: in loading, stepping, saving; a second INT.
drive loop train io stride=17 how=signal signal=15
drive loop resume io stride=11 how=signal signal=10
drive loop train io stride=37 how=signal signal=24
drive loop train io stride=41 how=signal signal=2 on=1
# Sweeps: the same, of the sweep and of its trials.
sweeps sweep signal=15 stride=29
sweeps sweep signal=2 on=1 first=40 stride=67
sweeps sweep signal=1 first=60 stride=67
sweeps trial signal=10 first=5 stride=41
sweeps trial signal=24 first=25 stride=67
sweeps trial signal=9 first=40 stride=4
# Any instant.
drive kills 20
"$kit/replay" "$heft" "$kit/shim.so" trials=2 resume=60 2>findings || die "power loss: $(cat findings)"

# A disk that is full, as far as this process is concerned: the checkpoint is larger than a file may be.
cat >net.yaml <<'YAML'
name: net
data: {format: digits, samples: 200, test: 20}
model: [flatten, {dense: {units: 64, activation: relu}}, {dense: {units: 10}}]
loss: softmax_cross_entropy
optimizer: adam
train: {epochs: 2, batch: 50, threads: 1}
YAML
expect 0 "$heft" train net.yaml --run whole
(ulimit -f 100; expect 1 "$heft" train net.yaml --run small)
says err "cannot be written: File too large"
says err "was not saved"
says err "heft resume small"
silent out
[ "$(ls small/checkpoints)" = "" ] || die "something is left in small/checkpoints"
expect 0 "$heft" resume small
cmp "$(newest whole)" "$(newest small)" || die "after the disk had room again, another checkpoint"
# A disk of its own, where one may be mounted: without room for three checkpoints it is refused; full in the middle, the run goes on, and
# it comes to the same bytes when there is room.
if unshare -rm true 2>/dev/null; then
    mkdir disk
    export heft
    export -f expect says die silent newest
    unshare -rm bash -euo pipefail -c '
        mount -t tmpfs -o size=700k none disk
        expect 2 "$heft" train net.yaml --run disk/run
        says err "are free on its disk, and this run wants"
        rm -rf disk/run
        mount -o remount,size=1700k disk
        expect 1 "$heft" train net.yaml train.epochs=8 checkpoint.keep=9 --run disk/run
        says err "No space left on device"
        says err "was not saved"
        silent out
        [ "$(ls disk/run/checkpoints/*.h5 | wc -l)" -ge 2 ]
        expect 0 "$heft" show --verify disk/run
        mount -o remount,size=16m disk
        expect 0 "$heft" resume disk/run
        expect 0 "$heft" train net.yaml train.epochs=8 checkpoint.keep=9 --run roomy
        cmp "$(newest roomy)" "$(newest disk/run)"' || die "on a full disk"
    # In a cgroup of 40 MB, as far as its files say.
    # shellcheck disable=SC2016
    unshare -rm bash -euo pipefail -c '
        mount -t tmpfs none /sys/fs/cgroup
        while IFS=: read -r _ _ path; do
            for folder in "/sys/fs/cgroup$path" "/sys/fs/cgroup/memory$path"; do
                mkdir -p "$folder"
                echo 40000000 | tee "$folder/memory.max" >"$folder/memory.limit_in_bytes"
            done
        done </proc/self/cgroup
        expect 2 "$heft" train net.yaml "model=[{dense: {units: 100000}}, {dense: {units: 10}}]" --run never
        says err "this process may have 38 MiB"
        expect 0 "$heft" train net.yaml --run little' || die "in a cgroup with a limit"
fi
got=0
"$heft" show whole >/dev/full 2>err || got=$?
[ $got = 1 ] || die "show to a full disk: exit status $got"

echo "faults: ok"
