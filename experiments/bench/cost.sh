#!/bin/bash
# cost.sh [HEFT]: what a training step costs: threads and memory of the seven workloads (two threads against one, the best of three looks in turn); a step by batch,
# width and depth.  Takes three minutes; let nothing else run.
set -e
here=$(cd "$(dirname "$0")" && pwd)
heft=${1:-$here/../../build/heft}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# value KEY FILE THREADS [OVERRIDE...]: a figure of heft bench
value() { "$heft" bench "$2" --threads "$3" --seconds "${seconds:-1}" --json "${@:4}" | sed "s/.*\"$1\": \([0-9.]*\).*/\1/"; }

echo "| workload | 1 thread | 2 threads | ratio | memory, MiB |"
echo "| --- | --- | --- | --- | --- |"
for file in "$here"/*.yaml; do
    for _ in 1 2 3; do
        for threads in 1 2; do echo "$threads $(value samples_per_s "$file" $threads)"; done
    done >"$work/rates"
    bytes=$(value peak_memory_bytes "$file" 2)
    awk -v name="$(basename "$file" .yaml)" -v bytes="$bytes" '
        { if ($2 > most[$1]) most[$1] = $2 }
        END { printf "| %s | %d | %d | %.2f | %d |\n", name, most[1], most[2], most[2] / most[1], bytes / 1048576 }' "$work/rates"
done

# step BATCH WIDTH DEPTH: milliseconds of a step of DEPTH dense layers of WIDTH, on one thread; the least of three looks
step() {
    {
        echo "name: cost"
        echo "data: {format: noise, samples: $1, shape: [$2], classes: 10}"
        echo "model:"
        for ((i = 0; i < $3; i++)); do echo "  - dense: {units: $2, activation: relu}"; done
        echo "  - dense: {units: 10}"
        echo "loss: softmax_cross_entropy"
        echo "optimizer: {sgd: {lr: 1e-3}}"
        echo "train: {batch: $1, epochs: 1}"
    } >"$work/cost.yaml"
    for _ in 1 2 3; do value step_ms "$work/cost.yaml" 1; done | sort -g | head -1
}

# table NAME STEPS...: rows of one of the three, each STEP "BATCH WIDTH DEPTH", and what it costs against the first
table() {
    echo
    echo "| $1 | ms a step | against the first | a product would cost |"
    echo "| --- | --- | --- | --- |"
    local first='' base=''
    for sizes in "${@:2}"; do
        read -r batch width depth <<<"$sizes"
        ms=$(step "$batch" "$width" "$depth")
        awk -v ms="$ms" -v first="${first:=$ms}" -v b="$batch" -v w="$width" -v d="$depth" -v base="${base:=$sizes}" 'BEGIN {
            split(base, o, " ")
            printf "| %d x %d x %d | %.3f | %.2f | %.2f |\n", b, w, d, ms, ms / first, (b * w * w * d) / (o[1] * o[2] * o[2] * o[3]) }'
    done
}
table "batch x width x depth" "64 256 4" "128 256 4" "256 256 4" "512 256 4" "1024 256 4"
table "batch x width x depth" "128 128 4" "128 256 4" "128 512 4" "128 1024 4" "128 2048 4"
table "batch x width x depth" "128 256 2" "128 256 4" "128 256 8" "128 256 16" "128 256 32"
