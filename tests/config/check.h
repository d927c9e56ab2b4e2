/* check.h -- problems and trees against what a test expects */
#ifndef HEFT_TESTS_CONFIG_CHECK_H
#define HEFT_TESTS_CONFIG_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/node.h"

/* "file:line:column: text" of each problem in order, a line each; without a line, "file: text". */
static inline void problems_text(const problems *pr, text *out)
{
    text_add(out, "");
    for (size_t i = 0; i < pr->n; i++) {
        const place *at = &pr->item[i].at;
        text_printf(out, "%s%s", i ? "\n" : "", at->file ? at->file : "");
        if (at->line) text_printf(out, ":%d:%d", at->line, at->column);
        text_printf(out, ": %s", pr->item[i].text);
    }
}

/* expected "": none.  Frees the problems. */
static inline void expect_problems(problems *pr, const char *expected, const char *input)
{
    text t = { 0 };
    problems_text(pr, &t);
    problems_free(pr);
    if (strcmp(t.s, expected)) fail_msg("for <%s>\n  found    %s\n  expected %s", input, t.s, expected);
    text_free(&t);
}

/* Kinds, texts, quotes, keys and order; not places. */
static inline bool trees_equal(const node *a, const node *b)
{
    if (a->kind != b->kind) return false;
    if (a->kind == NODE_SCALAR) return !strcmp(a->text, b->text) && a->quoted == b->quoted;
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        if (a->kind == NODE_LIST && !trees_equal(a->item[i], b->item[i])) return false;
        if (a->kind == NODE_MAP && strcmp(a->pair[i].key, b->pair[i].key)) return false;
        if (a->kind == NODE_MAP && !trees_equal(a->pair[i].value, b->pair[i].value)) return false;
    }
    return true;
}

/* {a: [1, "x"]}: the whole tree in one line, quotes where it has them. */
static inline void tree_text(const node *n, text *out)
{
    if (n->kind == NODE_SCALAR) {
        text_printf(out, n->quoted ? "\"%s\"" : "%s", n->text);
        return;
    }
    text_add(out, n->kind == NODE_LIST ? "[" : "{");
    for (size_t i = 0; i < n->n; i++) {
        if (i) text_add(out, ", ");
        if (n->kind == NODE_MAP) text_printf(out, "%s: ", n->pair[i].key);
        tree_text(n->kind == NODE_LIST ? n->item[i] : n->pair[i].value, out);
    }
    text_add(out, n->kind == NODE_LIST ? "]" : "}");
}

static inline void expect_tree(const node *n, const char *expected, const char *input)
{
    text t = { 0 };
    if (!n) fail_msg("for <%s>: no tree", input);
    tree_text(n, &t);
    if (strcmp(t.s, expected)) fail_msg("for <%s>\n  found    %s\n  expected %s", input, t.s, expected);
    text_free(&t);
}

/* Parsed as "f"; fails the test if it is refused. */
static inline node *must_parse(arena *a, const char *yaml)
{
    problems pr = { 0 };
    node *n = node_parse(a, "f", yaml, strlen(yaml), &pr);
    expect_problems(&pr, "", yaml);
    assert_non_null(n);
    return n;
}

#endif
