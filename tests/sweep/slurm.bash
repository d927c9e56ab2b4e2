# slurm.bash -- Slurm on this machine alone, in a folder of its own; to be sourced.  Wants munged, slurmctld, slurmd, sbatch (Debian: slurmctld slurmd
# slurm-client munge) and root; nothing of a Slurm that may be set up here is touched.
#
#   slurm_there             can it be started?  If not, says why.
#   slurm_start DIR CPUS    one node with so many processors (more than there are is no harm), and two partitions: low, the default, whose jobs are
#                           preempted and requeued for those of high
#   slurm_stop
# shellcheck shell=bash

slurm_there() {
    local program
    for program in munged slurmctld slurmd sbatch squeue scancel scontrol; do
        command -v "$program" >/dev/null || { echo "no $program; Debian has it in slurmctld, slurmd, slurm-client, munge"; return 1; }
    done
    [ "$(id -u)" = 0 ] || { echo "slurmd wants root"; return 1; }
}

slurm_start() {
    local dir=$1 cpus=$2 controller=$((20000 + RANDOM % 5000)) i
    mkdir -p "$dir/state" "$dir/spool"
    chmod 755 "$dir"
    head -c 1024 /dev/urandom >"$dir/key"
    chmod 400 "$dir/key"
    cat >"$dir/slurm.conf" <<CONF
ClusterName=heft
SlurmctldHost=localhost
SlurmctldPort=$controller
SlurmdPort=$((controller + 5000))
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket,cred_expire=2
SlurmUser=$(id -un)
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1

PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=10
MinJobAge=2
NodeName=localhost CPUs=$cpus
PartitionName=low Nodes=localhost Default=YES PriorityTier=1 GraceTime=0 OverSubscribe=NO
PartitionName=high Nodes=localhost PriorityTier=10 PreemptMode=OFF OverSubscribe=NO
CONF
    printf 'CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n' >"$dir/cgroup.conf"
    export SLURM_CONF=$dir/slurm.conf
    slurm_pids=()
    local bound=(setpriv --pdeathsig KILL)           # they do not outlive the script, however it ends
    "${bound[@]}" munged --foreground --force --key-file="$dir/key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" --seed-file="$dir/munged.seed" \
        --log-file="$dir/munged.log" >/dev/null 2>&1 &
    slurm_pids+=($!)
    for ((i = 0; i < 50; i++)); do [ ! -S "$dir/munge.socket" ] || break; sleep 0.1; done
    "${bound[@]}" slurmctld -D -f "$dir/slurm.conf" >"$dir/slurmctld.out" 2>&1 &
    slurm_pids+=($!)
    "${bound[@]}" slurmd -D -f "$dir/slurm.conf" -N localhost >"$dir/slurmd.out" 2>&1 &
    slurm_pids+=($!)
    for ((i = 0; i < 100; i++)); do
        if sinfo -h -o %t 2>/dev/null | grep -qx idle; then return 0; fi
        sleep 0.2
    done
    tail -5 "$dir"/*.log "$dir"/*.out >&2
    slurm_stop
    return 1
}

slurm_stop() {
    scancel --user="$(id -un)" 2>/dev/null || true
    kill "${slurm_pids[@]}" 2>/dev/null || true
    wait "${slurm_pids[@]}" 2>/dev/null || true
}
