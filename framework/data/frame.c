#include "data/frame.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct parser {
    const char *name;
    char       *s;                   /* NUL-terminated */
    size_t      n, at;
    size_t      line_start;
    int         line;
    char        separator;
    problems   *pr;
} parser;

static place here(const parser *p, size_t at) { return (place){ p->name, p->line,
                                                                (int)(at - p->line_start) + 1 }; }

static void next_line(parser *p)
{
    if (p->line < INT_MAX) p->line++;
    p->line_start = p->at;
}

static bool at_line_end(const parser *p)
{
    return p->at >= p->n || p->s[p->at] == '\n' || (p->s[p->at] == '\r' && (p->at + 1 == p->n ||
                                                                            p->s[p->at + 1] == '\n'));
}

static void skip_line_end(parser *p)
{
    if (p->at < p->n && p->s[p->at] == '\r') p->at++;
    if (p->at < p->n && p->s[p->at] == '\n') p->at++;
    next_line(p);
}

static bool is_blank(const parser *p, char c) { return (c == ' ' || c == '\t') && c != p->separator; }

/* A quoted field from its opening quote; *end: behind its content.  What it leaves behind its content is cleared,
 * so that frame_place can count line ends. */
static int read_quoted(parser *p, size_t *start, size_t *end)
{
    const place open = here(p, p->at);
    size_t to = *start = ++p->at;
    for (;;) {
        if (p->at >= p->n) {
            problems_add(p->pr, open, "a quote is opened here and never closed");
            return -1;
        }
        const char c = p->s[p->at++];
        if (c == '"' && p->s[p->at] != '"') break;
        if (c == '"') p->at++;
        p->s[to++] = c;
        if (c == '\n') next_line(p);
    }
    *end = to;
    const size_t behind = p->at;
    while (p->at < p->n && is_blank(p, p->s[p->at])) p->at++;
    if (!at_line_end(p) && p->s[p->at] != p->separator) {
        problems_add(p->pr, here(p, p->at),
                     "text behind a closing quote; a separator or the end of the line is expected "
                     "(a quote inside a quoted field is written twice)");
        return -1;
    }
    memset(p->s + to, 0, behind - to);
    return 0;
}

/* One field; afterwards p->at is behind it, and *more tells whether a separator was there. */
static int read_field(parser *p, size_t *start, bool *more)
{
    while (p->at < p->n && is_blank(p, p->s[p->at])) p->at++;
    size_t end;
    if (p->at < p->n && p->s[p->at] == '"') {
        if (read_quoted(p, start, &end) < 0) return -1;
    } else {
        *start = p->at;
        while (!at_line_end(p) && p->s[p->at] != p->separator) p->at++;
        for (end = p->at; end > *start && is_blank(p, p->s[end - 1]); end--) {}
    }
    *more = p->at < p->n && p->s[p->at] == p->separator;
    if (*more) p->at++;
    else skip_line_end(p);
    p->s[end] = 0;
    return 0;
}

static bool skip_empty_lines(parser *p)
{
    while (p->at < p->n && at_line_end(p)) skip_line_end(p);
    return p->at < p->n;
}

typedef struct named { const char *name; int64_t at; } named;

static int by_name(const void *a, const void *b)
{
    const named *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static int check_names(const frame *f, int line, problems *pr)
{
    const place at = { f->name, line, line ? 1 : 0 };
    named *sorted = block_alloc((size_t)f->n_columns, sizeof *sorted);
    if (!sorted) memory_exhausted((size_t)f->n_columns * sizeof *sorted);
    int bad = 0;
    for (int64_t i = 0; i < f->n_columns; i++) {
        sorted[i] = (named){ f->column[i], i };
        if (!*f->column[i] && ++bad <= MOST_PROBLEMS)
            problems_add(pr, at,
                         "column %lld has no name; the first row must name every column (or give columns: [...])",
                             (long long)i + 1);
    }
    qsort(sorted, (size_t)f->n_columns, sizeof *sorted, by_name);
    for (int64_t i = 1; i < f->n_columns; i++)
        if (*sorted[i].name && !strcmp(sorted[i].name, sorted[i - 1].name) && ++bad <= MOST_PROBLEMS)
            problems_add(pr, at, "columns %lld and %lld are both named '%s'; names must differ",
                         (long long)sorted[i - 1].at + 1,
                         (long long)sorted[i].at + 1, sorted[i].name);
    block_free(sorted);
    return bad ? -1 : 0;
}

static int read_header(parser *p, frame *f, arena *a, int64_t n_names, const char **names)
{
    const int line = p->line;
    if (names) {
        f->column = names;
        f->n_columns = n_names;
        return check_names(f, 0, p->pr);
    }
    size_t room = 0;
    for (bool more = true; more;) {
        size_t start;
        if (read_field(p, &start, &more) < 0) return -1;
        if ((size_t)f->n_columns == room) {
            f->column = arena_grow(a, f->column, room, room ? 2 * room : 16, sizeof *f->column);
            room = room ? 2 * room : 16;
        }
        f->column[f->n_columns++] = arena_strdup(a, p->s + start);
    }
    return check_names(f, line, p->pr);
}

/* 1 after a problem that leaves the parser at the next row. */
static int read_row(parser *p, frame *f)
{
    const place at = here(p, p->at);
    size_t *cell = f->cell + f->n_rows * f->n_columns;
    int64_t n = 0;
    for (bool more = true; more; n++) {
        size_t start;
        if (read_field(p, &start, &more) < 0) return -1;
        if (n < f->n_columns) cell[n] = start;
    }
    if (n == f->n_columns) {
        f->line[f->n_rows++] = at.line;
        return 0;
    }
    problems_add(p->pr, at, "%lld fields; there are %lld columns", (long long)n, (long long)f->n_columns);
    return 1;
}

static int read_rows(parser *p, frame *f)
{
    /* Every field ends with a separator, a line end or the file: a bound on cells whatever the file claims. */
    size_t cells = 1, rows = 1;
    for (size_t i = p->at; i < p->n; i++) {
        rows += p->s[i] == '\n';
        cells += p->s[i] == '\n' || p->s[i] == p->separator;
    }
    f->cell = block_alloc(cells, sizeof *f->cell);
    f->line = block_alloc(rows, sizeof *f->line);
    if (!f->cell || !f->line) {
        problems_add(p->pr, (place){ p->name, 0, 0 }, "no memory for %zu cells", cells);
        return -1;
    }
    int bad = 0;
    while (skip_empty_lines(p) && bad < MOST_PROBLEMS) {
        const int rc = read_row(p, f);
        if (rc < 0) return -1;
        bad += rc;
    }
    if (!bad && !f->n_rows) {
        problems_add(p->pr, (place){ p->name, 0, 0 }, "no rows below the names of the columns");
        return -1;
    }
    return bad ? -1 : 0;
}

frame *frame_parse(arena *a, const char *name, char *bytes, size_t n, char separator, int64_t n_names,
                   const char **names,
                   problems *pr)
{
    frame *f = arena_alloc(a, 1, sizeof *f);
    f->name = name;
    f->bytes = bytes;
    parser p = { .name = name, .s = bytes, .n = n, .line = 1, .separator = separator, .pr = pr };
    if (n >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3)) p.at = p.line_start = 3;
    int rc = 0;
    const char *nul = memchr(bytes, 0, n);
    if (nul) {
        for (; p.at < (size_t)(nul - bytes);)
            if (bytes[p.at++] == '\n') next_line(&p);
        problems_add(pr, here(&p, p.at), "a NUL byte; this is no text");
        rc = -1;
    } else if (!skip_empty_lines(&p)) {
        problems_add(pr, (place){ name, 0, 0 }, "is empty; a row with the columns' names is expected first");
        rc = -1;
    }
    if (rc == 0) rc = read_header(&p, f, a, n_names, names);
    if (rc == 0) rc = read_rows(&p, f);
    if (rc == 0) return f;
    frame_free(f);
    return NULL;
}

void frame_free(frame *f)
{
    if (!f) return;
    block_free(f->bytes);
    block_free(f->cell);
    block_free(f->line);
}

const char *frame_cell(const frame *f, int64_t row, int64_t column)
{
    return f->bytes + f->cell[row * f->n_columns + column];
}

/* The row begins at its first cell; line ends inside quoted cells still stand between it and this one. */
place frame_place(const frame *f, int64_t row, int64_t column)
{
    const size_t first = f->cell[row * f->n_columns], at = f->cell[row * f->n_columns + column];
    size_t line_start = first;
    while (line_start > 0 && f->bytes[line_start - 1] != '\n' && f->bytes[line_start - 1] != 0) line_start--;
    place p = { f->name, f->line[row], 1 };
    for (size_t i = first; i < at; i++)
        if (f->bytes[i] == '\n') p.line++, line_start = i + 1;
    p.column = (int)(at - line_start) + 1;
    return p;
}

int64_t frame_column(const frame *f, const char *name)
{
    for (int64_t i = 0; i < f->n_columns; i++)
        if (!strcmp(f->column[i], name)) return i;
    return -1;
}

void frame_columns_text(const frame *f, const char *wanted, text *out)
{
    const char **names = block_alloc((size_t)f->n_columns + 1, sizeof *names);
    if (!names) memory_exhausted((size_t)f->n_columns * sizeof *names);
    for (int64_t i = 0; i < f->n_columns; i++) names[i] = f->column[i];
    text_printf(out, "%s; its columns are ", text_hint(wanted, names).s);
    for (int64_t i = 0; i < f->n_columns && i < 20; i++) text_printf(out, "%s%s", i ? ", " : "", names[i]);
    if (f->n_columns > 20) text_printf(out, " and %lld more", (long long)f->n_columns - 20);
    block_free(names);
}

static bool word_is(const char *s, const char *word)
{
    for (; *s && *word; s++, word++)
        if (tolower((unsigned char)*s) != *word) return false;
    return !*s && !*word;
}

/* All of s, with that decimal mark and no other. */
static bool read_number(const char *s, char mark, double *out)
{
    enum { MOST = 64 };
    const char digits[] = { '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '-', 'e', 'E', mark, 0 };
    char copy[MOST], *end;
    const size_t n = strspn(s, digits);
    if (s[n]) return false;
    if (mark != '.') {
        if (n >= MOST) return false;
        for (size_t i = 0; i <= n; i++) copy[i] = s[i] == mark ? '.' : s[i];
        s = copy;
    }
    *out = strtod(s, &end);                      /* the program never leaves the C locale */
    return end == s + n;
}

bool cell_has_comma(const char *s)
{
    double v;
    return strchr(s, ',') && read_number(s, ',', &v);
}

cell_kind cell_read(const char *s, const cell_words *words, double *out)
{
    if (!*s || word_is(s, "na") || word_is(s, "nan")) return CELL_MISSING;
    for (int64_t i = 0; i < words->n; i++)
        if (!strcmp(s, words->word[i])) return CELL_MISSING;
    if (read_number(s, words->comma ? ',' : '.', out)) return isfinite((float)*out) ? CELL_NUMBER : CELL_INFINITE;
    s += *s == '-' || *s == '+';
    return word_is(s, "inf") || word_is(s, "infinity") ? CELL_INFINITE : CELL_TEXT;
}

int category_order(const char *a, const char *b)
{
    static const cell_words none;
    double x, y;
    const bool a_number = cell_read(a, &none, &x) == CELL_NUMBER,
        b_number = cell_read(b, &none, &y) == CELL_NUMBER;
    if (a_number != b_number) return a_number ? -1 : 1;
    if (a_number && x != y) return x < y ? -1 : 1;
    return strcmp(a, b);
}
