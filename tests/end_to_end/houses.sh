#!/bin/bash
# houses.sh BUILD_DIR SOURCE_DIR: experiments/houses.yaml finds the true rule within 2 %, read from the checkpoint by HDF5's own tool.
. "$(dirname "$0")/lib.bash"

expect 0 "$heft" train "$source_dir/experiments/houses.yaml" --run run
checkpoint=$(newest run)
# The elements of a data set; its attributes come behind them.
numbers() { h5dump -y -m '%.17g' -d "$1" "$checkpoint" | sed -n '/^   DATA {/,/^   }/p' | grep -v '[{}]' | tr -s ', ' ' '; }

# Inputs were (x - mean) factor, prices (y - target_mean) / target_scale.  The effects of place are known but for a
# constant between them and the base; the rule's sum to zero.
{ numbers /layers/price/weight; numbers /layers/price/bias; numbers /data/mean; numbers /data/factor
  numbers /data/target_mean; numbers /data/target_scale; } | tr -s ' ' '\n' | sed '/^$/d' | awk '
    { v[NR] = $1 }
    END {
        if (NR != 24) { print NR " numbers, expected 24"; exit 1 }
        split("size rooms age centre harbour hills outskirts base", name)
        split("1.8 12 -0.6 60 25 -20 -65 40", truth)
        scale = v[24]
        found[8] = v[8] * scale + v[23]
        for (i = 1; i <= 7; i++) { found[i] = v[i] * v[15 + i] * scale; found[8] -= found[i] * v[8 + i] }
        for (i = 4; i <= 7; i++) shift += found[i] / 4
        for (i = 4; i <= 7; i++) found[i] -= shift
        found[8] += shift
        for (i = 1; i <= 8; i++) {
            error = (found[i] - truth[i]) / truth[i]
            if (error < 0) error = -error
            printf "%-10s true %7.3f  found %8.4f  error %.2f %%\n", name[i], truth[i], found[i], 100 * error
            if (error > 0.02) bad = 1
        }
        exit bad
    }' >found.txt || { cat found.txt; die "not within 2 %"; }
cat found.txt

# Prices come out in their own units, for houses that the model never saw.
echo 'size,rooms,age,place
100,4,40,harbour
200,1,0,outskirts' >new.csv
expect 0 "$heft" predict run --input new.csv
awk -F, 'NR == 2 && ($2 < 267 || $2 > 271) { exit 1 } NR == 3 && ($2 < 345 || $2 > 349) { exit 1 } END { exit NR != 3 }' out ||
    die "prices are not about 269 and 347"
echo "houses: ok"
