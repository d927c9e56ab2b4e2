#!/bin/bash
# bench.sh BUILD_DIR SOURCE_DIR: `heft bench` on the benchmark experiments.  Parameters: what PyTorch counts for the same models, its
# LSTM with two biases a gate.
. "$(dirname "$0")/lib.bash"
bench=$source_dir/experiments/bench

# top KEY: a number of the object in out, outside of "layers"
top() { sed "s/, \"layers\".*//; s/.*\"$1\": \([^,]*\).*/\1/" out; }

while read -r name params batch; do
    expect 0 "$heft" bench "$bench/$name.yaml" --seconds 0.02 --threads 2 --json
    [ "$(wc -l <out)" = 1 ] || die "$name: more than a line"
    [ "$(top params) $(top batch) $(top threads)" = "$params $batch 2" ] || die "$name: $(top params) parameters, batch $(top batch), $(top threads) threads"
    says out "\"workload\": \"$name\""
    for figure in samples_per_s best_samples_per_s step_ms peak_gflops peak_memory_bytes; do
        awk -v x="$(top $figure)" 'BEGIN { exit !(x > 0) }' || die "$name: $figure is $(top $figure)"
    done
    awk -v x="$(top update_ms)" -v step="$(top step_ms)" 'BEGIN { exit !(x >= 0 && x < 10 * step) }' || die "$name: update_ms is $(top update_ms)"
    awk -v rate="$(top samples_per_s)" -v step="$(top step_ms)" -v n="$batch" 'BEGIN { r = rate * step / n / 1000; exit !(r > 0.999 && r < 1.001) }' ||
        die "$name: samples_per_s and step_ms contradict each other"
done <<'END'
tabular 5121 64
mlp 235146 128
mlp-wide 5824522 256
cnn 1199882 128
resnet20 272474 128
lstm 148801 64
gpt 818241 32
END

expect 0 "$heft" bench "$bench/mlp.yaml" --seconds 0.02 train.precision=bf16 train.threads=1
says out "update"
says out "1 thread;"

expect 2 "$heft" bench "$bench/mlp.yaml" --seconds 0
says err "--seconds 0: a number over 0"
expect 2 "$heft" bench "$bench/mlp.yaml" --seconds nan
says err "--seconds nan"
expect 2 "$heft" bench "$bench/mlp.yaml" --threads 0
says err "train.threads: 0 is below 1"
expect 2 "$heft" bench "$bench/mlp.yaml" model.0.dense.unit=4
says err "units"
expect 2 "$heft" bench nothing.yaml
says err "nothing.yaml"
expect 2 "$heft" bench
echo "bench: ok"
