#!/bin/bash
# kit.sh BUILD_DIR SOURCE_DIR: what `heft plugins new` writes compiles, by the line it prints and by CMake, passes `heft plugins
# check` and trains; what it must not write it refuses.
. "$(dirname "$0")/lib.bash"
PATH=$(dirname "$heft"):$PATH
generator=$(sed -n 's/^CMAKE_GENERATOR:INTERNAL=//p' "$1/CMakeCache.txt")

# Made, built, checked and trained by the commands that are printed.
for kind in layer metric optimizer initializer; do
    expect 0 heft plugins new $kind my_$kind
    for file in my_$kind.c my_$kind.yaml CMakeLists.txt; do [ -s "my_$kind/$file" ] || die "no $file"; done
    grep -l '@[A-Z]*@' my_$kind/* && die "a word was not filled in"
    sed -n 's/^  //p' out >commands
    [ "$(wc -l <commands)" = 3 ] || die "not three commands"
    mapfile -t command <commands
    # shellcheck disable=SC2086  # words of a command
    expect 0 ${command[0]} -Wall -Wextra -Wpedantic -Werror
    silent err
    # shellcheck disable=SC2086
    expect 0 ${command[1]}
    says out "0 failed"
    grep -q '^FAIL' out && die "a check fails"
    # shellcheck disable=SC2086
    expect 0 ${command[2]}
    [ "$(cat out)" = runs/my_$kind-0001 ] || die "no run"
    rm my_$kind/my_$kind.so
    expect 2 heft check my_$kind/my_$kind.yaml

    expect 0 cmake -S my_$kind -B my_$kind/build -G "$generator"
    expect 0 cmake --build my_$kind/build --verbose
    # With the latter gcc 12 takes the wrong summand in `sum += x > 0 ? 0 : a * b` where vectors are AVX2's.
    if grep -E -- '-ffast-math|-fno-trapping-math' out; then die "flags that change the arithmetic"; fi
    expect 0 heft plugins check my_$kind/my_$kind.so
    expect 0 heft check my_$kind/my_$kind.yaml

    # What was built last is what is used, by whichever of the two.
    sed -i 's/\(HEFT_HEAD([^"]*"[^"]*", "\)/\1by CMake: /' my_$kind/my_$kind.c
    expect 0 cmake --build my_$kind/build
    expect 0 heft plugins my_$kind --dir my_$kind
    says out "): by CMake: "
    sed -i 's/by CMake: /by cc: /' my_$kind/my_$kind.c
    # shellcheck disable=SC2086
    expect 0 ${command[0]}
    expect 0 heft plugins my_$kind --dir my_$kind
    says out "): by cc: "
    [ "$(find my_$kind -name '*.so' | wc -l)" = 1 ] || die "several builds of one plugin"
done
expect 0 heft gradcheck my_layer/my_layer.yaml
[ -s runs/my_metric-0001/checkpoints/best ] || die "no checkpoint is best by the metric"

# In a folder of one's own; nothing is overwritten.
expect 0 heft plugins new layer other --dir .
[ -s other.c ] || die "no other.c"
echo mine >other.yaml
rm other.c
expect 2 heft plugins new layer other --dir .
says err "./other.yaml: there is such a file already"
says err "./CMakeLists.txt: there is such a file already"
if [ -e other.c ] || [ "$(cat other.yaml)" != mine ]; then die "something was written"; fi

# What is refused.
expect 2 heft plugins new
says err "usage: heft plugins new layer|metric|optimizer|initializer NAME"
expect 2 heft plugins new layer
expect 2 heft plugins new layr mine
says err "did you mean 'layer'"
for name in 2fast my-layer a/b '' ../x 'two words' check; do
    expect 2 heft plugins new layer "$name"
    says err name
done
expect 2 heft plugins new layer dense
says err "there is a layer 'dense' already"
expect 2 heft plugins new metric auc
says err "there is a layer 'auc' already"
expect 2 heft plugins new optimizer adam
says err "there is an optimizer 'adam' already"
expect 0 heft plugins new layer adam
touch file
expect 1 heft plugins new layer blocked --dir file/below
[ "$(find . -name 'blocked*')" = "" ] || die "something was written"
echo "kit: ok"
