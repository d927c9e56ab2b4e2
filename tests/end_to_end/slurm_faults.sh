#!/bin/bash
# slurm_faults.sh BUILD_DIR SOURCE_DIR: what a sweep through Slurm does when Slurm fails: a node is lost, sbatch is out of service, a job is
# preempted, squeue never answers.  Slurm is played by scripts that run jobs here; the four cases wait at the same time.
. "$(dirname "$0")/lib.bash"
end_all() {
    local p
    # shellcheck disable=SC2046  # a word each
    kill $(jobs -p) 2>/dev/null || true
    for p in */queue/*.*[0-9]; do [ ! -s "$p" ] || kill -KILL -- "-$(cut -d' ' -f4 "$p")" 2>/dev/null || true; done
    rm -rf "$work"
}
trap end_all EXIT

table_of() { h5dump -m '%.17g' -d /trials -d /run -d /state -d /reason "$1/sweep.h5" | tail -n +2 | sha256sum; }

# A job is a file of queue/, named by its ids: name, index, id, process group, and in a file beside it its command.
mkdir bin
cat >bin/sbatch <<'SH2'
#!/bin/bash
if [ -s "$FAKE/outage" ]; then
    n=$(<"$FAKE/outage")
    [ "$n" = 1 ] && rm "$FAKE/outage" || echo $((n - 1)) >"$FAKE/outage"
    echo "sbatch: error: Unable to contact slurm controller (connect failure)" >&2
    exit 1
fi
for ((; $#; )); do
    case $1 in
        --job-name=*) name=${1#*=} ;;
        --array=*) last=${1#*-*-*-} ;;
        --output=*) output=${1#*=} ;;
        --*) ;;
        *) break ;;
    esac
    shift
done
echo submitted >>"$FAKE/submissions"
id=$(wc -l <"$FAKE/submissions")
for ((i = 0; i <= last; i++)); do
    export SLURM_ARRAY_TASK_ID=$i SLURM_JOB_ID=$id.$i
    setsid "$(dirname "$0")/job" "$name" $i "$id" "${output//%a/$i}" "$@" >/dev/null 2>&1 </dev/null &
done
echo "$id"
SH2
cat >bin/job <<'SH2'
#!/bin/bash
file=$FAKE/queue/$3.$2
echo "$1 $2 $3 $$" >"$file"
output=$4
shift 4
trap : USR1 TERM
while [ -e "$FAKE/hold" ]; do sleep 0.1; done
while :; do
    rm -f "$file.again"
    sh "$@" >>"$output" 2>&1 &
    echo $! >"$file.task"
    while ! wait $! && kill -0 $! 2>/dev/null; do :; done
    [ -e "$file.again" ] || break
done
rm -f "$file" "$file.task"
SH2
cat >bin/squeue <<'SH2'
#!/bin/bash
echo looked >>"$FAKE/looks"
[ ! -e "$FAKE/silent" ] || exec sleep 1000
for f in "$FAKE"/queue/*.*[0-9]; do [ ! -e "$f" ] || cut -d' ' -f1-3 "$f"; done
SH2
cat >bin/scontrol <<'SH2'
#!/bin/bash
[ "$1" = requeue ] && touch "$FAKE/queue/$2.again" && echo requeued >>"$FAKE/requeues"
SH2
cat >bin/scancel <<'SH2'
#!/bin/bash
for id; do for f in "$FAKE/queue/$id".*[0-9]; do [ ! -e "$f" ] || kill -TERM "$(<"$f.task")"; done; done
SH2
chmod +x bin/*

cat >net.yaml <<'YAML'
name: net
data: {format: houses, samples: 2000, validation: 0.2, normalize: standard, normalize_target: standard}
model: [{dense: {units: 8, activation: relu}}, {dense: {units: 1}}]
loss: mean_squared_error
optimizer: {adam: {lr: 1e-3}}
train: {epochs: 60, batch: 2}
checkpoint: {every: 1, keep: 1}
sweep:
  method: random
  metric: {name: val_loss}
  trials: 4
  parameters: {optimizer.adam.lr: {min: 1e-5, max: 1e-2, distribution: log_uniform}}
YAML

# begin CASE WORDS...: a sweep in CASE/dir through the Slurm of CASE.
begin() {
    local name=$1
    shift
    mkdir -p "$name/queue"
    PATH=$work/bin:$PATH FAKE=$work/$name "$heft" sweep net.yaml --run "$name/dir" --share none --launcher slurm --poll 2 "$@" >"$name/out" 2>"$name/err" </dev/null &
    pid=$!
}
# until SECONDS COMMAND...: it succeeds.
until_true() {
    local most=$1
    shift
    for ((i = 0; i < 10 * most; i++)); do
        "$@" 2>/dev/null && return
        sleep 0.1
    done
    die "$*: not within $most s"
}
saved() { [ -n "$(find "$1/dir/trials" -name latest 2>/dev/null)" ]; }
# ends CASE PID: well, with the table of a sweep on this machine.
ends() {
    local status=0
    wait "$2" || status=$?
    cp "$1/out" out && cp "$1/err" err
    [ $status = 0 ] || die "$1: exit status $status"
    [ "$here" = "$(table_of "$1/dir")" ] || die "$1: another table"
}

expect 0 "$heft" sweep net.yaml --run here -j 2 --threads 1 --share none
here=$(table_of here)

begin lost -j 2
lost=$pid
begin outage -j 1
outage=$pid
begin preempted -j 2
preempted=$pid
mkdir silent
touch silent/hold                            # jobs wait until it was said that squeue is silent
begin silent -j 1
silent=$pid

until_true 60 test -s silent/submissions
touch silent/silent

# A node is gone: its job leaves the queue without a word.
until_true 60 saved lost
gone=$(find lost/queue -name '1.0')
[ -n "$gone" ] || die "lost: no job is there to be lost"
kill -KILL -- "-$(cut -d' ' -f4 "$gone")"
rm -f "$gone" "$gone.task"

# sbatch fails twice, after it has worked once.
until_true 60 test -s outage/submissions
echo 2 >outage/outage

until_true 60 saved preempted
for task in preempted/queue/*.task; do kill -USR1 "$(<"$task")"; done

until_true 90 grep -q "no answer" silent/err
rm silent/hold

ends preempted $preempted
[ "$(wc -l <preempted/requeues)" -gt 0 ] || die "preempted: no job was put back"
ends outage $outage
[ ! -e outage/outage ] || die "outage: sbatch was not asked again"
ends lost $lost
[ "$(wc -l <lost/submissions)" -gt 2 ] || die "lost: nothing was submitted again"
ends silent $silent
says err "squeue: error: no answer within 4 s"
says err "jobs that vanish are not noticed until it answers"
[ "$(grep -c 'no answer' err)" = 1 ] || die "silent: said more than once"

# From the beginning: nothing is submitted.
mkdir -p never/queue
echo 1 >never/outage
PATH=$work/bin:$PATH FAKE=$work/never expect 1 "$heft" sweep net.yaml --run never/dir --share none --launcher slurm
says err "Unable to contact slurm controller"
echo "slurm_faults: ok"
