/* The test of the tester: planted faults are found by the check that is meant for them, and their correct twins pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "plugin/check.h"

#define PLANTED BUILD_DIR "/tests/planted/"

/* What must fail, and a word of what is said of it; a word of the case or of where to look where that is the point. */
typedef struct planted { const char *name, *check, *says; } planted;

#ifdef __SANITIZE_ADDRESS__
#define CRASH "ended the process with status 1 in backward"
#else
#define CRASH "crashed by signal 11 (SIGSEGV) in backward, which used a NULL pointer"
#endif

static const planted faults[] = {
    { "input_gradient_wrong",  "gradient", "gradient of input 0" },
    { "weight_gradient_wrong", "gradient", "gradient of weight 'weight'" },
    { "option_in_gradient",    "gradient", "{slope: 0.75}" },
    { "bias_forgotten",        "gradient", "gradient of weight 'bias'" },
    { "bias_forgotten",        "gradient", "is it written at all?" },
    { "dweight_overwritten",   "backward", "dweight of 'weight' is added to (+=)" },
    { "last_sample",           "backward", "dweight of 'bias' is added to (+=)" },
    { "din_added",             "poison",   "din is overwritten, not added to" },
    { "out_added",             "poison",   "output is overwritten, not added to" },
    { "static_counter",        "again",    "the same call gives the same bits again" },
    { "static_counter",        "file",     "the variable 'calls' of 4 bytes" },
    { "static_buffer",         "threads",  "a call is not disturbed by one that runs meanwhile" },
    { "past_end",              "memory",   "forward wrote past the end of out" },
    { "scratch_unwritten",     "poison",   "scratch is written before it is read" },
    { "saved_unwritten",       "poison",   "saved is written before it is read" },
    { "lane_position",         "lanes",    "out is the same when the minibatch is cut in two" },
    { "sample_in_lane",        "lanes",    "in training" },
    { "neighbour",             "order",    "does not depend on its neighbours" },
    { "clock_seed",            "file",     "'timespec_get' is called" },
    { "clock_seed",            "again",    "the same call gives the same bits again" },
    { "option_at_bound",       "options",  "option 'slope' has its effect at 0" },
    { "option_clamped",        "options",  "something else at 2 than at its default, as there is at 1.9765625" },
    { "option_clamped_at_default", "options", "something else at 2 than at its default, as there is at 0.4921875" },
    { "option_ignored",        "options",  "no pass that read the field" },
    { "option_in_training",    "options",  "no pass that read the field" },
    { "option_of_second_input", "options", "no pass that read the field" },
    { "option_of_long_inputs", "options",  "no pass that read the field" },
    { "option_after",          "options",  "no pass that read the field" },
    { "option_threshold",      "options",  "something else at 100000 than at its default, as there is at 19703.125" },
    { "option_window",         "options",  "something else at 4096 than at its default, as there is at 2" },
    { "option_full_turn",      "options",  "something else at 1 than at its default, as there is at 0.984375" },
    { "option_quarter_turns",  "options",  "something else at 0 than at its default, as there is at 1" },
    { "nan_at_zero",           "values",   "inputs that are zeros" },
    { "nan_swallowed",         "values",   "NaN is not swallowed" },
    { "overflow",              "values",   "inputs that are large numbers (1e4)" },
    { "instance_cast",         "memory",   "forward changed the instance" },
    { "recompute_skipped",     "recompute", "a second forward gives the same output" },
    { "recompute_saved",       "recompute", "backward after a second forward gives the same gradients" },
    { "recompute_tally",       "recompute", "a second forward adds to no tally" },
    { "recompute_counted",     "plan",     "'right' is HEFT_TALLY without" },
    { "input_written",         "memory",   "inputs, weights, state and dout are the same after every pass" },
    { "crashes",               "backward", CRASH },
    { "crashes",               "backward", "crashes, input [8], samples 3+4" },
    { "unread_read",           "backward", CRASH },
    { "unread_read",           "backward", "in[i] and out where .unread says so" },
    { "hangs",                 "output",   "no end within 1 s in forward" },
    { "no_reason",             "shapes",   "plan returned failure without a text" },
    { "idle_tally",            "plan",     "'sum' is HEFT_TALLY without" },
    { "zero_axis",             "plan",     "'eighths' has one of 0" },
    { "tile_beyond",           "tiles",    "a tile writes its rows alone" },
    { "tally_in_front",        "memory",   "forward wrote in front of lane 0's 'right'" },
    { "tally_past_end",        "memory",   "forward wrote past the end of lane 0's 'right'" },
    { "tally_past_end",        "memory",   "(a tensor of 64 bytes)" },
    { "index_of_nan",          "values",   "forward wrote in front of lane 0's 'right'" },
    { "one_for_all",           "memory",   "'squares' without .per_sample = true is one for all n samples" },
    { "tally_set",             "tallies",  "tally 'rows' is added to (+=)" },
    { "survey_set",            "tallies",  "tally 'sum' is added to (+=)" },
    { "survey_set",            "tallies",  "tally 'sum_back' is added to (+=)" },
    { "lanes_counted",         "tallies",  "tally 'rows' is the same when the minibatch is cut in two" },
    { "lanes_counted",         "tallies",  "state 'value' is the same when the minibatch is cut in two" },
    { "empty_class",           "tallies",  "fold of outputs that are zeros, several classes as target" },
    { "weights_ignored",       "tallies",  "tally 'right' is multiplied by the weights of samples" },
    { "state_elsewhere",       "again",    "steps of another instance in between change nothing" },
    { "state_elsewhere",       "resume",   "goes on from saved weights and slots" },
    { "outside_range",         "range",    "x[20] written by the step of [0, 20)" },
    { "slot_forgotten",        "slots",    "slot 'm' is carried from step to step" },
    { "ascends",               "descent",  "the loss falls" },
    { "key_ignored",           "fill",     "another key gives other numbers" },
    { "half_filled",           "fill",     "every element is written, and finite" },
};
enum { N_FAULTS = sizeof faults / sizeof *faults };

typedef struct heard { const planted *fault; int ok, failed, notes; bool found; text all; } heard;

static bool has(const char *s, const char *word) { return s && strstr(s, word); }

static void listen(void *context, const verdict *v)
{
    heard *h = context;
    h->ok += v->result == VERDICT_OK;
    if (v->result == VERDICT_NOTE) {
        h->notes++;
        text_printf(&h->all, "  [%s] %s: %s\n", v->check, v->subject, v->seen);
    }
    if (v->result != VERDICT_FAIL) return;
    h->failed++;
    text_printf(&h->all, "  [%s] %s (%s): expected %s; seen %s\n", v->check, v->subject, v->where, v->expected, v->seen);
    text_printf(&h->all, "  <%s follows %s>\n", v->check, v->follows);
    const char *says = h->fault ? h->fault->says : "";
    if (h->fault && !strcmp(v->check, h->fault->check))
        h->found = h->found || has(v->subject, says) || has(v->where, says) || has(v->expected, says) || has(v->seen, says)
            || has(v->look, says);
}

static heard hear(const char *folder, const char *name, const planted *fault, const char *only)
{
    heard h = { .fault = fault };
    char path[512];
    problems pr = { 0 };
    text_add(&h.all, "");
    snprintf(path, sizeof path, PLANTED "%s/%s.so", folder, name);
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    const check_options o = { .limit_ms = !strcmp(name, "hangs") ? 1000 : 0, .only = only };
    const int failures = check_plugin(r, path, &o, listen, &h, &pr);
    if (failures != h.failed) fail_msg("%s: %d failures counted, %d told", path, failures, h.failed);
    registry_free(r);
    problems_free(&pr);
    return h;
}

static void faults_are_found(void **state)
{
    (void)state;
    for (int i = 0; i < N_FAULTS; i++) {
        if (INSTRUMENTED && !strcmp(faults[i].check, "file")) continue;        /* symbols and variables are not the plugin's alone: it looks away */
        heard h = hear("faulty", faults[i].name, &faults[i], faults[i].check);
        if (!h.found)
            fail_msg("%s: check '%s' does not say '%s'; it says\n%s", faults[i].name, faults[i].check, faults[i].says, h.all.s);
        text_free(&h.all);
    }
}

static void twins_pass(void **state)
{
    (void)state;
    for (int i = 0; i < N_FAULTS; i++) {
        if (i && !strcmp(faults[i].name, faults[i - 1].name)) continue;
        heard h = hear("correct", faults[i].name, NULL, NULL);
        if (h.failed) fail_msg("%s: the correct twin fails\n%s", faults[i].name, h.all.s);
        if (h.ok < 10) fail_msg("%s: only %d verdicts", faults[i].name, h.ok);
        text_free(&h.all);
    }
}

/* A failure that another one explains names it; the first one has none to name. */
static void causes_are_named(void **state)
{
    (void)state;
    static const struct { const char *name, *check, *follows; } cases[] = {
        { "last_sample", "backward", "" },                { "last_sample", "gradient", "backward" },
        { "clock_seed", "again", "" },                    { "clock_seed", "lanes", "again" },
        { "neighbour", "order", "" },                     { "neighbour", "lanes", "order" },
        { "outside_range", "memory", "" },                { "outside_range", "range", "memory" },
        { "weight_gradient_wrong", "gradient", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heard h = hear("faulty", cases[i].name, NULL, NULL);
        char line[256];
        snprintf(line, sizeof line, "<%s follows %s>", cases[i].check, cases[i].follows);
        if (!has(h.all.s, line)) fail_msg("%s: no %s in\n%s", cases[i].name, line, h.all.s);
        text_free(&h.all);
    }
}

/* What cannot be run fails the check of plans, and no other is blamed for it. */
static void one_failure_of_a_plan(void **state)
{
    (void)state;
    heard h = hear("faulty", "zero_axis", NULL, NULL);
    if (h.failed != 1 || h.ok < 10) fail_msg("%d failures, expected 1; %d ok\n%s", h.failed, h.ok, h.all.s);
    text_free(&h.all);
}

/* A clamp may be as far as an option goes: no failure, but nothing that says the bound has its effect either. */
static void a_clamp_is_noted(void **state)
{
    (void)state;
    heard h = hear("faulty", "option_clamped_inside", NULL, "options");
    if (h.failed || h.notes != 1 || !has(h.all.s, "option 'slope' at 2: the same bits as at 1.9765625"))
        fail_msg("%d failures, %d notes\n%s", h.failed, h.notes, h.all.s);
    text_free(&h.all);
    h = hear("correct", "option_clamped_inside", NULL, "options");
    if (h.failed || h.notes) fail_msg("%d failures, %d notes of the correct twin\n%s", h.failed, h.notes, h.all.s);
    text_free(&h.all);
}

/* An option that shows nothing is no failure where the code reads it. */
static void what_is_read_is_noted(void **state)
{
    (void)state;
    heard h = hear("correct", "option_after", NULL, "options");
    if (h.failed || h.notes != 1 || !has(h.all.s, "values changed nothing in what was tried")) fail_msg("%d failures\n%s", h.failed, h.all.s);
#if defined(__x86_64__) && defined(__linux__)
    assert_true(has(h.all.s, "though a pass reads the field"));
#endif
    text_free(&h.all);
}

/* What may be meant is noted: one draw for all samples, no number of one class alone. */
static void what_may_be_meant_is_noted(void **state)
{
    (void)state;
    static const struct { const char *name, *check, *says; } cases[] = {
        { "stream_forgotten", "lanes",   "equal samples have equal outputs by each of 8 keys" },
        { "one_class",        "tallies", "state 'value' of one class alone" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heard h = hear("faulty", cases[i].name, NULL, cases[i].check);
        if (h.failed || h.notes != 1 || !has(h.all.s, cases[i].says)) fail_msg("%s: %d failures\n%s", cases[i].name, h.failed, h.all.s);
        text_free(&h.all);
        h = hear("correct", cases[i].name, NULL, cases[i].check);
        if (h.failed || h.notes) fail_msg("%s: the correct twin\n%s", cases[i].name, h.all.s);
        text_free(&h.all);
    }
}

/* A crash is told with all there is to say once, and named by the other checks that meet it. */
static void one_crash_is_told_once(void **state)
{
    (void)state;
    heard h = hear("faulty", "unread_read", NULL, NULL);
    int whole = 0;
    for (const char *s = h.all.s; (s = strstr(s, "expected every call returns")); s++) whole++;
    if (whole != 1 || !has(h.all.s, "in backward, as in 'memory'") || !has(h.all.s, "<gradient follows memory>"))
        fail_msg("told %d times\n%s", whole, h.all.s);
    text_free(&h.all);
}

/* A check that has nothing to look at says so to those who ask for it. */
static void what_does_not_apply(void **state)
{
    (void)state;
    heard h = hear("correct", "tally_set", NULL, "gradient");
    if (h.failed || h.notes != 1 || !has(h.all.s, "[gradient] gradient: does not apply")) fail_msg("%s", h.all.s);
    text_free(&h.all);
}

/* Every check of every kind has a fault that it is the one to find. */
static void no_check_without_a_fault(void **state)
{
    (void)state;
    static const struct { heft_kind kind; const char *name, *why; } excused[] = {
        { HEFT_LAYER, "resume", "what it would find, again and memory find first" },
        { HEFT_LAYER, "predict", "of losses only: tests/losses" },
        { HEFT_LAYER, "speed", "judges nothing" }, { HEFT_OPTIMIZER, "speed", "" }, { HEFT_INITIALIZER, "speed", "" },
        { HEFT_OPTIMIZER, "file", "as of layers" }, { HEFT_OPTIMIZER, "options", "as of layers" }, { HEFT_OPTIMIZER, "threads", "as of layers" },
        { HEFT_OPTIMIZER, "values", "as of layers" }, { HEFT_OPTIMIZER, "memory", "outside_range" },
        { HEFT_INITIALIZER, "file", "as of layers" }, { HEFT_INITIALIZER, "options", "as of layers" },
    };
    arena *a = arena_new();
    for (int kind = HEFT_LAYER; kind <= HEFT_INITIALIZER; kind++) {
        const char *const *names = check_names(a, (heft_kind)kind);
        for (int i = 0; names[i]; i++) {
            bool met = false;
            for (int k = 0; k < N_FAULTS; k++) met = met || !strcmp(faults[k].check, names[i]);
            for (size_t k = 0; k < sizeof excused / sizeof *excused; k++)
                met = met || ((int)excused[k].kind == kind && !strcmp(excused[k].name, names[i]));
            if (!met) fail_msg("no fault is planted for the check '%s' of %ss", names[i], kind_name((heft_kind)kind));
            assert_non_null(check_doc((heft_kind)kind, names[i]));
        }
    }
    arena_free(a);
}

static void what_is_asked_for(void **state)
{
    (void)state;
    static const struct { const char *inputs, *options, *says; int failures; } cases[] = {
        { "[5, 2]", "{slope: 1}", "", 0 },
        { "[5, 2]; integers 10 [3]", NULL, "takes 1 to 1 inputs", 1 },
        { "[5, 2", NULL, "inputs can be read", 2 },
        { "[]", NULL, "", 0 },
        { NULL, "{slop: 1}", "did you mean 'slope'", 1 },
        { NULL, "{slope: 3}", "3 is above 2", 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const planted fault = { "", "shapes", cases[i].says };
        heard h = { .fault = &fault };
        problems pr = { 0 };
        text_add(&h.all, "");
        registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
        const check_options o = { .inputs = cases[i].inputs, .options = cases[i].options };
        check_plugin(r, PLANTED "correct/bias_forgotten.so", &o, listen, &h, &pr);
        if (h.failed != cases[i].failures || (h.failed && !h.found))
            fail_msg("%s %s: %d failures, expected %d with '%s':\n%s", cases[i].inputs ? cases[i].inputs : "",
                     cases[i].options ? cases[i].options : "", h.failed, cases[i].failures, cases[i].says, h.all.s);
        text_free(&h.all);
        problems_free(&pr);
        registry_free(r);
    }
    problems pr = { 0 };
    heard h = { 0 };
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    assert_int_equal(check_plugin(r, PLANTED "correct/bias_forgotten.so", &(check_options){ .only = "gradent" }, listen, &h, &pr), -1);
    assert_non_null(strstr(pr.item[0].text, "did you mean 'gradient'"));
    problems_free(&pr);
    registry_free(r);
    text_free(&h.all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_found), cmocka_unit_test(twins_pass), cmocka_unit_test(no_check_without_a_fault),
        cmocka_unit_test(what_is_asked_for), cmocka_unit_test(one_failure_of_a_plan), cmocka_unit_test(a_clamp_is_noted),
        cmocka_unit_test(causes_are_named), cmocka_unit_test(what_is_read_is_noted),
        cmocka_unit_test(what_may_be_meant_is_noted), cmocka_unit_test(one_crash_is_told_once), cmocka_unit_test(what_does_not_apply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
