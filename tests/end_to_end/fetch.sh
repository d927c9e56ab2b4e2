#!/bin/bash
# fetch.sh BUILD_DIR SOURCE_DIR: experiments/fetch_data.sh against a server on loopback.
#
# The files are tiny fakes; the script is a copy whose digests are those of the fakes.
set -euo pipefail
source_dir=$2
work=$(mktemp -d)
server=
cleanup() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT
cd "$work"

die() { echo "FAILED: $*" >&2; [ ! -e out ] || sed 's/^/    /' out >&2; exit 1; }
# expect STATUS TEXT COMMAND...: it exits so, and its output holds the text.
expect() {
    local status=0 want=$1 says=$2
    shift 2
    "$@" >out 2>&1 </dev/null || status=$?
    [ "$status" = "$want" ] || die "$*: exit status $status, expected $want"
    grep -qF -- "$says" out || die "$*: does not say '$says'"
}
nothing_in() { [ -z "$(find "$1" -type f 2>/dev/null)" ] || die "$1 holds $(find "$1" -type f)"; }

# The fakes.
mkdir -p web/mnist web/housing web/shakespeare web/cifar10 cifar-10-batches-bin
for f in train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte; do
    echo "$f" | gzip -n >web/mnist/$f.gz
done
seq 1 20000 >web/housing/housing.csv
echo "to be or not to be" >web/shakespeare/input.txt
for i in 1 2 3 4 5; do echo "batch $i" >cifar-10-batches-bin/data_batch_$i.bin; done
echo test >cifar-10-batches-bin/test_batch.bin
echo cat >cifar-10-batches-bin/batches.meta.txt
tar -czf web/cifar10/cifar-10-binary.tar.gz cifar-10-batches-bin

# The copy.
mkdir script
fetch=script/fetch_data.sh
cp "$source_dir/experiments/fetch_data.sh" $fetch
for f in web/*/*; do
    name=$(basename "$f") digest=$(sha256sum <"$f" | cut -d' ' -f1)
    grep -q "[0-9a-f]\{64\} $name" $fetch || die "no digest of $name in fetch_data.sh"
    sed -i "s/[0-9a-f]\{64\} $name/$digest $name/" $fetch
done

# A server that goes on where a client asks it to, and breaks off in the middle of a file while ./break-off exists.
cat >serve.py <<'PYTHON'
import http.server, os, re
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        path = "web" + self.path
        if not os.path.isfile(path):
            return self.send_error(404)
        data, first = open(path, "rb").read(), 0
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and not os.path.exists("no-ranges"):
            first = int(asked[1])
            if first >= len(data):
                return self.send_error(416)
        self.send_response(206 if asked and not os.path.exists("no-ranges") else 200)
        if asked and not os.path.exists("no-ranges"):
            self.send_header("Content-Range", "bytes %d-%d/%d" % (first, len(data) - 1, len(data)))
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        self.wfile.write(data[first:first + 1000] if os.path.exists("break-off") else data[first:])
        open("requests", "a").write("%s %d\n" % (self.path, first))
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
open("port.new", "w").write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
PYTHON
python3 serve.py &
server=$!
for _ in $(seq 100); do [ ! -e port ] || break; sleep 0.1; done
HEFT_MIRROR=http://127.0.0.1:$(cat port)
export HEFT_MIRROR HEFT_DATA=$work/data
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY

# The command line.
expect 2 "unknown data set 'mnits'; sets are mnist, cifar10, housing, shakespeare, all" $fetch mnits
expect 2 "usage:" $fetch
nothing_in data

# Everything, and again.
expect 0 "housing.csv: ok" $fetch all
for f in mnist/train-images-idx3-ubyte.gz mnist/t10k-labels-idx1-ubyte.gz housing/housing.csv shakespeare/input.txt; do
    cmp "web/$f" "data/$f" || die "data/$f differs"
done
for f in cifar-10-batches-bin/*; do cmp "$f" "data/cifar10/$(basename "$f")" || die "$f differs"; done
[ "$(find data -type f | wc -l)" = 13 ] || die "left behind: $(find data -type f)"
rm requests
expect 0 "is there already" $fetch all
[ ! -e requests ] || die "what was there was fetched again"

# Another version of a file is kept.
echo mine >data/housing/housing.csv
expect 0 "is not the published file" $fetch housing
grep -q mine data/housing/housing.csv || die "the user's file was replaced"
rm -r data

# A wrong digest: refused with both, and nothing left.
cp web/housing/housing.csv right.csv
echo tampered >>web/housing/housing.csv
expect 1 "expected $(sha256sum <right.csv | cut -d' ' -f1)" $fetch housing
nothing_in data/housing
cp right.csv web/housing/housing.csv

# Interrupted: no file of that name, but the next time goes on where this one stopped.
touch break-off
expect 1 "housing.csv could not be had from http://127.0.0.1" $fetch housing
[ ! -e data/housing/housing.csv ] || die "an incomplete file got its name"
rm break-off requests
expect 0 "housing.csv: ok" $fetch housing
cmp web/housing/housing.csv data/housing/housing.csv || die "resumed wrongly"
grep -q "housing.csv 1000" requests || die "not resumed: $(cat requests)"

# What was left is of something else, or too long, or the server cannot go on: from the start.
for case in wrong long no-ranges; do
    rm -r data
    mkdir -p data/housing
    case $case in
        wrong) seq 5 >data/housing/.housing.csv.part ;;
        long) seq 50000 >data/housing/.housing.csv.part ;;
        no-ranges) touch no-ranges; head -c 500 web/housing/housing.csv >data/housing/.housing.csv.part ;;
    esac
    expect 0 "housing.csv: ok" $fetch housing
    cmp web/housing/housing.csv data/housing/housing.csv || die "$case: resumed wrongly"
done
rm no-ranges

# Not there, and nobody there; the other sets are fetched all the same.
rm -r data web/housing/housing.csv
expect 1 "housing.csv could not be had from" $fetch housing shakespeare
nothing_in data/housing
[ -e data/shakespeare/input.txt ] || die "a failure of one set stopped the next"
HEFT_MIRROR=http://127.0.0.1:1 expect 1 "could not be had from http://127.0.0.1:1/mnist" $fetch mnist
nothing_in data/mnist

# The script as it is knows other digests than those of the fakes.
expect 1 "SHA-256 is" "$source_dir/experiments/fetch_data.sh" mnist
nothing_in data/mnist
echo "fetch: ok"
