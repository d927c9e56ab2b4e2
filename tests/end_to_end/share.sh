#!/bin/bash
# share.sh BUILD_DIR SOURCE_DIR: trials that another sweep has trained are taken, with the table of a sweep that trains them, and are
# not where anything differs that their bits depend on.
. "$(dirname "$0")/lib.bash"
build=$1

table_of() { h5dump -m '%.17g' -d /trials -d /run -d /state -d /reason "$1/sweep.h5" | tail -n +2 | sha256sum; }

awk -F, 'BEGIN { srand(3); print "a,b,y"; for (i = 0; i < 200; i++) { a = rand(); b = rand(); print a "," b "," a - 2 * b } }' >rows.csv
mkdir own
cp "$build/plugins/layers/tanh.so" own/
cat >net.yaml <<'YAML'
name: net
data: {format: csv, train: rows.csv, target: y, validation: 0.2}
model:
  - dense: {units: 6, activation: tanh, name: hidden}
  - dense: {units: 1}
loss: mean_squared_error
optimizer: {adam: {lr: 1e-2}}
train: {epochs: 4, batch: 20}
checkpoint: {keep: 1}
plugins: [own]
sweep:
  method: grid
  metric: {name: val_loss}
  parameters:
    optimizer.adam.lr: {values: [1e-3, 3e-3, 1e-2, 3e-2]}
YAML

# takes N [WORDS...]: a sweep beside `first`, which takes N of its trials; in $new.
sweeps=0
takes() {
    local n=$1
    shift
    new=runs/sweep$((++sweeps))
    expect 0 "$heft" sweep "$@" --run $new -j 2 --threads 1
    if [ "$n" = 0 ]; then
        ! grep -q taken err || die "$*: took trials"
    else
        says err "; $n taken from other sweeps"
    fi
}
again() { rm -rf "$new"; }

expect 0 "$heft" sweep net.yaml --run runs/first -j 2 --threads 1
first=$(table_of runs/first)
before=$(find runs/first -type f -exec sha256sum {} + | sort | sha256sum)

takes 4 net.yaml
[ "$first" = "$(table_of $new)" ] || die "taken: another table"
says err "taken  epoch 4  val_loss"
h5dump -d /origin $new/sweep.h5 | grep -q "/runs/first/trials/" || die "no origin in sweep.h5"
h5dump -d /timing $new/sweep.h5 >out
! grep -q '^ *[1-9]' out || die "a trial that was taken was begun"
expect 0 "$heft" runs $new
says out ", from first"
expect 0 "$heft" runs $new --json
says out '"origin": "/'
# It stands by itself: it can go on, and the other can be removed.
mv runs/first elsewhere
expect 0 "$heft" sweep --resume $new
[ "$first" = "$(table_of $new)" ] || die "resumed: another table"
run=$(find $new/trials -mindepth 1 -maxdepth 1 -type d | head -1)
expect 0 "$heft" resume "$run" train.epochs=5
expect 0 "$heft" eval "$run"
mv elsewhere runs/first
[ "$before" = "$(find runs/first -type f -exec sha256sum {} + | sort | sha256sum)" ] || die "the sweep that was taken from has changed"
again

# Part of its points; --json; no sharing; another place.
takes 2 net.yaml 'sweep.parameters={optimizer.adam.lr: {values: [1e-3, 2e-3, 1e-2, 2e-2]}}' --json
says out '"event": "taken"'
again
takes 0 net.yaml --share none
again
new=other/sweep
expect 0 "$heft" sweep net.yaml --run $new -j 2 --threads 1 --share runs
says err "; 4 taken"
rm -rf other
expect 0 "$heft" sweep net.yaml --run $new -j 2 --threads 1 --share runs/first
says err "; 4 taken"
rm -rf other
expect 2 "$heft" sweep net.yaml --run $new --share nowhere
says err "--share nowhere: the directory of a sweep, or of some, was expected, or none"
[ ! -e $new ] || die "a wrong --share made a directory"

# Trials that early termination ends are taken from longer ones, and go on from shorter ones: the same tables.
early='sweep.early_terminate={type: asha, min_epochs: 1, eta: 2}'
takes 0 net.yaml "$early" --share none
asha=$(table_of $new)
again
takes 4 net.yaml "$early"
[ "$asha" = "$(table_of $new)" ] || die "asha on trials that went further: another table"
expect 0 "$heft" runs $new --csv
[ "$(awk -F, 'NR > 1 { n += $5 } END { print n }' out)" -lt 16 ] || die "heft runs counts epochs that the sweep did not ask for"
mv runs/first elsewhere
again
takes 0 net.yaml "$early"
kept=$new
takes 4 net.yaml
[ "$first" = "$(table_of $new)" ] || die "trials of asha gone on: another table"
again
rm -rf "$kept"
mv elsewhere runs/first

# Anything that its bits depend on.
takes 0 net.yaml seed=1
again
takes 0 net.yaml train.batch=21
again
takes 0 net.yaml data.validation=0.3
again
cp rows.csv kept.csv
sed -i '2s/^0/1/' rows.csv
takes 0 net.yaml
again
mv kept.csv rows.csv
printf ' ' >>own/tanh.so
takes 0 net.yaml
again
cp "$build/plugins/layers/tanh.so" own/
for key in heft build libc hdf5 compute; do
    cp -r runs/first kept
    sed -i "s/\"$key\": \"[^\"]*\"/\"$key\": \"other\"/" runs/first/trials/*/provenance.json
    takes 0 net.yaml
    again
    rm -rf runs/first
    mv kept runs/first
done
cp -r runs/first kept
for file in runs/first/trials/*/checkpoints/step-*.h5; do
    head -c -1 "$file" >"$file.new"
    mv "$file.new" "$file"
done
takes 0 net.yaml
again
rm -rf runs/first
mv kept runs/first

# Initial weights from a file are not in the experiment.
weights=$(newest "$(find "$PWD/runs/first/trials" -mindepth 1 -maxdepth 1 -type d | head -1)")
cp "$weights" weights.h5
file="model.hidden.init={weight: {file: {path: $PWD/weights.h5}}}"
takes 0 net.yaml "$file"
kept=$new
takes 0 net.yaml "$file"
again
rm -rf "$kept"

# One that somebody works on is not taken.
for lock in runs/first/trials/*/lock; do flock --no-fork "$lock" sleep 600 & done
sleep 0.2
takes 0 net.yaml
jobs -p | xargs kill
echo "share: ok"
