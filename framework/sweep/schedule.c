/* schedule.c -- running a sweep: decisions into processes, processes into results */
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "sweep/inside.h"
#include "train/signals.h"

static const double publish_every = 0.5;

typedef struct schedule_run {
    sweep    *w;
    launcher *l;
    const sweep_events *ev;
    int64_t order;
    int     n_running;
    trial  *running[MOST_AT_ONCE];
    bool    retry_failed;
    bool    changed;
    double  published;
    job     awaited;
    problems *pr;
} schedule_run;

/* ---- decisions ---- */

bool settled(const trial *t, int64_t wanted)
{
    if (t->state == TRIAL_FINISHED || t->state == TRIAL_FAILED) return true;
    return t->state != TRIAL_RUNNING && trial_epochs(t) >= wanted && (t->saved || t->state != TRIAL_WAITING);
}

static int64_t wanted_of(const job *j) { return j->until ? j->until : TO_THE_END; }

static int want(schedule_run *r, const job *j)
{
    for (int64_t k = 0; k < r->w->space->seeds; k++) {
        const int64_t before = r->w->n_trials;
        trial *t = sweep_trial(r->w, j, k, r->pr);
        if (!t) return -1;
        const bool new = r->w->n_trials > before;
        t = trial_real(t);
        if (new && r->retry_failed && t->state == TRIAL_FAILED) t->state = TRIAL_WAITING, t->reason = "", t->failures = 0, t->seconds = 0;
        if (wanted_of(j) <= t->wanted) continue;
        t->wanted = wanted_of(j);
        t->order = r->order++;
        if (new || !settled(t, t->wanted)) r->changed = true;
        if (new && t->taken && r->ev->taken) r->ev->taken(r->ev->context, r->w, t);
    }
    return 0;
}

/* The point's result, if all its trials are as far as the job goes.  It must be what it was when the job was first done, though
 * the trial may have gone on, ended or failed since: a later process makes all decisions again. */
static bool outcome(schedule_run *r, const job *j, result *out)
{
    double sum = 0;
    *out = (result){ .epochs = INT64_MAX, .finished = true };
    for (int64_t k = 0; k < r->w->space->seeds; k++) {
        const trial *t = trial_real(sweep_trial(r->w, j, k, r->pr));
        if (!settled(t, wanted_of(j))) return false;
        int64_t at = 0;
        const bool failed = t->state == TRIAL_FAILED && trial_epochs(t) < wanted_of(j);
        sum += failed ? NAN : trial_value(r->w, t, j->until, &at);
        if (at < out->epochs) out->epochs = at;
        out->finished &= failed || (t->state == TRIAL_FINISHED && trial_epochs(t) <= wanted_of(j));
    }
    out->value = sum / (double)r->w->space->seeds;
    return true;
}

/* As far as decisions can be made; 0: there is nothing left; -1 after a problem. */
static int decide(schedule_run *r)
{
    steer *s = r->w->steer;
    for (;;) {
        job j;
        result out;
        while (steer_begin(s, &j))
            if (want(r, &j) < 0) return -1;
        if (!steer_awaits(s, &r->awaited)) return 0;
        if (!outcome(r, &r->awaited, &out)) return 1;
        steer_report(s, &out);
    }
}

/* ---- processes ---- */

static bool runnable(const trial *t)
{
    return t->state != TRIAL_RUNNING && !settled(t, t->wanted) && !trial_busy(t);
}

/* What decisions wait for, then in the order of decisions. */
static trial *next_trial(const schedule_run *r)
{
    trial *best = NULL;
    for (int64_t i = 0; i < r->w->n_trials; i++) {
        trial *t = r->w->trial[i];
        if (t->same || !t->wanted || settled(t, t->wanted)) continue;
        if (t->point_number == r->awaited.number && runnable(t)) return t;
        if ((!best || t->order < best->order) && runnable(t)) best = t;
    }
    return best;
}

static void start_trials(schedule_run *r)
{
    trial *list[MOST_AT_ONCE];
    int n = 0;
    for (trial *t; r->n_running + n < r->l->at_once && (t = next_trial(r)); n++) {
        t->until = t->wanted;
        t->state = TRIAL_RUNNING;
        list[n] = t;
    }
    const int started = n ? r->l->start(r->l, n, list, r->pr) : 0;
    for (int i = started; i < n; i++) list[i]->state = TRIAL_WAITING;
    for (int i = 0; i < started; i++) {
        r->running[r->n_running++] = list[i];
        list[i]->attempts++;
        r->changed = true;
        if (r->ev->began) r->ev->began(r->ev->context, r->w, list[i]);
    }
}

static void take_end(schedule_run *r, trial *t, const ending *e)
{
    const bool exited = WIFEXITED(e->status);
    t->seconds += e->seconds;
    trial_read(t);
    if (exited && WEXITSTATUS(e->status) == 0) t->state = TRIAL_FINISHED;
    else if (exited && WEXITSTATUS(e->status) == 75 && trial_epochs(t) >= t->until) t->state = TRIAL_PAUSED;
    else if (ending_interrupted(e) && ++t->interruptions <= MOST_INTERRUPTIONS) t->state = TRIAL_WAITING;
    else if (++t->failures <= r->w->space->retry) {
        t->state = TRIAL_WAITING;
        t->seconds = 0;                          /* the time limit is of one try */
    } else {
        t->state = TRIAL_FAILED;
        t->reason = trial_reason(t, e, r->w->space->memory, r->w->memory);
    }
    r->changed = true;
    if (r->ev->ended) r->ev->ended(r->ev->context, r->w, t);
}

/* Others take the places of those that have ended before anybody looks at what these have come to. */
static void reap(schedule_run *r, bool go_on)
{
    trial *list[MOST_AT_ONCE];
    ending e[MOST_AT_ONCE] = { 0 };
    int n = 0;
    for (int i = 0; i < r->n_running;) {
        if (!r->l->ended(r->l, r->running[i], &e[n])) i++;
        else {
            list[n++] = r->running[i];
            r->running[i] = r->running[--r->n_running];
        }
    }
    if (n && go_on) start_trials(r);
    for (int i = 0; i < n; i++) take_end(r, list[i], &e[i]);
}

static void stop_all(schedule_run *r)
{
    if (r->n_running) r->l->stop(r->l, false);
    bool hard = false;
    for (const double from = clock_seconds(); r->n_running;) {
        wait_for_child(r->l->tick);
        reap(r, false);
        if (!hard && clock_seconds() - from > r->l->grace) r->l->stop(r->l, hard = true);
    }
}

/* ---- the loop ---- */

static int publish(schedule_run *r, bool now)
{
    if (!now && (!r->changed || clock_seconds() - r->published < publish_every)) return 0;
    r->changed = false;
    const int rc = sweep_publish(r->w, r->pr);
    r->published = clock_seconds();
    return rc;
}

/* A damaged table costs its times; trials are read from their runs. */
static void recall(sweep *w)
{
    problems damaged = { 0 };
    table_recall(w, &damaged);
    problems_free(&damaged);
}

sweep_end sweep_run(sweep *w, const sweep_options *o, const sweep_events *ev, problems *pr)
{
    schedule_run r = { .w = w, .ev = ev, .retry_failed = o->retry_failed, .pr = pr };
    const size_t problems_before = pr->n;
    recall(w);
    sigset_t before;
    watch_children(&before);
    int more = decide(&r);
    r.l = more < 0 ? NULL : o->slurm ? slurm_launcher(w, o, pr) : local_launcher(w, o, pr);
    if (!r.l) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        return SWEEP_BROKEN;
    }
    if (more > 0 && w->division.threads && ev->divided) ev->divided(ev->context, w);
    while (!signals_stop() && (more = decide(&r)) > 0 && pr->n == problems_before) {
        start_trials(&r);
        if (publish(&r, false) < 0) break;
        if (ev->tick) ev->tick(ev->context, w);
        wait_for_child(r.l->tick);
        reap(&r, !signals_stop());
    }
    stop_all(&r);
    const bool done = !signals_stop() && more == 0 && pr->n == problems_before;
    for (int64_t i = 0; i < w->n_trials; i++) {
        trial *t = w->trial[i];
        const bool further = t->state == TRIAL_FINISHED && trial_epochs(t) > t->wanted;      /* in the sweep it was taken from */
        if (done && !t->same && (t->state == TRIAL_PAUSED || t->state == TRIAL_WAITING || further)) t->state = TRIAL_STOPPED;
    }
    publish(&r, true);
    if (r.l->close) r.l->close(r.l);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pr->n > problems_before) return SWEEP_BROKEN;
    return done ? SWEEP_DONE : SWEEP_INTERRUPTED;
}
