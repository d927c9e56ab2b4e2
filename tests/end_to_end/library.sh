#!/bin/bash
# library.sh BUILD_DIR SOURCE_DIR: a program built against the installed heft.h gives, bit for bit, what `heft predict` gives.
. "$(dirname "$0")/lib.bash"
build=$1
compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
flags=$(sed -n 's/^CMAKE_C_FLAGS:[A-Z]*=//p' "$build/CMakeCache.txt")

expect 0 cmake --install "$build" --prefix "$work/first"
mv first usr
PKG_CONFIG_PATH=$(dirname "$(find "$PWD/usr" -name heft.pc)")
libraries=$(dirname "$(find "$PWD/usr" -name libheft.so.0)")
export PKG_CONFIG_PATH LD_LIBRARY_PATH=$libraries

# Of all that is in the library only what heft.h declares can be seen.
nm -D --defined-only "$libraries/libheft.so" | awk '{ print $3 }' | sort >seen
grep -o 'heft_[a-z_]*(' "$source_dir/framework/include/heft/heft.h" | tr -d '(' | sort -u >declared
diff declared seen >out || die "libheft.so shows other symbols than heft.h declares"

# use MODEL THREADS float|byte <numbers >predictions: raw floats or bytes in, raw floats out, classes to stderr.  Both headers go together.
cat >use.c <<'C'
#include <heft/heft.h>
#include <heft/plugin.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    heft_model *m = argc == 4 ? heft_open(argv[1], atoi(argv[2])) : NULL;
    if (!m) {
        fprintf(stderr, "%s\n", heft_last_error());
        return 1;
    }
    enum { MOST = 1 << 20 };
    float *in = malloc(MOST * sizeof *in), *out = malloc(MOST * sizeof *out);
    int32_t *class = malloc(MOST * sizeof *class);
    int64_t numbers = 0;
    if (argv[3][0] == 'f') numbers = (int64_t)fread(in, sizeof *in, MOST, stdin);
    else for (int c; numbers < MOST && (c = getchar()) != EOF;) in[numbers++] = (float)c;
    const int64_t n = numbers / heft_input_size(m);
    const bool classifies = heft_classes(m) && heft_output_size(m) == heft_classes(m);
    int rc = heft_predict(m, n, in, out, classifies ? class : NULL);
    if (rc < 0) fprintf(stderr, "%s\n", heft_last_error());
    else fwrite(out, sizeof *out, (size_t)(n * heft_output_size(m)), stdout);
    for (int64_t i = 0; rc == 0 && classifies && i < n; i++)
        fprintf(stderr, "%s\n", heft_class_name(m, class[i]) ? heft_class_name(m, class[i]) : "unnamed");
    heft_close(m);
    free(in), free(out), free(class);
    return rc < 0;
}
C
# shellcheck disable=SC2046,SC2086  # flags are words
expect 0 "$compiler" $flags -std=c17 -Wall -Wextra -Werror use.c $(pkg-config --cflags --libs heft) -o use

# The same by CMake, in C++.
mkdir cpp
cat >cpp/use.cpp <<'C'
#include <heft/heft.h>
#include <cstdio>
int main() { return heft_open("none", 1) ? 1 : std::puts(heft_last_error()) < 0; }
C
cat >cpp/CMakeLists.txt <<'C'
cmake_minimum_required(VERSION 3.25)
project(use LANGUAGES CXX)
find_package(heft REQUIRED)
add_executable(use use.cpp)
target_link_libraries(use PRIVATE heft::heft)
C
if command -v c++ >/dev/null; then
    expect 0 cmake -S cpp -B cpp/build -DCMAKE_PREFIX_PATH="$PWD/usr" -DCMAKE_CXX_FLAGS="$flags"
    expect 0 cmake --build cpp/build
    expect 0 cpp/build/use
    says out "none"
fi

# Pictures that hold the text of this project, in three classes: their first byte, mod 3.
idx() { printf '\0\0\10%b' "$1"; }
samples=150
cat "$source_dir"/docs/*.md >prose
head -c $((64 * samples)) prose >pixels
{ idx '\03\0\0\0\0226\0\0\0\010\0\0\0\010'; cat pixels; } >p-images-idx3-ubyte
{ idx '\01\0\0\0\0226'; od -An -v -tu1 -w64 pixels | awk '{ printf "\\%03o", $1 % 3 }' | xargs -0 printf '%b'; } >p-labels-idx1-ubyte
printf 'low\nmiddle\nhigh\n' >classes
cat >pictures.yaml <<'YAML'
name: pictures
data: {format: idx, train: {inputs: p-images-idx3-ubyte, targets: p-labels-idx1-ubyte}, normalize: standard, classes: classes}
model: [conv2d: {filters: 4, kernel: 3, activation: relu}, batch_norm, flatten, dense: {units: 3}]
loss: softmax_cross_entropy
optimizer: {adam: {lr: 1e-2}}
train: {epochs: 2, batch: 64, threads: 2}
YAML
heft=$PWD/usr/bin/heft
expect 0 "$heft" train pictures.yaml --run pictures

# same MODEL float|byte NUMBERS INPUT: by the program, with one thread and with three, what `heft predict` says of the file.
same() {
    expect 0 "$heft" predict "$1" --input "$4" --output by_heft.h5
    expect 0 h5dump -d /predictions -b NATIVE -o by_heft by_heft.h5
    for threads in 1 3; do
        ./use "$1" "$threads" "$2" <"$3" >by_program 2>classes_by_program || die "use $1 $threads"
        cmp by_heft by_program || die "$1: the program's numbers are not those of heft predict ($threads threads)"
    done
}
same pictures byte pixels p-images-idx3-ubyte
expect 0 "$heft" predict pictures --input p-images-idx3-ubyte
awk -F, 'NR > 1 { print $2 }' out | cmp - classes_by_program || die "the classes are not those of heft predict"
[ "$(sort -u classes_by_program | wc -l)" -gt 1 ] || die "only one class"
mv by_heft.h5 rows.h5

# Rows of a table, which here are the probabilities of above; outputs in the units of the data.
{ echo "a,b,c,y"; for i in $(seq 60); do echo "$i,$((i * i % 17)),$((i % 5)),$((100 + 3 * i))"; done; } >table.csv
cat >table.yaml <<'YAML'
data: {format: csv, train: table.csv, target: y, normalize: standard, normalize_target: standard}
model: [dense: {units: 8, activation: tanh}, dense: {units: 1}]
loss: mean_squared_error
optimizer: {adam: {lr: 1e-2}}
train: {epochs: 3, batch: 16}
YAML
expect 0 "$heft" train table.yaml --run table
expect 0 h5dump -d /predictions -b NATIVE -o rows rows.h5
same table float rows rows.h5:/predictions

# Text: characters as their places among the names of the classes.
head -c 4096 "$source_dir/README.md" | tr -cd 'a-p' >letters.txt
cat >letters.yaml <<'YAML'
data: {format: text, train: letters.txt, length: 16}
model: [embedding: {units: 8}, lstm: {units: 8, return_sequences: true}, dense: {units: 16}]
loss: softmax_cross_entropy
optimizer: {adam: {lr: 1e-2}}
train: {epochs: 1, batch: 8}
YAML
expect 0 "$heft" train letters.yaml --run letters
size=$(stat -c %s letters.txt)
head -c $(((size - 1) / 16 * 16)) letters.txt | tr 'a-p' '\000-\017' >tokens
same letters byte tokens letters.txt

# A prompt is gone on with as by heft predict.
tr 'a-p' 'ROME:,. adehinst' <letters.txt >verse.txt
expect 0 "$heft" train letters.yaml data.train=verse.txt --run runs/gpt
c_block 2 "$source_dir/docs/library.md" >verse.c
# shellcheck disable=SC2046,SC2086
expect 0 "$compiler" $flags -std=c17 -Wall -Wextra -Werror verse.c $(pkg-config --cflags --libs heft) -o verse
expect 0 ./verse
mv out by_program
expect 0 "$heft" predict runs/gpt --prompt ROMEO: --length 80 --temperature 0.8 --seed 1
cmp out by_program || die "the program's text is not that of heft predict"

# What cannot be is said as heft says it.
expect 1 ./use none 1 float
says err "none"
expect 1 ./use pictures -1 float
says err "-1 threads"
printf '\0\0\300\177' >nan
cat nan rows >bad
status=0
./use table 1 float <bad >out 2>err || status=$?
[ $status = 1 ] || die "a NaN was taken"
says err "sample 0, number 0 (from 0), a: nan; numbers must be finite"
newest=$(newest pictures)
chmod u+w "$newest"
printf x | dd of="$newest" bs=1 seek=2000 conv=notrunc status=none
expect 1 ./use "$newest" 1 float
says err "$newest"

# The programs of docs/library.md and README.md do what they say.
expect 0 "$heft" train "$source_dir/experiments/houses.yaml" train.epochs=1 data.samples=500 --run runs/houses-0001
c_block 1 "$source_dir/docs/library.md" >example.c
c_block 2 "$source_dir/README.md" >price.c
for program in example price; do
    # shellcheck disable=SC2046,SC2086
    expect 0 "$compiler" $flags -std=c17 -Wall -Wextra -Werror $program.c $(pkg-config --cflags --libs heft) -o $program
    expect 0 ./$program
    mv out $program.out
done
[ "$(wc -l <example.out)" = 2 ] || die "not a price for each of two houses"
[ "$(head -1 example.out)" = "$(cat price.out)" ] || die "two prices for one house"
echo "library: ok"
