#!/bin/bash
# completion.sh BUILD_DIR SOURCE_DIR: what bash (and zsh, where it is installed) offers behind a half-typed command.
. "$(dirname "$0")/lib.bash"
PATH=$(dirname "$heft"):$PATH
expect 0 heft completion bash
silent err
cp out heft.bash
expect 0 heft completion zsh
cp out _heft
expect 2 heft completion fish
says err "shells are bash and zsh"
expect 2 heft completion
expect 0 heft completion plugins
says out dense
says out he_normal
expect 0 heft completion checks
says out gradient
says out descent

# offered WORDS...: what is offered behind them, one a line; the last is the half-typed one.
cat >offer.bash <<'SCRIPT'
. ./heft.bash
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_heft
printf '%s\n' "${COMPREPLY[@]}"
SCRIPT
offered() { bash offer.bash "$@" | sed 's/ $//' >got; }
offers() { local want=$1; shift; offered "$@"; grep -qxF -- "$want" got || { cat got; die "'$*' does not offer '$want'"; }; }
offers_no() { local want=$1; shift; offered "$@"; if grep -qxF -- "$want" got; then cat got; die "'$*' offers '$want'"; fi; }

mkdir folder
touch small.yaml other.txt mine.so folder/x.yaml last.h5
"$heft" help | sed -n 's/^  \([a-z]*\)  .*/\1/p' >verbs
while read -r verb; do offers "$verb" heft "${verb:0:2}"; done <verbs
offers_no plugins heft tr
offers --run heft train small.yaml --r
offers --resume heft train small.yaml --r
offers -j heft sweep small.yaml -
offers_no --resume heft eval --r
offers small.yaml heft train sm
offers folder/ heft train ''
offers folder/x.yaml heft train folder/
offers_no other.txt heft train ''
offers last.h5 heft show ''
offers dense heft plugins de
offers check heft plugins ch
offers mine.so heft plugins check mi
offers_no small.yaml heft plugins check ''
offers optimizer heft plugins new op
offers metric heft plugins new m
offers gradient heft plugins check mine.so --only gr
offers folder/ heft plugins --dir fo
offers zsh heft completion z
offers train heft help tr

if command -v zsh >/dev/null; then
    # A terminal in which a Tab is typed behind the words.
    cat >offer.zsh <<'SCRIPT'
zmodload zsh/zpty
zpty z "cd $PWD; PATH=$PATH TERM=dumb PS1= zsh -f -i"
zpty -w z "PS1=; unsetopt beep; LISTMAX=0; fpath=($PWD \$fpath); autoload -U compinit; compinit -u -d $PWD/dump; stty columns 200; zstyle ':completion:*' list-prompt ''; echo rea''dy"
zpty -r -m z got '*ready*' || exit 1
zpty -n -w z "$1"$'\t\t'
typeset all=
for i in {1..40}; do zpty -r -t z got && all+=$got; [[ $all == *$2* ]] && break; sleep 0.1; done
print -r -- $all
zpty -d z
SCRIPT
    for case in "heft tra:heft train" "heft train sm:small.yaml" "heft train --r:--resume" "heft plugins embe:embedding" "heft plugins new opt:optimizer"; do
        timeout 30 zsh -f offer.zsh "${case%%:*}" "${case#*:}" >got 2>&1 || true
        grep -qF -- "${case#*:}" got || { cat -v got; die "zsh: '${case%%:*}' does not offer '${case#*:}'"; }
    done
else
    echo "completion: zsh is not installed; bash alone was tried"
fi
echo "completion: ok"
