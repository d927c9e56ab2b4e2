#!/bin/bash
# report.sh BUILD_DIR SOURCE_DIR: heft report of a run, a sweep and a folder: a page that is well formed, needs nothing else, and says what
# its files say, whatever these hold.
. "$(dirname "$0")/lib.bash"

# What is in a page: every tag is closed in order, and nothing is loaded.  Prints how many curves, rows, bars and text it has.
cat >look.py <<'PY'
import html.parser, sys
class Page(html.parser.HTMLParser):
    void = {"meta", "br", "line"}
    def __init__(self):
        super().__init__()
        self.open, self.count, self.text, self.bad = [], {}, [], []
    def handle_startendtag(self, tag, attributes):
        for name, value in attributes:
            if name in ("src", "href") or name.startswith("on") or "url(" in (value or ""): self.bad.append(f"{tag} {name}={value}")
        for word in [tag] + ["." + c for n, v in attributes if n == "class" for c in v.split()]: self.count[word] = self.count.get(word, 0) + 1
    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in self.void: self.open.append(tag)
    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag: self.bad.append("/" + tag)
    def handle_data(self, data): self.text.append(data)
page = Page()
page.feed(open(sys.argv[1], encoding="utf-8").read())
if page.bad or page.open: sys.exit(f"{sys.argv[1]}: {page.bad} {page.open}")
print(*(f"{tag}={n}" for tag, n in sorted(page.count.items())))
print("".join(page.text))
PY
look() { python3 look.py "$1" >seen 2>err || die "$1: not well formed"; }
# has TAG N: the page has N of them.
has() { grep -qE "(^| )$1=$2( |\$)" seen || die "not $2 of $1: $(head -1 seen)"; }

cat >net.yaml <<YAML
name: net
seed: 1
data: {format: digits, validation: 0.2}
model: [flatten, {dense: {units: 8, activation: relu, name: hidden}}, {dense: {units: 10, name: scores}}]
loss: softmax_cross_entropy
metrics: [accuracy, confusion_matrix]
optimizer: {adam: {lr: 1e-2}}
train: {epochs: 3, batch: 64}
checkpoint: {every: 1, keep: 1}
plugins: [$1/tests/planted]
YAML

# One run: a drawing for each metric with its splits, a histogram for each tensor, the matrices.
expect 0 "$heft" train net.yaml --run one
expect 0 "$heft" report one
[ "$(cat out)" = one.html ] || die "the page's name is not printed"
look one.html
has figure 6
has .bins 4
has .matrix 2
! grep -q ' \.sort=' seen || die "a table of runs, of one run"
for word in "hidden/weight" "[256, 8]" "validation" "confusion_matrix/validation, epoch 3" '"command"' "optimizer:"; do says seen "$word"; done
cp one.html before.html
expect 0 "$heft" report one/ --output one.html
cmp one.html before.html || die "another page of the same run"

# One epoch; none; and a run whose checkpoint, metrics and provenance are damaged still has a page that says so.
expect 0 "$heft" train net.yaml train.epochs=1 --run short
expect 0 "$heft" report short
look short.html
has .dot 12
cp -r one hurt
for f in hurt/checkpoints/step-*.h5 hurt/metrics.h5; do printf x | dd of="$f" bs=1 seek=900 conv=notrunc status=none; done
rm hurt/provenance.json
expect 0 "$heft" report hurt
says err "hurt/metrics.h5"
look hurt.html
for word in "There are none: nothing was measured" "They cannot be shown: " "It cannot be shown: "; do says seen "$word"; done

# Names that are HTML.
nasty='<script>alert(1)</script>"'"'&"
expect 0 "$heft" train net.yaml --run "<b>&"
{ echo "name: '${nasty//\'/\'\'}'"; tail -n +2 one/experiment.yaml; } >"<b>&/experiment.yaml"
expect 0 "$heft" report "<b>&" --output nasty.html
look nasty.html
has script 1
! grep -q '<script>alert\|<b>' nasty.html || die "markup of a file is markup of the page"
says seen '<script>alert(1)</script>"'

# A sweep with failures, conditions and seeds: all of it.
cat >>net.yaml <<'YAML'
sweep:
  method: grid
  metric: {name: val_accuracy}
  seeds: 2
  parameters:
    optimizer: {values: [{adam: {lr: 1e-2}}, {sgd: {lr: 1e-1}}]}
    optimizer.adam.lr: {values: [1e-4, 1e-2], when: {optimizer: {adam: {lr: 1e-2}}}}
    model.hidden.activation: {values: [relu, nans]}
YAML
expect 0 "$heft" sweep net.yaml --run sweep
expect 0 "$heft" report sweep
look sweep.html
has .sort 1
has .parallel 1
says seen "12 runs, 6 points, by val_accuracy (more is better)"
says seen "failed: the loss is not a number"
[ "$(grep -o '<span class=bar' sweep.html | wc -l)" = 2 ] || die "not a bar for each setting that says something"
expect 0 "$heft" report sweep --metric val_loss --output loss.html
look loss.html
says seen "by val_loss (less is better)"

# A folder of runs; what is none.
mkdir some
cp -r one short some
expect 0 "$heft" report some
look some.html
says seen "2 runs, 2 points"
expect 2 "$heft" report nowhere
says err "there is no such directory"
expect 2 "$heft" report bin
mkdir empty
expect 2 "$heft" report empty
says err "there is no run in it"
expect 2 "$heft" report one --metric nonsense
expect 2 "$heft" report
expect 1 "$heft" report one --output nowhere/page.html
says err "nowhere/page.html: error: cannot be created"
[ ! -e nowhere ] || die "made a directory"
echo "report: ok"
