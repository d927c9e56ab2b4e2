#!/bin/bash
# text.sh BUILD_DIR SOURCE_DIR: a model of text, trained on overlapping samples, goes on with a prompt.
. "$(dirname "$0")/lib.bash"

for _ in $(seq 60); do echo "one two three four five six seven eight nine ten"; done >count.txt
cat >count.yaml <<'YAML'
data: {format: text, train: count.txt, length: 24, stride: 6, validation: 0.1}
model: [embedding: {units: 12}, lstm: {units: 32, return_sequences: true}, dense: {units: 16}]
loss: softmax_cross_entropy
optimizer: {adam: {lr: 2e-2}}
train: {epochs: 12, batch: 8}
YAML
expect 2 "$heft" check count.yaml data.stride=7
says err "stride: 7 does not divide length, 24"
expect 2 "$heft" check count.yaml data.strides=6
says err "did you mean 'stride'?"
expect 0 "$heft" train count.yaml --run count

# The likeliest characters go on counting; the prompt may be longer than the model sees.
expect 0 "$heft" predict count --prompt "one two" --length 41 --temperature 0
[ "$(cat out)" = "one two three four five six seven eight nine ten" ] || die "it has not learned to count"
silent err
expect 0 "$heft" predict count --prompt "three four five six seven eight" --length 9 --temperature 0
[ "$(cat out)" = "three four five six seven eight nine ten" ] || die "it lost count"
expect 0 "$heft" predict count --prompt "one" --length 0
[ "$(cat out)" = one ] || die "characters that were not asked for"

# Draws are the seed's, whatever the threads.
for threads in 1 3; do
    for seed in 1 2; do
        expect 0 "$heft" predict count --prompt "o" --length 80 --temperature 2 --top-k 8 --seed $seed train.threads=$threads
        cp out "drawn-$seed-$threads"
    done
done
for seed in 1 2; do cmp "drawn-$seed-1" "drawn-$seed-3" || die "the threads changed the text"; done
! cmp -s drawn-1-1 drawn-2-1 || die "the seed did not change the text"
[ "$(wc -c <drawn-1-1)" = 82 ] || die "not a character, 80 more and the end of the line"

# refuse TEXT ARGUMENT...: exit code 2, nothing written.
refuse() {
    local text=$1
    shift
    expect 2 "$heft" predict "$@"
    silent out
    says err "$text"
}
refuse "needs --input FILE or --prompt TEXT" count
refuse "not both" count --prompt one --input count.txt
refuse "--output goes with --input" count --prompt one --output x.txt
refuse "with --prompt only" count --input count.txt --seed 3
refuse "--length -1: a whole number from 0" count --prompt one --length=-1
refuse "--length ten: a whole number" count --prompt one --length ten
refuse "--temperature -1: a number from 0 to 100" count --prompt one --temperature=-1
refuse "--temperature nan: a number" count --prompt one --temperature nan
refuse "--top-k 0: a whole number from 1" count --prompt one --top-k 0
refuse "--seed x: a whole number" count --prompt one --seed x
refuse "the prompt is empty" count --prompt ""
refuse "prompt:1:5: error: byte 0x21 '!' does not occur" count --prompt "one !"
printf 'data: {format: digits, samples: 64}\nmodel: [flatten, dense: {units: 10}]\nloss: softmax_cross_entropy\noptimizer: sgd\ntrain: {epochs: 1}\n' >digits.yaml
expect 0 "$heft" train digits.yaml --run digits
refuse "was not trained on text" digits --prompt "one"

# A terminal that goes away is an error of the work.
status=0
"$heft" predict count --prompt one --length 100 >/dev/full 2>err || status=$?
[ $status = 1 ] || die "exit status $status with a full disk"
says err "standard output"
echo "text: ok"
