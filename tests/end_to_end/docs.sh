#!/bin/bash
# docs.sh BUILD_DIR SOURCE_DIR: what README.md and docs/ show is true: examples pass `heft check`, tables name every key and verb.
. "$(dirname "$0")/lib.bash"
experiments=$source_dir/experiments

# block N FILE: the Nth example in YAML.
block() { awk -v n="$1" '/^```yaml/ { i++; next } /^```/ { if (i == n) exit; next } i == n' i=0 "$2"; }
block 1 "$source_dir/README.md" | sed 's/ *#.*//' >readme.yaml
grep -v '^#' "$experiments/houses.yaml" | sed 's/ *#.*//' | diff readme.yaml - >out || die "README.md shows another houses.yaml"

{ echo size,place,price; for i in $(seq 40); do echo "$i,$([ $((i % 3)) = 0 ] && echo town || echo village),$((3 * i))"; done; echo ,town,7; } >houses.csv
{ block 2 "$source_dir/README.md"; sed -n '/^model:/,$p' "$experiments/houses.yaml"; } >csv.yaml
expect 0 "$heft" check csv.yaml
says out "3 -> 1"

# Every experiment is sound but for data that are not here.
for f in "$experiments"/*.yaml; do
    status=0
    HEFT_DATA=$work "$heft" check "$f" >out 2>err || status=$?
    [ $status = 0 ] || ! grep 'error:' err | grep -qv 'there is no file' || die "$f"
done

# Every verb and every option of it.
"$heft" help >verbs.txt
sed -n 's/^  \([a-z]*\)  .*/\1/p' verbs.txt | while read -r verb; do
    row=$(grep "^| \`${verb}[ \`]" "$source_dir/docs/cli.md") || die "docs/cli.md has no verb $verb"
    "$heft" help "$verb" >options.txt
    sed -n 's/^  \(--[a-z-]*\).*/\1/p' options.txt | while read -r option; do
        [ "$option" = --help ] || grep -qF -- "$option" <<<"$row" || die "docs/cli.md: $verb has no $option"
    done
done
echo "docs: ok"
