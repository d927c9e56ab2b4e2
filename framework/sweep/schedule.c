/* schedule.c -- running a sweep: decisions into processes, processes into results */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "compute/compute.h"
#include "sweep/inside.h"
#include "train/signals.h"

enum { MOST_CORES = 1024, MOST_INTERRUPTIONS = 20, MOST_AT_ONCE = 1024 };
static const double tick = 0.1, publish_every = 0.5, grace = 2, last_grace = 10;

typedef struct schedule_run {
    sweep  *w;
    const sweep_events *ev;
    int     at_once, threads, n_cores, core[MOST_CORES];
    limits  limits;
    int64_t order;
    int     n_running;
    trial  *running[MOST_AT_ONCE];   /* by slot; NULL: free */
    bool    retry_failed;
    bool    changed;
    double  published;
    job     awaited;
    int     refused;                 /* starts in a row that the system refused */
    problems *pr;
} schedule_run;

/* ---- decisions ---- */

static bool settled(const trial *t, int64_t wanted)
{
    return t->state == TRIAL_FINISHED || t->state == TRIAL_FAILED || (!t->pid && trial_epochs(t) >= wanted);
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
        if (!settled(t, t->wanted)) r->changed = true;
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
    return !t->same && !t->pid && t->wanted && !settled(t, t->wanted) && !trial_busy(t);
}

/* What decisions wait for, then in the order of decisions. */
static trial *next_trial(const schedule_run *r)
{
    trial *best = NULL;
    for (int64_t i = 0; i < r->w->n_trials; i++) {
        trial *t = r->w->trial[i];
        if (t->same || t->pid || !t->wanted || settled(t, t->wanted)) continue;
        if (t->point_number == r->awaited.number && runnable(t)) return t;
        if ((!best || t->order < best->order) && runnable(t)) best = t;
    }
    return best;
}

static void start_trials(schedule_run *r)
{
    while (r->n_running < r->at_once) {
        trial *t = next_trial(r);
        if (!t) return;
        int slot = 0;
        while (r->running[slot]) slot++;
        t->until = t->wanted;
        int core[MOST_CORES], n = r->threads < r->n_cores ? r->threads : r->n_cores;
        for (int i = 0; i < n; i++) core[i] = r->core[(slot * n + i) % r->n_cores];
        if (trial_start(t, &r->limits, n, core) < 0) {
            if (++r->refused == 100 && !r->n_running) problems_system(r->pr, t->dir, "its process cannot be started", errno);
            return;
        }
        r->refused = 0;
        t->slot = slot;
        r->running[slot] = t;
        r->n_running++;
        if (r->ev->began) r->ev->began(r->ev->context, r->w, t);
    }
}

/* Ended by somebody else, not by a fault of its own: it goes on from its checkpoint. */
static bool interrupted(int status)
{
    if (!WIFSIGNALED(status)) return WEXITSTATUS(status) == 75;
    const int s = WTERMSIG(status);
    return s == SIGKILL || s == SIGTERM || s == SIGINT || s == SIGHUP || s == SIGUSR1;
}

static void take_end(schedule_run *r, trial *t, int status, int64_t max_rss)
{
    r->running[t->slot] = NULL;
    r->n_running--;
    t->pid = 0;
    t->seconds += clock_seconds() - t->began;
    trial_read(t);
    const int64_t memory = r->limits.memory;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) t->state = TRIAL_FINISHED;
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 75 && trial_epochs(t) >= t->until) t->state = TRIAL_PAUSED;
    else if (!t->because && interrupted(status) && ++t->interruptions <= MOST_INTERRUPTIONS) t->state = TRIAL_WAITING;
    else if (++t->failures <= r->w->space->retry) {
        t->state = TRIAL_WAITING;
        t->seconds = 0;                          /* the time limit is of one try */
    } else {
        t->state = TRIAL_FAILED;
        t->reason = trial_reason(t, status, memory && max_rss > memory / 2, memory, r->w->memory);
    }
    r->changed = true;
    if (r->ev->ended) r->ev->ended(r->ev->context, r->w, t);
}

static void reap(schedule_run *r)
{
    for (int i = 0; i < r->at_once; i++) {
        trial *t = r->running[i];
        int status;
        int64_t max_rss;
        if (t && trial_ended(t, &status, &max_rss)) take_end(r, t, status, max_rss);
    }
}

static void check_time(schedule_run *r)
{
    const double limit = r->limits.seconds, now = clock_seconds();
    for (int i = 0; i < r->at_once && limit > 0; i++) {
        trial *t = r->running[i];
        if (!t) continue;
        const double spent = t->seconds + now - t->began;
        if (spent > limit && !t->sent) {
            t->because = arena_printf(r->w->memory, "took longer than its limit of %g s", limit);
            kill(t->pid, t->sent = SIGTERM);
        } else if (spent > limit + grace && t->sent != SIGKILL) kill(t->pid, t->sent = SIGKILL);
    }
}

static void wait_a_tick(void)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const struct timespec most = { 0, (long)(tick * 1e9) };
    sigtimedwait(&child, NULL, &most);
}

static void stop_all(schedule_run *r)
{
    for (int i = 0; i < r->at_once; i++)
        if (r->running[i]) kill(r->running[i]->pid, SIGTERM);
    for (const double from = clock_seconds(); r->n_running;) {
        wait_a_tick();
        reap(r);
        if (clock_seconds() - from > last_grace)
            for (int i = 0; i < r->at_once; i++)
                if (r->running[i]) kill(r->running[i]->pid, SIGKILL);
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

static int prepare(schedule_run *r, const sweep_options *o)
{
    r->n_cores = cores_list(MOST_CORES, r->core);
    compute_init(0, COMPUTE_F32);
    if (r->n_cores > compute_threads()) r->n_cores = compute_threads();      /* a quota of the container */
    if (r->n_cores < 1) r->n_cores = 1;
    r->threads = o->threads > 0 ? o->threads : 1;
    r->at_once = o->at_once > 0 ? o->at_once : r->n_cores / r->threads;
    if (r->at_once < 1) r->at_once = 1;
    if (r->at_once > MOST_AT_ONCE) r->at_once = MOST_AT_ONCE;
    r->limits = (limits){ r->w->space->seconds, r->w->space->memory };
    return table_recall(r->w, r->pr);
}

sweep_end sweep_run(sweep *w, const sweep_options *o, const sweep_events *ev, problems *pr)
{
    schedule_run r = { .w = w, .ev = ev, .retry_failed = o->retry_failed, .pr = pr };
    problems damaged = { 0 };
    r.pr = &damaged;
    prepare(&r, o);                              /* a damaged table costs its times; trials are read from their runs */
    problems_free(&damaged);
    r.pr = pr;
    sigset_t child, before;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    signals_install();
    int more = 0;
    const size_t problems_before = pr->n;
    while (!signals_stop() && (more = decide(&r)) > 0 && pr->n == problems_before) {
        start_trials(&r);
        if (publish(&r, false) < 0) break;
        if (ev->tick) ev->tick(ev->context, w);
        wait_a_tick();
        reap(&r);
        check_time(&r);
    }
    stop_all(&r);
    const bool done = !signals_stop() && more == 0 && pr->n == problems_before;
    for (int64_t i = 0; i < w->n_trials; i++) {
        trial *t = w->trial[i];
        if (done && !t->same && (t->state == TRIAL_PAUSED || t->state == TRIAL_WAITING)) t->state = TRIAL_STOPPED;
    }
    publish(&r, true);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pr->n > problems_before) return SWEEP_BROKEN;
    return done ? SWEEP_DONE : SWEEP_INTERRUPTED;
}
