#!/bin/bash
# fuzz.sh BUILD_DIR SECONDS [TARGET...]: look for inputs that break a reader.  BUILD_DIR: of the preset fuzz.  New inputs that reach
# something go to BUILD_DIR/corpus, findings to BUILD_DIR/findings.  Prints a line for each target; exit status 1 after findings.
#
# libhdf5 1.10 dies of some files, and leaks memory on others, by itself: these are counted apart.
set -uo pipefail
build=$(realpath "$1") seconds=$2
here=$(realpath "$(dirname "$0")")
shift 2
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(yaml override idx csv cifar descriptor checkpoint hdf5 sweep)
export OMP_NUM_THREADS=1 ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1:max_allocation_size_mb=2000 UBSAN_OPTIONS=print_stacktrace=1
status=0
for t in "${targets[@]}"; do
    mkdir -p "$build/corpus/$t" "$build/findings/$t"
    log=$build/findings/$t.log
    # Without names in stacks, for which a time-out that comes meanwhile would wait for ever.
    ASAN_OPTIONS=$ASAN_OPTIONS:symbolize=0 UBSAN_OPTIONS=symbolize=0 nice -n 19 "$build/tests/fault/fuzz_$t" -fork=1 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1 -timeout=20 -rss_limit_mb=3000 \
        -max_len=20000 -max_total_time="$seconds" -artifact_prefix="$build/findings/$t/" "$build/corpus/$t" "$here/corpus/$t" >"$log" 2>&1
    ours=0 theirs=0
    for f in "$build/findings/$t"/*; do
        [ -e "$f" ] || continue
        timeout 60 "$build/tests/fault/fuzz_$t" "$f" >"$build/findings/once" 2>&1 && continue
        # The innermost frame that is in a file of heft's or in a library decides.
        frame=$(grep -E '^ +#[0-9]+ ' "$build/findings/once" | grep -oE 'libhdf5|libz\.|libyaml|libcrypto|/framework/|fuzz[_a-z0-9]*\.[ch]:' | head -1)
        if [[ $frame == lib* ]]; then
            theirs=$((theirs + 1))
        else
            ours=$((ours + 1))
            echo "FINDING $t: $f: $(grep -m1 -E 'ERROR|SUMMARY|runtime error' "$build/findings/once")" >&2
            status=1
        fi
    done
    echo "fuzz $t: ${seconds} s, $(grep -oE '^#[0-9]+' "$log" | tail -1 | tr -d '#') inputs, coverage $(grep -oE 'cov: [0-9]+' "$log" | tail -1)," \
        "$ours findings, $theirs deaths in libraries"
done
exit $status
