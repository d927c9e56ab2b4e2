/* What an option table says of itself: its mistakes, and its texts for manuals. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "config/internal.h"
#include "config/options.h"
#include "config/typed.h"

enum { MOST_ROWS = 256 };

static void words_text(const char *words, text *out)
{
    for (const char *s = words; *s;) {
        const size_t n = strcspn(s, "|");
        text_add_n(out, s, n);
        s += n;
        if (*s++) text_add(out, " | ");
        else break;
    }
}

void options_type_text(const heft_option *row, text *out)
{
    const bool list = row->type == HEFT_INTS || row->type == HEFT_REALS;
    switch (row->type) {
    case HEFT_BOOL: text_add(out, "true | false"); return;
    case HEFT_STRING: text_add(out, "text"); return;
    case HEFT_ENUM: words_text(row->text, out); return;
    case HEFT_INT:
    case HEFT_INTS:
        text_add(out, list ? "integers" : "integer");
        range_int_text(int_bound(row->min), int_bound(row->max), out);
        break;
    case HEFT_REAL:
    case HEFT_REALS:
        text_add(out, list ? "numbers" : "number");
        range_real_text(row->min, row->max, out);
        break;
    case HEFT_END: return;
    }
    if (list) text_add(out, ", one or a list");
    if (!row->text) return;
    text_add(out, ", or ");
    words_text(row->text, out);
}

static bool defaults_in_text(const heft_option *row)
{
    return row->type == HEFT_STRING || row->type == HEFT_INTS || row->type == HEFT_REALS;
}

bool options_is_required(const heft_option *row) { return defaults_in_text(row) ? !row->def_text : isnan(row->def); }

void options_default_text(const heft_option *row, text *out)
{
    char number[32];
    const bool in_text = defaults_in_text(row);
    if (options_is_required(row)) {
        text_add(out, "required");
        return;
    }
    if (in_text) {
        text_add(out, *row->def_text ? row->def_text : "\"\"");
        return;
    }
    const char *word = row->text;
    if (row->type == HEFT_ENUM)
        for (int i = 0; word && i < (int)row->def; i++) word = (word = strchr(word, '|')) ? word + 1 : NULL;
    if (row->type == HEFT_BOOL) text_add(out, row->def != 0 ? "true" : "false");
    else if (word) text_add_n(out, word, strcspn(word, "|"));
    else {
        text_double(row->def, number);
        if (row->type == HEFT_INT) snprintf(number, sizeof number, "%lld", (long long)int_bound(row->def));
        text_add(out, number);
    }
}

static size_t size_of(heft_type type, size_t *align)
{
    static const struct { size_t size, align; } fields[] = {
        [HEFT_BOOL] = { sizeof(bool), _Alignof(bool) },
        [HEFT_INT] = { sizeof(int64_t), _Alignof(int64_t) },
        [HEFT_REAL] = { sizeof(double), _Alignof(double) },
        [HEFT_ENUM] = { sizeof(int), _Alignof(int) },
        [HEFT_STRING] = { sizeof(const char *), _Alignof(const char *) },
        [HEFT_INTS] = { sizeof(heft_int_list), _Alignof(heft_int_list) },
        [HEFT_REALS] = { sizeof(heft_real_list), _Alignof(heft_real_list) },
    };
    *align = fields[type].align;
    return fields[type].size;
}

static bool is_field_name(const char *s)
{
    if (!s || !*s || isdigit((unsigned char)*s)) return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_') return false;
    return true;
}

/* Number of words in "a|b|c"; 0 if there are none or one of them is empty. */
static int count_words(const char *words)
{
    int n = 1;
    if (!words || !*words) return 0;
    for (const char *s = words; *s; s++) {
        if (*s == '|') n++;
        if (*s == '|' && (s == words || !s[1] || s[1] == '|')) return 0;
    }
    return n;
}

static void check_default(const heft_option *row, const field *f, place at)
{
    arena *a = arena_new();
    union { heft_int_list ints; heft_real_list reals; } scratch;
    heft_option here = *row;
    here.offset = 0;
    if (row->type == HEFT_INTS || row->type == HEFT_REALS) {
        if (!row->def_text) goto done;
        problems found = { 0 };
        const node *value = value_parse(a, row->def_text, at, &found);
        if (value) options_read_value(&here, value, "", &scratch, a, &found);
        if (found.n) field_refuse(f, at, "its default '%s' is refused: %s", row->def_text, found.item[0].text);
        problems_free(&found);
    } else if (row->type == HEFT_BOOL) {
        if (!isnan(row->def) && row->def != 0 && row->def != 1)
            field_refuse(f, at, "its default %g is not 0 or 1", row->def);
    } else if (row->type == HEFT_ENUM) {
        const int n = count_words(row->text);
        if (!n) field_refuse(f, at, "its words \"%s\" are not words with | between them", row->text ? row->text : "");
        else if (!isnan(row->def) && (row->def != trunc(row->def) || row->def < 0 || row->def >= n))
            field_refuse(f, at, "its default %g is not the index of one of %d words", row->def, n);
    } else if (row->type == HEFT_INT || row->type == HEFT_REAL) {
        if (isnan(row->def)) {
            if (row->text) field_refuse(f, at, "\"%s\" stands for the default, but the option is required", row->text);
        } else if (row->type == HEFT_INT && row->def != trunc(row->def))
            field_refuse(f, at, "its default %g is not an integer", row->def);
        else if (!row->text && !(row->def >= row->min && row->def <= row->max))
            field_refuse(f, at, "its default %g is outside of %g to %g", row->def, row->min, row->max);
    }
done:
    arena_free(a);
}

static void check_row(const heft_option *table, const heft_option *row, size_t instance_size, const field *f, place at)
{
    size_t align;
    const size_t size = size_of(row->type, &align);
    for (const heft_option *other = table; other < row; other++)
        if (other->name && !strcmp(other->name, row->name)) {
            field_refuse(f, at, "there are two options of this name");
            break;
        }
    if (!row->doc || !*row->doc) field_refuse(f, at, "its doc is empty");
    else if (strchr(row->doc, '\n')) field_refuse(f, at, "its doc is more than one line");
    if (row->offset > instance_size || instance_size - row->offset < size)
        field_refuse(f, at, "its field at bytes %zu to %zu is beyond the instance of %zu bytes", row->offset,
                     row->offset + size, instance_size);
    else if (row->offset % align) field_refuse(f, at, "its field at byte %zu is not aligned", row->offset);
    const bool bounded = row->type == HEFT_INT || row->type == HEFT_REAL || row->type == HEFT_INTS ||
                         row->type == HEFT_REALS;
    double number;
    if (bounded && !(row->min <= row->max)) field_refuse(f, at, "its bounds %g to %g hold nothing", row->min, row->max);
    else if (bounded && row->text && (!count_words(row->text) || text_real(row->text, &number)))
        field_refuse(f, at, "\"%s\" is not a word to write instead of a number", row->text);
    else check_default(row, f, at);
}

int options_check_table(const heft_option *table, size_t instance_size, const char *what, place at, problems *pr)
{
    const size_t before = pr->n;
    for (int i = 0; table && table[i].type != HEFT_END; i++) {
        const heft_option *row = &table[i];
        if (i == MOST_ROWS || (int)row->type < 0 || row->type > HEFT_REALS) {
            problems_add(pr, at, "%s: option %d has an unknown type %d; does the table end with HEFT_OPT_END?", what,
                         i + 1, (int)row->type);
            break;
        }
        if (!is_field_name(row->name)) {
            problems_add(pr, at, "%s: option %d has the name '%s', which is not that of a field", what, i + 1,
                         row->name ? row->name : "");
            continue;
        }
        text name = { 0 };
        text_printf(&name, "%s.%s", what, row->name);
        check_row(table, row, instance_size, &(field){ name.s, NULL, "", pr }, at);
        text_free(&name);
    }
    return pr->n == before ? 0 : -1;
}
