/* schema_forms.c -- what may be written for the rows of an option table, as JSON Schema */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/schema.h"
#include "config/options.h"
#include "report/json.h"

/* Bounds beyond this say that there is none. */
static const double no_bound = 1e15;

void schema_ref(text *t, const char *key, const char *kind, const char *name)
{
    text path = { 0 };
    text_printf(&path, "#/definitions/%s%s%s", kind, *name ? "-" : "", name);
    json_open(t, key, '{');
    json_string(t, "$ref", path.s);
    json_close(t, '}');
    text_free(&path);
}

void schema_words(text *t, const char *words_text)
{
    json_open(t, NULL, '{');
    json_open(t, "enum", '[');
    for (const char *s = words_text; s && *s;) {
        const size_t n = strcspn(s, "|");
        text word = { 0 };
        text_add_n(&word, s, n);
        json_string(t, NULL, word.s);
        text_free(&word);
        s += n + (s[n] == '|');
    }
    json_close(t, ']');
    json_close(t, '}');
}

void schema_number(text *t, const char *key, const heft_option *o)
{
    const bool whole = o->type == HEFT_INT || o->type == HEFT_INTS;
    json_open(t, key, '{');
    json_string(t, "type", whole ? "integer" : "number");
    if (o->min > -no_bound) json_real(t, "minimum", o->min);
    if (o->max < no_bound) json_real(t, "maximum", o->max);
    json_close(t, '}');
}

bool schema_is_required(const heft_option *o)
{
    text t = { 0 };
    options_default_text(o, &t);
    const bool in_text = o->type == HEFT_STRING || o->type == HEFT_INTS || o->type == HEFT_REALS;
    const bool required = in_text ? !o->def_text : isnan(o->def);
    text_free(&t);
    return required;
}

static void default_value(text *t, const heft_option *o)
{
    text def = { 0 };
    double v;
    options_default_text(o, &def);
    if (o->type == HEFT_STRING) json_string(t, "default", o->def_text);
    else if (o->type == HEFT_BOOL) json_bool(t, "default", o->def != 0);
    else if (text_real(def.s, &v)) json_real(t, "default", v);
    else if (def.s[0] != '[') json_string(t, "default", def.s);
    else {
        json_open(t, "default", '[');
        for (char *at = def.s + 1, *end; v = strtod(at, &end), end > at; at = end + strspn(end, ", ")) json_real(t, NULL, v);
        json_close(t, ']');
    }
    text_free(&def);
}

/* What may be written for a row. */
void schema_forms(text *t, const heft_option *o)
{
    switch (o->type) {
    case HEFT_BOOL:
        json_open(t, NULL, '{');
        json_string(t, "type", "boolean");
        json_close(t, '}');
        break;
    case HEFT_INT: case HEFT_REAL:
        schema_number(t, NULL, o);
        if (o->text) schema_words(t, o->text);
        break;
    case HEFT_ENUM: schema_words(t, o->text); break;
    case HEFT_STRING:
        json_open(t, NULL, '{');
        json_open(t, "type", '[');               /* what YAML takes for a number is a text here */
        json_string(t, NULL, "string"), json_string(t, NULL, "number"), json_string(t, NULL, "boolean");
        json_close(t, ']');
        json_close(t, '}');
        break;
    case HEFT_INTS: case HEFT_REALS:
        json_open(t, NULL, '{');
        json_string(t, "type", "array");
        schema_number(t, "items", o);
        if (!o->def_text || strcmp(o->def_text, "[]")) json_int(t, "minItems", 1);
        json_close(t, '}');
        schema_number(t, NULL, o);
        if (o->text) schema_words(t, o->text);
        break;
    case HEFT_END: break;
    }
}

void schema_option(text *t, const heft_option *o, bool has_default)
{
    text type = { 0 }, doc = { 0 };
    options_type_text(o, &type);
    text_printf(&doc, "%s (%s)", o->doc, type.s);
    json_open(t, o->name, '{');
    json_string(t, "description", doc.s);
    if (has_default && !schema_is_required(o)) default_value(t, o);
    json_open(t, "anyOf", '[');
    schema_forms(t, o);
    schema_ref(t, NULL, "reference", "");
    json_close(t, ']');
    json_close(t, '}');
    text_free(&type);
    text_free(&doc);
}

void schema_table(text *t, const heft_option *o)
{
    for (; o && o->type != HEFT_END; o++) schema_option(t, o, true);
}

bool schema_any_required(const heft_option *o)
{
    for (; o && o->type != HEFT_END; o++)
        if (schema_is_required(o)) return true;
    return false;
}

static void required(text *t, const heft_option *o)
{
    if (!schema_any_required(o)) return;
    json_open(t, "required", '[');
    for (; o && o->type != HEFT_END; o++)
        if (schema_is_required(o)) json_string(t, NULL, o->name);
    json_close(t, ']');
}

void schema_anything(text *t, const char *key, const char *doc)
{
    json_open(t, key, '{');
    json_string(t, "description", doc);
    json_close(t, '}');
}

/* {"type": "object" (or null too), "properties": { ... left open. */
void schema_open(text *t, const char *key, const char *doc, bool may_be_empty)
{
    json_open(t, key, '{');
    if (doc) json_string(t, "description", doc);
    json_open(t, "type", '[');
    json_string(t, NULL, "object");
    if (may_be_empty) json_string(t, NULL, "null");
    json_close(t, ']');
    json_open(t, "properties", '{');
}

void schema_close(text *t, const heft_option *of)
{
    json_close(t, '}');
    required(t, of);
    json_bool(t, "additionalProperties", false);
    json_close(t, '}');
}

/* One of `kind` or a list of them. */
void schema_one_or_many(text *t, const char *key, const char *doc, const char *kind)
{
    json_open(t, key, '{');
    json_string(t, "description", doc);
    json_open(t, "anyOf", '[');
    schema_ref(t, NULL, kind, "");
    json_open(t, NULL, '{');
    json_string(t, "type", "array");
    schema_ref(t, "items", kind, "");
    json_close(t, '}');
    json_close(t, ']');
    json_close(t, '}');
}
