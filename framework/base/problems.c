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
static void print_safe(const char *s, FILE *to)
{
    for (; *s; s++) fputc((unsigned char)*s < 0x20 && *s != '\t' ? '?' : *s == 0x7f ? '?' : *s, to);
}

static void show_line(const place *at, FILE *to)
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
        fputs("  ", to);
        print_safe(line, to);
        fputs("\n  ", to);
        int column = 1;                          /* columns count characters, of which UTF-8 has one to four bytes */
        for (int i = 0; column < at->column && line[i]; i++) {
            if (((unsigned char)line[i + 1] & 0xc0) == 0x80) continue;
            fputc(line[i] == '\t' ? '\t' : ' ', to);
            column++;
        }
        fputs("^\n", to);
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
    for (size_t i = 0; i < p->n && i < SHOWN; i++) {
        const place *at = &order[i]->at;
        print_safe(at->file ? at->file : "heft", to);
        if (at->file && at->line) fprintf(to, ":%d:%d", at->line, at->column);
        fputs(": error: ", to);
        print_safe(order[i]->text, to);
        fputc('\n', to);
        if (at->file && at->line) show_line(at, to);
    }
    if (p->n > SHOWN) fprintf(to, "heft: %zu more error%s\n", p->n - SHOWN, p->n - SHOWN == 1 ? "" : "s");
    free(order);
}
