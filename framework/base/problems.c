#include "base/problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

enum { SHOWN = 20 };

void problems_add(problems *p, place at, const char *fmt, ...)
{
    if (p->n == p->room) {
        const size_t room = p->room ? 2 * p->room : 8;
        problem *item = realloc(p->item, room * sizeof *item);
        if (!item) memory_exhausted(room * sizeof *item);
        p->item = item;
        p->room = room;
    }
    text t = { 0 };
    va_list ap;
    va_start(ap, fmt);
    text_vprintf(&t, fmt, ap);
    va_end(ap);
    /* The place may die before the problem is printed. */
    char *file = at.file ? strdup(at.file) : NULL;
    if (at.file && !file) memory_exhausted(strlen(at.file));
    p->item[p->n++] = (problem){ { file, at.line, at.column }, t.s };
}

void problems_system(problems *p, const char *path, const char *fact, int error)
{
    problems_add(p, (place){ path, 0, 0 }, "%s: %s", fact, strerror(error));
}

void problems_append(problems *to, const problems *from)
{
    for (size_t i = 0; i < from->n; i++) problems_add(to, from->item[i].at, "%s", from->item[i].text);
}

void problems_free(problems *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free((char *)p->item[i].at.file);
        free(p->item[i].text);
    }
    free(p->item);
    *p = (problems){ 0 };
}

/* A file's control characters would speak to the terminal. */
static void add_safe(text *t, const char *s, size_t n)
{
    const size_t at = t->n;
    text_add_n(t, s, n);
    for (size_t i = at; i < t->n; i++)
        if (((unsigned char)t->s[i] < 0x20 && t->s[i] != '\t') || t->s[i] == 0x7f) t->s[i] = '?';
}

/* Columns count characters, of which UTF-8 has one to four bytes. */
static const char *skip_characters(const char *s, int n)
{
    for (; n > 0 && *s; n--)
        do s++; while (((unsigned char)*s & 0xc0) == 0x80);
    return s;
}

/* Of a long line, what is around the column. */
static void add_line(text *t, const char *line, int column)
{
    enum { LINE = 160, BEFORE = 80 };
    const bool is_long = *skip_characters(line, LINE) != 0;
    const char *from = is_long ? skip_characters(line, column - 1 - BEFORE) : line, *end = skip_characters(from, LINE),
               *at = skip_characters(line, column - 1);
    text_add(t, from > line ? "  ..." : "  ");
    add_safe(t, from, (size_t)(end - from));
    text_add(t, *end ? "...\n  " : "\n  ");
    if (from > line) text_add(t, "   ");
    for (; from < at; from = skip_characters(from, 1)) text_add(t, *from == '\t' ? "\t" : " ");
    text_add(t, "^\n");
}

static void show_line(const place *at, text *t)
{
    FILE *f = fopen(at->file, "r");
    if (!f) return;                              /* the line is a courtesy; the message stands without it */
    char *line = NULL;
    size_t room = 0;
    ssize_t n = -1;
    for (int i = 0; i < at->line; i++)
        if ((n = getline(&line, &room, f)) < 0) break;
    if (n >= 0) {
        line[strcspn(line, "\r\n")] = 0;
        add_line(t, line, at->column);
    }
    free(line);
    fclose(f);
}

static int by_place(const void *a, const void *b)
{
    const problem *x = *(const problem *const *)a, *y = *(const problem *const *)b;
    const int files = strcmp(x->at.file ? x->at.file : "", y->at.file ? y->at.file : "");
    if (files) return files;
    if (x->at.line != y->at.line) return x->at.line < y->at.line ? -1 : 1;
    if (x->at.column != y->at.column) return x->at.column < y->at.column ? -1 : 1;
    return x < y ? -1 : x > y;
}

void problems_print(const problems *p, FILE *to)
{
    const problem **order = malloc((p->n + 1) * sizeof *order);
    if (!order) memory_exhausted(p->n * sizeof *order);
    for (size_t i = 0; i < p->n; i++) order[i] = &p->item[i];
    qsort(order, p->n, sizeof *order, by_place);
    text t = { 0 };
    for (size_t i = 0; i < p->n && i < SHOWN; i++) {
        const place *at = &order[i]->at;
        const char *file = at->file ? at->file : "heft";
        add_safe(&t, file, strlen(file));
        if (at->file && at->line) text_printf(&t, ":%d:%d", at->line, at->column);
        text_add(&t, ": error: ");
        add_safe(&t, order[i]->text, strlen(order[i]->text));
        text_add(&t, "\n");
        if (at->file && at->line) show_line(at, &t);
    }
    if (p->n > SHOWN) text_printf(&t, "heft: %zu more error%s\n", p->n - SHOWN, p->n - SHOWN == 1 ? "" : "s");
    if (t.s) fputs(t.s, to);
    text_free(&t);
    free(order);
}
