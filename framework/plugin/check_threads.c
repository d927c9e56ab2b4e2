/* check_threads.c -- lanes at the same time: on several threads, and one in the middle of another
 *
 * Threads meet only if the machine has processors to spare.  A timer does not depend on that: it interrupts a call at any
 * of its instructions, and the handler makes whole calls on another instance's buffers, as another thread might have.
 */
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "base/clock.h"
#include "plugin/check_inside.h"

static const int64_t many_lanes[] = { 2, 2, 2, 1, 3, 2, 2, 2, 1, 3, 2, 2, 2, 1, 3, 2, 0 };

static void check_parallel(check *c, const check_case *k)
{
    enum { LEAST = 4 };
    rig *h = case_open(c, k, many_lanes);
    if (!h) return;
    const uint64_t serial = hash_of_pass(h, true);
    const double end = clock_seconds() + 0.002;
    bool same = true;
    h->parallel = true;
    for (int i = 0; same && (i < LEAST || clock_seconds() < end); i++) same = hash_of_pass(h, true) == serial;
    check_that(c, same, "lanes on several threads give the bits of lanes one by one", "the same bits", "static buffers; "
               "what is written but is neither out, din, dweight, saved, scratch nor tally of the lane",
               "other bits with 16 lanes on 4 threads");
    rig_close(h);
}

/* ---- interrupts ---------------------------------------------------------------- */

/* The handler has no other way to what it runs; set while the timer is. */
static struct intruder { rig *h; volatile sig_atomic_t calls; } intruder;

static void intrude(int signal)
{
    (void)signal;
    rig *h = intruder.h;
    if (!h) return;
    rig_forward_lane(h, 0, true);
    if (h->layer->backward) rig_backward_lane(h, 0, h->lane[0].dweight);
    intruder.calls++;
}

/* Once: a period shorter than the calls would leave no time for anything else. */
static void set_timer(long microseconds)
{
    const struct itimerval once = { { 0, 0 }, { 0, microseconds } };
    setitimer(ITIMER_REAL, &once, NULL);
}

static void clear_dweight(rig *h)
{
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) memset(h->lane[0].dweight[i], 0, rig_weight_count(h, i) * sizeof(float));
}

static uint64_t hash_of_call(rig *h)
{
    uint64_t sum = HASH_START;
    clear_dweight(h);
    rig_forward_lane(h, 0, true);
    if (h->layer->backward) rig_backward_lane(h, 0, h->lane[0].dweight);
    sum = hash_bytes(sum, h->out, rig_out_count(h) * sizeof(float));
    for (int i = 0; i < h->plan.n_in && h->layer->backward; i++)
        if (has_din(h, i)) sum = hash_bytes(sum, h->din[i], rig_in_count(h, i) * sizeof(float));
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) sum = hash_bytes(sum, h->lane[0].dweight[i], rig_weight_count(h, i) * sizeof(float));
    return sum;
}

/* Calls of one instance, interrupted by calls of another with other values. */
static void check_interrupted(check *c, const check_case *k)
{
    enum { INTERRUPTS = 30 };
    rig *one = case_open(c, k, whole_lane), *two = one ? case_open(c, k, whole_lane) : NULL;
    if (two) {
        rig_fill(two, 9);
        (void)hash_of_pass(one, true);           /* surveys and their totals */
        (void)hash_of_pass(two, true);
        const uint64_t usual = hash_of_call(one);
        const double end = clock_seconds() + 0.05;
        bool same = true;
        intruder.h = two;
        for (int i = 0; same && i < INTERRUPTS && clock_seconds() < end; i++) {
            intruder.calls = 0;
            set_timer(20 + 37 * i % 100);
            while (same && !intruder.calls && clock_seconds() < end) same = hash_of_call(one) == usual;
        }
        set_timer(0);
        intruder.h = NULL;
        check_that(c, same, "a call is not disturbed by one that runs meanwhile", "the same bits",
                   "static buffers; what is written but is neither out, din, dweight, saved, scratch nor tally of the lane",
                   "other bits when forward or backward is interrupted by a whole call on other buffers");
    }
    if (one) rig_close(one);
    if (two) rig_close(two);
}

/* Time is spent on a few inputs, and on the options that choose another way through the code. */
static bool takes_part(const check_case *k, int *inputs)
{
    enum { MOST_KINDS = 3 };
    if (!k->other) return ++*inputs <= MOST_KINDS;
    return *inputs <= 1 && (k->other->type == HEFT_BOOL || k->other->type == HEFT_ENUM);
}

void check_threads(check *c)
{
    cases_make(c);
    const struct sigaction act = { .sa_handler = intrude, .sa_flags = (int)SA_RESTART };
    sigaction(SIGALRM, &act, NULL);
    int inputs = 0;
    for (size_t k = 0; k < c->n_cases; k++)      /* first: the process has one thread */
        if (takes_part(&c->cases[k], &inputs)) check_interrupted(c, &c->cases[k]);
    inputs = 0;
    for (size_t k = 0; k < c->n_cases; k++)
        if (takes_part(&c->cases[k], &inputs)) check_parallel(c, &c->cases[k]);
}
