#!/bin/bash
# schema.sh BUILD_DIR SOURCE_DIR: every experiment of the tree is valid by `heft schema`, and mistakes are not.  Needs Python with
# jsonschema and yaml, or is skipped.
. "$(dirname "$0")/lib.bash"
tests=$source_dir/tests/end_to_end

expect 0 "$heft" schema
silent err
cp out schema.json
expect 2 "$heft" schema --dir absent
expect 2 "$heft" schema too many

# Plugins of another folder, and one that is broken.
mkdir mine
cp "$(dirname "$heft")/tests/planted/correct/crashes.so" mine/
echo damaged >mine/broken.so
expect 0 "$heft" schema --dir mine
says out '"layer-crashes"'
says err "left out: layer 'broken'"

python=
for p in python3 /usr/bin/python3; do
    [ -n "$python" ] || ! $p -c 'import jsonschema, yaml' 2>/dev/null || python=$p
done
if [ -z "$python" ]; then
    echo "schema: skipped: no Python with jsonschema and yaml (python3-jsonschema, python3-yaml)"
    exit 77
fi
expect 0 "$heft" plugins new layer my_layer
expect 0 "$heft" schema --dir mine
"$python" -W ignore "$tests/schema.py" schema.json "$source_dir"/experiments/*.yaml "$source_dir"/experiments/bench/*.yaml || die "schema.py"
echo "schema: ok"
