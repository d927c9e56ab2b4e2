#!/bin/bash
# tutorial.sh BUILD_DIR SOURCE_DIR: docs/plugins.md, followed literally, ends with a trained layer; it tells of every check.
. "$(dirname "$0")/lib.bash"
PATH=$(dirname "$heft"):$PATH
doc=$source_dir/docs/plugins.md
export C_INCLUDE_PATH=$source_dir/framework/include

# block LANGUAGE N: the Nth block of that language.
block() { awk -v fence="^\`\`\`$1\$" -v n="$2" '$0 ~ fence { i++; on = i == n; next } /^```/ { on = 0 } on' "$doc"; }
# follow N: the commands of the Nth block, up to the first that fails.
follow() { block sh "$1" >step.sh; [ -s step.sh ] || die "no step $1"; }

follow 1
expect 0 bash -e step.sh
block c 1 >snake/snake.c
follow 2
expect 0 bash -e step.sh
follow 3
expect 1 bash -e step.sh
block text 1 | head -3 >told                     # the figures may differ in their last places
while read -r line; do says out "$line"; done <told
follow 4
expect 0 bash -e step.sh
says out "44 ok, 1 note, 0 failed"
expect 0 heft gradcheck snake/snake.yaml "model.2={snake: {init: {a: zeros}}}"
follow 5
expect 0 bash -e step.sh
for run in snake with-relu; do
    expect 0 heft eval runs/$run-0001 --json
    says out accuracy
done
[ -n "$(block sh 6)" ] && die "a step that is not followed"
expect 0 heft plugins snake --dir snake
says out "of the wave at first"

heft completion checks | while read -r check; do
    grep -q "^| \`$check\` |" "$doc" || die "docs/plugins.md does not tell of the check '$check'"
done
echo "tutorial: ok"
