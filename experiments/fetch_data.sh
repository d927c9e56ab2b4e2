#!/bin/bash
# fetch_data.sh NAME ...: get public data sets: mnist, cifar10, housing, shakespeare, or all.
#
# They go to $HEFT_DATA/NAME (data/NAME if HEFT_DATA is not set), where the experiments look for them.  A file gets its name only after
# its SHA-256 was found right; what was interrupted goes on where it stopped.  HEFT_MIRROR=URL takes URL/NAME/FILE instead of the public addresses.
set -euo pipefail

sets=(mnist cifar10 housing shakespeare)
known="mnist, cifar10, housing, shakespeare, all"

# The SHA-256 and name of every file of a set, as its publishers made it.
files_of() {
    case $1 in
        mnist) cat <<'LIST'
440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609 train-images-idx3-ubyte.gz
3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c train-labels-idx1-ubyte.gz
8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6 t10k-images-idx3-ubyte.gz
f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6 t10k-labels-idx1-ubyte.gz
LIST
            ;;
        cifar10) echo c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd cifar-10-binary.tar.gz ;;
        housing) echo 8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e housing.csv ;;
        shakespeare) echo 86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed input.txt ;;
    esac
}

# Addresses in front of the file's name, tried in order.
mirrors_of() {
    if [ -n "${HEFT_MIRROR:-}" ]; then
        echo "${HEFT_MIRROR%/}/$1"
        return
    fi
    case $1 in
        mnist) echo https://ossci-datasets.s3.amazonaws.com/mnist https://storage.googleapis.com/cvdf-datasets/mnist \
                    https://raw.githubusercontent.com/fgnt/mnist/master ;;
        cifar10) echo https://www.cs.toronto.edu/~kriz https://cave.cs.toronto.edu/kriz \
                      https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10 ;;
        housing) echo https://raw.githubusercontent.com/ageron/handson-ml2/master/datasets/housing \
                      https://raw.githubusercontent.com/ageron/handson-ml/master/datasets/housing ;;
        shakespeare) echo https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare ;;
    esac
}

fail() { echo "fetch_data.sh: error: $*" >&2; exit 1; }
note() { echo "fetch_data.sh: $*" >&2; }

# Download $1, going on where the file $2 stops.  33: the server cannot go on there.
get() {
    local status=0 code
    if command -v curl >/dev/null; then
        code=$(curl --fail --location --silent --show-error --connect-timeout 20 --speed-limit 1 --speed-time 60 \
                    --write-out '%{http_code}' --continue-at - --output "$2" "$1") || status=$?
        [ "$code" = 416 ] && status=33
    else
        wget --no-verbose --tries=1 --timeout=60 --continue --output-document="$2" "$1" || status=$?
    fi
    return $status
}

has_digest() { [ -e "$1" ] && [ "$(sha256sum <"$1")" = "$2  -" ]; }

# Get $1 into $2, which must then have digest $3.  What is of no use is removed, what can be gone on with is kept.
attempt() {
    local status=0
    note "getting $1"
    get "$1" "$2" || status=$?
    if [ $status = 0 ]; then
        has_digest "$2" "$3" && return 0
        note "$1: SHA-256 is $(sha256sum <"$2" | cut -d' ' -f1), expected $3"
        rm -f "$2"
    elif [ $status = 33 ] || [ ! -s "$2" ]; then
        rm -f "$2"
    fi
    return 1
}

# The file $2 of set $1, with digest $3, into the directory $4.
fetch_file() {
    local set=$1 name=$2 digest=$3 dir=$4 part=$4/.$2.part mirror resumed
    if ! has_digest "$part" "$digest"; then
        for mirror in $(mirrors_of "$set"); do
            resumed=false
            [ -e "$part" ] && resumed=true
            attempt "$mirror/$name" "$part" "$digest" && break
            # What an earlier try left was of no use here: once more from the start.
            if $resumed && [ ! -e "$part" ]; then
                attempt "$mirror/$name" "$part" "$digest" && break
            fi
        done
        has_digest "$part" "$digest" || return 1
    fi
    mv "$part" "$dir/$name"
}

# The archive was checked; its files are moved into place one by one, test_batch.bin last: where it is, all are.
unpack_cifar10() {
    local dir=$1 aside=$1/.unpack name
    rm -rf "$aside"
    mkdir "$aside"
    tar -xzf "$dir/cifar-10-binary.tar.gz" -C "$aside" --strip-components=1
    for name in batches.meta.txt data_batch_{1,2,3,4,5}.bin test_batch.bin; do
        mv "$aside/$name" "$dir/$name"
    done
    rm -rf "$aside" "$dir/cifar-10-binary.tar.gz"
}

fetch_set() {
    local set=$1 dir=$root/$1 digest name
    mkdir -p "$dir"
    if [ "$set" = cifar10 ] && [ -e "$dir/test_batch.bin" ]; then
        note "$dir is there already"
        return 0
    fi
    while read -r digest name; do
        if [ -e "$dir/$name" ]; then
            # The set may also come from elsewhere, in a version of its own: that is the user's to decide.
            if has_digest "$dir/$name" "$digest"; then note "$dir/$name is there already"
            else note "$dir/$name is there already, but is not the published file; remove it to get that"; fi
            continue
        fi
        fetch_file "$set" "$name" "$digest" "$dir" </dev/null || {
            note "error: $name could not be had from $(mirrors_of "$set" | sed 's/ / nor /g')"
            return 1
        }
        note "$dir/$name: ok"
    done < <(files_of "$set")
    [ "$set" != cifar10 ] || unpack_cifar10 "$dir"
}

wanted=()
for name in "$@"; do
    case " ${sets[*]} all " in
        *" $name "*) ;;
        *) echo "fetch_data.sh: error: unknown data set '$name'; sets are $known" >&2; exit 2 ;;
    esac
    if [ "$name" = all ]; then wanted+=("${sets[@]}"); else wanted+=("$name"); fi
done
if [ ${#wanted[@]} = 0 ]; then
    echo "usage: experiments/fetch_data.sh NAME ...; sets are $known" >&2
    exit 2
fi
command -v curl >/dev/null || command -v wget >/dev/null || fail "neither curl nor wget is installed (apt-get install curl)"

# Like the experiments' data.root: under $HEFT_DATA, else data/ beside README.md.
root=${HEFT_DATA:-$(dirname "$0")/../data}
status=0
for name in "${wanted[@]}"; do fetch_set "$name" || status=1; done
[ $status != 0 ] || [ -n "${HEFT_DATA:-}" ] || note "the experiments find them after: export HEFT_DATA=$(cd "$root" && pwd)"
exit $status
