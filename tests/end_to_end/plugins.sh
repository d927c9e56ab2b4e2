#!/bin/sh
# plugins.sh BUILD SOURCE: heft plugins, its list, manuals, JSON, checks and exit codes.
set -u
heft=$1/heft
bad=$1/tests/bad
planted=$1/tests/planted
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset HEFT_PLUGIN_PATH
failures=0

# expect STATUS TEXT ARGUMENTS...: the exit status, and the text in what was printed.
expect() {
    status=$1 text=$2
    shift 2
    "$heft" plugins "$@" >"$folder/said" 2>&1
    got=$?
    if [ "$got" != "$status" ] || ! grep -qF -- "$text" "$folder/said"; then
        echo "plugins $*: status $got, expected $status with '$text':"
        cat "$folder/said"
        failures=$((failures + 1))
    fi
}

expect 0 "layer        dense"
expect 0 "optimizer    adam"
expect 0 "initializer  he_normal"
expect 0 "units   integer 1 to" dense
expect 0 "required" dense
expect 0 "gradients  no: for metrics only" accuracy
expect 0 "the gradient of each minibatch" adam
expect 0 "its own evaluations of the loss" finite_difference
expect 0 '"kind": "layer", "name": "dense"' --json
expect 0 '"default_lr": 0.001' adam --json
expect 2 "there is no plugin 'densse' (did you mean 'dense'?)" densse
expect 2 "--dir DIR and HEFT_PLUGIN_PATH name further folders" mine
expect 2 "only one name" dense adam
expect 2 "no such directory" --dir "$folder/absent"
expect 2 "at least one file" check
expect 0 "ok    gradient of weight 'bias'" check "$planted/correct/bias_forgotten.so"
expect 0 '"verdict": "ok", "check": "gradient", "subject": "gradient of weight' check --json "$planted/correct/bias_forgotten.so"
expect 1 "FAIL  gradient of weight 'bias'" check "$planted/faulty/bias_forgotten.so"
expect 1 "look      backward: dweight (weight 1 as declared)" check "$planted/faulty/bias_forgotten.so"
expect 1 '"verdict": "fail", "check": "gradient", "subject": "gradient of weight' check --json "$planted/faulty/bias_forgotten.so"
expect 1 "built for plugin abi 2, this program has abi 1" check "$bad/wrong_abi.so"
expect 1 "SIGABRT" check "$planted/correct/ascends.so" "$bad/aborts.so"
expect 1 "correct/ascends.so: " check "$bad/aborts.so" "$planted/correct/ascends.so"
expect 1 "cannot be opened: No such file" check "$folder/absent.so"
expect 0 "ascends.so: 1 ok, 0 notes, 0 failed" check --only loads "$planted/correct/ascends.so"
expect 0 "option_clamped_inside.so: 3 ok, 1 note, 0 failed" check --only options "$planted/faulty/option_clamped_inside.so"
expect 0 "ok    the loss falls" check --only descent "$planted/correct/ascends.so"
expect 2 "there is no check 'decent' of optimizers (did you mean 'descent'?)" check --only decent "$planted/correct/ascends.so"
expect 2 "expected a number of seconds" check --limit soon "$planted/correct/ascends.so"
expect 1 "no end within 0.5 s in forward" check --limit 0.5 --only output "$planted/faulty/hangs.so"
expect 1 "takes 1 to 1 inputs" check --inputs "[8]; [8]" "$planted/correct/crashes.so"
expect 0 "input [9, 2]" check --inputs "[9, 2]" --options "{slope: 2}" "$planted/correct/crashes.so"

# Hidden and broken ones are shown, and the list goes on.
mkdir -p "$folder/mine/layers" "$folder/mine/optimizers"
cp "$1/plugins/layers/dense.so" "$folder/mine/dense.so"
expect 0 "not used: hidden by $folder/mine/dense.so" --dir "$folder/mine"
expect 0 "path       $folder/mine/dense.so" dense --dir "$folder/mine"
expect 0 "\"shadowed_by\": \"$folder/mine/dense.so\"" --json --dir "$folder/mine"
cp "$bad/no_symbol.so" "$folder/mine/layers/no_symbol.so"
cp "$bad/sound.so" "$folder/mine/optimizers/sound.so"
expect 1 "BROKEN: not a heft plugin" --dir "$folder/mine"
expect 1 "BROKEN: expected an optimizer, found a layer" --dir "$folder/mine"
expect 1 "layer        relu" --dir "$folder/mine"
expect 1 '"error": "not a heft plugin' --json --dir "$folder/mine"
expect 1 "not a heft plugin" no_symbol --dir "$folder/mine"

[ "$failures" = 0 ]
