/* path.c -- objects by name: hard links only, and the nearest name where there is none */
#include "hdf/inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { MOST_MEMBERS = 1 << 20, NAMED = 12 };

/* ---- members of a group ---- */

typedef struct members { arena *a; int64_t n, room; char **name; } members;

static herr_t add_member(hid_t group, const char *name, const H5L_info_t *info, void *to)
{
    (void)group, (void)info;
    members *m = to;
    if (m->n == MOST_MEMBERS) return -1;
    if (m->n == m->room) {
        const int64_t room = m->room ? 2 * m->room : 16;
        m->name = arena_grow(m->a, m->name, (size_t)m->n, (size_t)room, sizeof *m->name);
        m->room = room;
    }
    m->name[m->n++] = arena_strdup(m->a, name);
    return 0;
}

int hdf_list(hdf_file *f, const char *path, arena *a, int64_t *n, char ***names, problems *pr)
{
    members m = { .a = a };
    m.name = arena_alloc(a, 1, sizeof *m.name);
    const hid_t group = H5Gopen2(f->id, path, H5P_DEFAULT);
    const hid_t made = group < 0 ? -1 : H5Gget_create_plist(group);
    unsigned order = 0;
    bool ok = made >= 0 && H5Pget_link_creation_order(made, &order) >= 0;
    if (ok) {
        const H5_index_t by = order & H5P_CRT_ORDER_TRACKED ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
        ok = H5Literate(group, by, H5_ITER_INC, NULL, add_member, &m) >= 0;
    }
    if (made >= 0) H5Pclose(made);
    if (group >= 0) H5Gclose(group);
    if (!ok && pr) hdf_broken(f, path, pr, "members cannot be listed");
    *n = ok ? m.n : 0;
    *names = m.name;
    return ok ? 0 : -1;
}

int hdf_members(hdf_file *f, const char *path, arena *a, int64_t *n, char ***names, problems *pr)
{
    hdf_enter();
    *n = 0;
    int rc = -1;
    const H5O_type_t type = hdf_walk(f, path, pr);
    if (type == H5O_TYPE_GROUP) rc = hdf_list(f, path, a, n, names, pr);
    else if (type != H5O_TYPE_UNKNOWN) hdf_problem(f, path, pr, "not a group");
    hdf_leave();
    return rc;
}

/* ---- the way to an object ---- */

static void missing(hdf_file *f, const char *parent, const char *name, problems *pr)
{
    arena *a = arena_new();
    int64_t n;
    char **names;
    text t = { 0 };
    text_printf(&t, "there is no '%s'", name);
    if (hdf_list(f, parent, a, &n, &names, NULL) == 0) {
        const char **list = arena_grow(a, names, (size_t)n, (size_t)n + 1, sizeof *list);
        text_add(&t, text_hint(name, list).s);
        text_add(&t, n ? "; it has " : "; it is empty");
        for (int64_t i = 0; i < n && i < NAMED; i++) text_printf(&t, "%s%s", i ? ", " : "", names[i]);
        if (n > NAMED) text_printf(&t, " and %lld more", (long long)(n - NAMED));
    }
    hdf_problem(f, parent, pr, "%s", t.s);
    text_free(&t);
    arena_free(a);
}

static H5O_type_t object_type(hdf_file *f, const char *path)
{
    H5O_info_t info;
    if (H5Oget_info_by_name2(f->id, path, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return H5O_TYPE_UNKNOWN;
    return info.type;
}

/* One step: `path` ends at the step's name, whose parent is known to be a group. */
static H5O_type_t walk_step(hdf_file *f, const char *parent, const char *path, const char *name, problems *pr)
{
    H5L_info_t link;
    const htri_t there = H5Lexists(f->id, path, H5P_DEFAULT);
    if (there <= 0) {
        if (!pr) {}
        else if (there < 0) hdf_broken(f, path, pr, "cannot be looked up");
        else missing(f, *parent ? parent : "/", name, pr);
    } else if (H5Lget_info(f->id, path, &link, H5P_DEFAULT) < 0) {
        if (pr) hdf_broken(f, path, pr, "cannot be looked up");
    } else if (link.type != H5L_TYPE_HARD) {
        const bool soft = link.type == H5L_TYPE_SOFT, external = link.type == H5L_TYPE_EXTERNAL;
        if (pr) hdf_problem(f, path, pr, "%s link, which is not followed; only objects of the file itself are read",
                            soft ? "a soft" : external ? "an external" : "a user-defined");
    } else {
        const H5O_type_t type = object_type(f, path);
        if (type == H5O_TYPE_UNKNOWN && pr) hdf_broken(f, path, pr, "cannot be opened");
        return type;
    }
    return H5O_TYPE_UNKNOWN;
}

H5O_type_t hdf_walk(hdf_file *f, const char *path, problems *pr)
{
    H5O_type_t type = H5O_TYPE_GROUP;
    arena *a = arena_new();
    char *so_far = arena_alloc(a, strlen(path) + 2, 1), *parent = arena_alloc(a, strlen(path) + 2, 1);
    size_t n_parent = 0;
    for (const char *p = path; type != H5O_TYPE_UNKNOWN;) {
        p += strspn(p, "/");
        const size_t n = strcspn(p, "/");
        if (!n) break;
        if (type != H5O_TYPE_GROUP) {
            if (pr) hdf_problem(f, so_far, pr, "not a group, so there is no '%s' in it", p);
            type = H5O_TYPE_UNKNOWN;
            break;
        }
        memcpy(parent, so_far, n_parent);
        so_far[n_parent] = '/';
        memcpy(so_far + n_parent + 1, p, n);
        type = walk_step(f, parent, so_far, so_far + n_parent + 1, pr);
        n_parent += 1 + n;
        p += n;
    }
    arena_free(a);
    H5Eclear2(H5E_DEFAULT);
    return type;
}

bool hdf_exists(hdf_file *f, const char *path)
{
    hdf_enter();
    const bool there = hdf_walk(f, path, NULL) != H5O_TYPE_UNKNOWN;
    hdf_leave();
    return there;
}

bool hdf_is_group(hdf_file *f, const char *path)
{
    hdf_enter();
    const bool group = hdf_walk(f, path, NULL) == H5O_TYPE_GROUP;
    hdf_leave();
    return group;
}
