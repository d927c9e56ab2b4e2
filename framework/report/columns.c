#include "report/columns.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"

enum { GAP = 2 };

struct columns {
    arena  *memory;
    int     n;
    const char  *align;
    size_t *width;
    size_t  n_rows, room;
    const char *const **row;         /* NULL: a rule */
    bool    heading;                 /* row 0 is one */
};

size_t text_width(const char *utf8)
{
    size_t n = 0;
    for (; *utf8; utf8++) n += ((unsigned char)*utf8 & 0xc0) != 0x80;
    return n;
}

static void add_row(columns *c, const char *const *row)
{
    if (c->n_rows == c->room) {
        const size_t room = c->room ? 2 * c->room : 16;
        c->row = arena_grow(c->memory, c->row, c->n_rows, room, sizeof *c->row);
        c->room = room;
    }
    c->row[c->n_rows++] = row;
}

columns *columns_new(int n, const char *const *heading, const char *align)
{
    arena *a = arena_new();
    columns *c = arena_alloc(a, 1, sizeof *c);
    *c = (columns){ .memory = a, .n = n, .align = arena_strdup(a, align), .heading = heading };
    c->width = arena_alloc(a, (size_t)n, sizeof *c->width);
    if (heading) columns_add(c, heading);
    return c;
}

void columns_add(columns *c, const char *const *cell)
{
    const char **row = arena_alloc(c->memory, (size_t)c->n, sizeof *row);
    for (int i = 0; i < c->n; i++) {
        row[i] = arena_strdup(c->memory, cell[i] ? cell[i] : "");
        const size_t width = text_width(row[i]);
        if (width > c->width[i]) c->width[i] = width;
    }
    add_row(c, row);
}

void columns_rule(columns *c) { add_row(c, NULL); }

static void add_many(text *out, char letter, size_t n)
{
    while (n--) text_add_n(out, &letter, 1);
}

static void write_rule(const columns *c, text *out)
{
    size_t width = (size_t)(c->n - 1) * GAP;
    for (int i = 0; i < c->n; i++) width += c->width[i];
    add_many(out, ' ', GAP);
    add_many(out, '-', width);
    text_add(out, "\n");
}

static void write_row(const columns *c, const char *const *row, text *out)
{
    for (int i = 0; i < c->n; i++) {
        const size_t fill = c->width[i] - text_width(row[i]);
        const bool right = c->align[i] == 'r';
        add_many(out, ' ', GAP + (right ? fill : 0));
        text_add(out, row[i]);
        if (!right) add_many(out, ' ', fill);
    }
    while (out->n && out->s[out->n - 1] == ' ') out->n--;
    text_add(out, "\n");
}

void columns_write(const columns *c, text *out)
{
    for (size_t i = 0; i < c->n_rows; i++) {
        if (c->row[i]) write_row(c, c->row[i], out);
        else write_rule(c, out);
        if (i == 0 && c->heading) write_rule(c, out);
    }
}

void columns_print(columns *c)
{
    text t = { 0 };
    columns_write(c, &t);
    if (t.s) fputs(t.s, stdout);
    text_free(&t);
    columns_free(c);
}

void columns_free(columns *c)
{
    if (c) arena_free(c->memory);
}
