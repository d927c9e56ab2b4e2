/* conform.h -- what the conformance tests share: every built plugin, and options made from its own table
 *
 * Nothing here knows a plugin by name.
 */
#ifndef HEFT_TESTS_CONFORM_H
#define HEFT_TESTS_CONFORM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <heft/plugin.h>

#include "base/arena.h"
#include "base/problems.h"
#include "base/text.h"
#include "config/options.h"
#include "plugin/registry.h"

/* One cmocka test per plugin file of a kind (0: all kinds) under PLUGIN_DIR; its state is the plugin_file. */
static inline int conform_run(const char *group, heft_kind kind, CMUnitTestFunction test)
{
    arena *a = arena_new();
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    const plugin_file *file;
    const size_t n = registry_files(r, &file);
    struct CMUnitTest *tests = arena_alloc(a, n, sizeof *tests);
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!strncmp(file[i].path, PLUGIN_DIR "/", sizeof PLUGIN_DIR) && (!kind || file[i].kind == kind))
            tests[m++] = (struct CMUnitTest){ .name = arena_printf(a, "%s %s", kind_name(file[i].kind), file[i].name),
                                              .test_func = test, .initial_state = (void *)&file[i] };
    int failed = 1;
    if (m) failed = _cmocka_run_group_tests(group, tests, m, NULL, NULL);
    else fprintf(stderr, "no plugins in %s\n", PLUGIN_DIR);
    registry_free(r);
    arena_free(a);
    return failed;
}

/* The first word of "a|b|c", or the i-th; NULL if there are fewer. */
static inline const char *conform_word(arena *a, const char *words, int i)
{
    for (; words && *words; i--) {
        const size_t n = strcspn(words, "|");
        if (!i) return arena_strndup(a, words, n);
        words += n + (words[n] == '|');
    }
    return NULL;
}

static inline double conform_clamp(const heft_option *o, double v)
{
    return v < o->min ? o->min : v > o->max ? o->max : v;
}

/* A legal value of a required option, the i-th guess; count is the elements of the input, which shapes must fit. */
static inline const char *conform_value(arena *a, const heft_option *o, int i, int64_t count)
{
    static const int ints[] = { 3, 2, 1, 4 };
    char number[32];
    switch (o->type) {
    case HEFT_BOOL: return i % 2 ? "true" : "false";
    case HEFT_INT: return arena_printf(a, "%.0f", conform_clamp(o, ints[i % 4]));
    case HEFT_REAL:
        text_double(conform_clamp(o, 0.5), number);
        return arena_strdup(a, number);
    case HEFT_ENUM: return conform_word(a, o->text, 0);
    case HEFT_STRING: return "text";
    case HEFT_INTS:
        if (i == 0) return arena_printf(a, "[%.0f, %.0f]", conform_clamp(o, 2), conform_clamp(o, 2));
        if (i == 1) return arena_printf(a, "[%lld, 2]", (long long)(count / 2));
        if (i == 2) return arena_printf(a, "[%.0f]", conform_clamp(o, 2));
        if (i == 4) return "[1, 0]";             /* an order of axes */
        return arena_printf(a, "[%lld]", (long long)count);
    case HEFT_REALS:
        text_double(conform_clamp(o, 0.5), number);
        return arena_printf(a, i % 2 ? "[%s]" : "[%s, %s]", number, number);
    case HEFT_END: break;
    }
    return "";
}

static inline bool conform_required(const heft_option *o)
{
    switch (o->type) {
    case HEFT_BOOL: case HEFT_INT: case HEFT_REAL: case HEFT_ENUM: return isnan(o->def);
    case HEFT_STRING: case HEFT_INTS: case HEFT_REALS: return !o->def_text;
    case HEFT_END: break;
    }
    return false;
}

enum { CONFORM_GUESSES = 5 };

/* The required options by the i-th guess (below CONFORM_GUESSES), and `other` set to `value` if it is not NULL. */
static inline const char *conform_options(arena *a, const heft_option *table, int i, int64_t count,
                                          const heft_option *other, const char *value)
{
    text t = { 0 };
    for (const heft_option *o = table; o && o->type != HEFT_END; o++)
        if (o == other || conform_required(o))
            text_printf(&t, "%s%s: %s", t.n ? ", " : "{", o->name, o == other ? value : conform_value(a, o, i, count));
    if (t.n) text_add(&t, "}");
    const char *out = arena_strdup(a, t.n ? t.s : "");
    text_free(&t);
    return out;
}

/* A list of n different numbers. */
static inline const char *conform_reals(arena *a, const heft_option *o, int n)
{
    char number[32];
    text t = { 0 };
    for (int i = 0; i < n; i++) {
        text_double(conform_clamp(o, 0.5 * (i + 1)), number);
        text_printf(&t, "%s%s", i ? ", " : "[", number);
    }
    text_add(&t, "]");
    const char *out = arena_strdup(a, t.s);
    text_free(&t);
    return out;
}

/* The i-th value of an option worth trying beside its default (for a required one: beside the guess); NULL after
 * the last. */
static inline const char *conform_other(arena *a, const heft_option *o, int i)
{
    static const int ints[] = { 1, 2, 0, -1 };
    char number[32];
    switch (o->type) {
    case HEFT_BOOL: return i ? NULL : o->def != 0 ? "false" : "true";
    case HEFT_INT: return i < 4 ? arena_printf(a, "%.0f", conform_clamp(o, ints[i])) : NULL;
    case HEFT_REAL:
        if (i > 2) return NULL;
        text_double(conform_clamp(o, i == 0 ? o->min : i == 1 ? o->max : (o->min + o->max) / 2), number);
        return arena_strdup(a, number);
    case HEFT_ENUM: return conform_word(a, o->text, i);
    case HEFT_INTS:
        if (i == 0) return arena_printf(a, "%.0f", conform_clamp(o, 2));
        if (i == 1) return arena_printf(a, "[%.0f, %.0f]", conform_clamp(o, 1), conform_clamp(o, 2));
        return conform_word(a, o->text, i - 2);
    case HEFT_REALS:
        /* of one number, and of as many as classes of the inputs tried: 8, 5, 4 and 1 */
        if (i == 0) return conform_reals(a, o, 1);
        if (i == 1) return conform_reals(a, o, 8);
        if (i == 2) return conform_reals(a, o, 5);
        if (i == 3) return conform_reals(a, o, 4);
        return conform_word(a, o->text, i - 4);
    case HEFT_STRING: case HEFT_END: break;
    }
    return NULL;
}

/* An instance filled from the table; NULL with what was said.  Lists live in the arena. */
static inline void *conform_instance(arena *a, const heft_head *head, const char *options, text *said)
{
    problems pr = { 0 };
    const node *map = *options ? node_parse(a, "options", options, strlen(options), &pr) : NULL;
    void *self = arena_alloc(a, head->instance_size + 1, 1);
    if (!pr.n && head->options) options_read(head->options, map, (place){ 0 }, head->name, NULL, self, a, &pr);
    if (pr.n) text_add(said, pr.item[0].text);
    const bool good = !pr.n;
    problems_free(&pr);
    return good ? self : NULL;
}

#endif
