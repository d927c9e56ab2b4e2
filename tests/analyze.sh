#!/bin/bash
# analyze.sh [tidy|cppcheck|gcc ...]: static analysis of framework/ and plugins/ (default: all three), a line a finding; exit status 1 if
# there are any.  Minutes to a quarter of an hour.  Wants clang-tidy, cppcheck, gcc.  Findings that are wrong stand below, with the reason.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
build="build-analyze"
tools=("$@")
[ ${#tools[@]} -gt 0 ] || tools=(tidy cppcheck gcc)
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release -DHEFT_TESTS=OFF -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >/dev/null || exit 2
mapfile -t files < <(find framework plugins -name '*.c' | sort)
status=0

# What cppcheck gets wrong, and why.
wrong=(
    # an array that one loop fills and the next reads, within the same bounds
    uninitvar:framework/compute/sums.c uninitvar:framework/config/experiment.c uninitvar:plugins/layers/permute.c
    uninitvar:plugins/optimizers/lbfgs.c
    # written by the call whose success is asked for
    uninitvar:framework/data/idx.c
    # zones lie in front of a slot
    negativeIndex:framework/plugin/check_optimizer.c
    # a sum of at least exp(0)
    invalidFunctionArg:plugins/layers/auc.c invalidFunctionArg:plugins/layers/perplexity.c
    # a loop that does not run where the pointer is NULL
    nullPointer:framework/config/interpolate.c nullPointer:framework/config/options.c
)

# The same of gcc.
wrong_gcc=(
    # an array or a structure that is filled before it is read, by a loop or by the call that returns it
    use-of-uninitialized-value:framework/compute/sums.c use-of-uninitialized-value:cc1
    # memory that is handed on and freed by its owner
    malloc-leak:framework/hdf/table.c
    # not NULL where the code before has looked: at the format, the role, the run, at what fits
    null-dereference:framework/data/section.c null-dereference:framework/model/model.c null-dereference:framework/model/pass.c
    null-dereference:framework/plugin/check_optimizer.c null-dereference:framework/plugin/check_options.c null-dereference:framework/report/page.c
    null-dereference:framework/sweep/steer.c null-argument:framework/run/run.c
)

# The same of clang-tidy.
wrong_tidy=(
    # an array that is filled before it is read, by a loop of the same bounds or by the call that returns it
    core.uninitialized.UndefReturn:framework/compute/sums.c core.UndefinedBinaryOperatorResult:framework/data/idx.c
    core.CallAndMessage:framework/plugin/check_gradient.c core.NullDereference:framework/plugin/check_gradient.c
    core.NullDereference:framework/plugin/check_layer.c
    core.UndefinedBinaryOperatorResult:plugins/layers/alpha_dropout.c core.UndefinedBinaryOperatorResult:plugins/layers/dropout.c
    core.UndefinedBinaryOperatorResult:plugins/layers/spatial_dropout.c
    # a frame at least: called where one of them was met
    core.NullDereference:framework/config/interpolate.c
    # not 0: types of options that have a size, and axes of at least 1, are what is left by the checks before
    core.DivideZero:framework/config/options_table.c core.DivideZero:framework/plugin/check_gradient.c
    core.UndefinedBinaryOperatorResult:framework/plugin/check_gradient.c
    # not NULL: check_that returns what it is given; several runs have a best
    core.NonNullParamChecker:framework/plugin/check_optimizer.c core.NullDereference:framework/report/page.c
    # three characters, without the NUL behind them
    bugprone-not-null-terminated-result:framework/config/parse.c
    # setjmp may only be the whole of a condition
    bugprone-branch-clone:framework/predict/heft.c
    # the loader gives an address as a number
    performance-no-int-to-ptr:framework/plugin/program.c
)

# say NAME FILE: what a tool found, each once.
say() {
    sort -u "$2" | sed "s#$PWD/##"
    local n
    n=$(sort -u "$2" | wc -l)
    echo "$1: ${#files[@]} files, $n findings"
    [ "$n" = 0 ] || status=1
}

# drop FILE WRONG...: take from what a tool found what is wrong.
drop() {
    local w
    for w in "${@:2}"; do sed -i -E "\\#(^|/)${w#*:}:.*[[-]${w%%:*}\]#d" "$1"; done
}

# A tool that could not do its work has found nothing.
unfinished() {
    echo "$1: failed: $(grep -m 1 -iE 'error|fatal|not found' "$2" || tail -n 1 "$2")"
    status=1
}

for tool in "${tools[@]}"; do
    case $tool in
    tidy)
        # gcc's own flags are unknown to clang.
        printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy -p $build --quiet --extra-arg=-Wno-everything \
            >$build/tidy.out 2>$build/tidy.err || unfinished clang-tidy $build/tidy.err
        grep -E '(warning|error): ' $build/tidy.out >$build/tidy.txt
        drop $build/tidy.txt "${wrong_tidy[@]}"
        say clang-tidy $build/tidy.txt ;;
    cppcheck)
        cat >$build/heft.cfg <<'END'
<?xml version="1.0"?>
<def format="2"><function name="memory_exhausted"><noreturn>true</noreturn><arg nr="1"/></function></def>
END
        cppcheck --project=$build/compile_commands.json --enable=warning,performance,portability --inline-suppr --std=c17 -j "$(nproc)" --quiet \
            --library=$build/heft.cfg "${wrong[@]/#/--suppress=}" --suppress=missingIncludeSystem --suppress='*:/usr/*' --template='{file}:{line}: {severity}: {message} [{id}]' 2>$build/cppcheck.txt
        say cppcheck $build/cppcheck.txt ;;
    gcc)
        python3 -c 'import json, re, sys
for c in json.load(open(sys.argv[1])):
    print("cd", c["directory"], "&&", re.sub(r" -o \S+ -c ", " -fanalyzer -Wno-analyzer-too-complex -S -o /dev/null ", c["command"]))' $build/compile_commands.json |
            xargs -P "$(nproc)" -d '\n' -n 1 bash -c >$build/gcc.out 2>&1 || unfinished gcc $build/gcc.out
        grep -E 'Wanalyzer' $build/gcc.out >$build/gcc.txt
        drop $build/gcc.txt "${wrong_gcc[@]}"
        say "gcc -fanalyzer" $build/gcc.txt ;;
    *)
        echo "analyze.sh: what is '$tool'? tidy, cppcheck or gcc was expected" >&2
        exit 2 ;;
    esac
done
exit $status
