/* file.c -- files in memory, published whole; files opened; the lock; errors as one line */
#include "hdf/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

/* HDF5 is one library with global state, so its lock is global too. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned long opened;         /* under the lock: the core driver takes two files of one name for one file */
static struct { H5E_auto2_t print; void *context; unsigned loading; } guest;    /* the settings of a program that uses heft.h */

/* Without H5dont_atexit a failed close makes HDF5's exit handler crash the process; it must be the first call. */
static void begin(void)
{
    H5dont_atexit();
    H5open();
}

void hdf_enter(void)
{
    pthread_mutex_lock(&lock);
    pthread_once(&once, begin);
    H5Eget_auto2(H5E_DEFAULT, &guest.print, &guest.context);
    H5PLget_loading_state(&guest.loading);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);       /* a setting of the thread, not of the process */
    H5Eclear2(H5E_DEFAULT);
    H5PLset_loading_state(0);
}

void hdf_leave(void)
{
    H5Eset_auto2(H5E_DEFAULT, guest.print, guest.context);
    H5PLset_loading_state(guest.loading);
    pthread_mutex_unlock(&lock);
}

/* ---- errors ---- */

place hdf_place(hdf_file *f, const char *path, arena *a)
{
    return (place){ arena_printf(a, "%s:%s", f->name, path), 0, 0 };
}

void hdf_problem(hdf_file *f, const char *path, problems *pr, const char *fmt, ...)
{
    text t = { 0 };
    va_list ap;
    va_start(ap, fmt);
    text_vprintf(&t, fmt, ap);
    va_end(ap);
    arena *a = arena_new();
    problems_add(pr, path ? hdf_place(f, path, a) : (place){ f->name, 0, 0 }, "%s", t.s);
    arena_free(a);
    text_free(&t);
}

/* The innermost entry says what happened; the others, where HDF5 was at that time. */
static herr_t innermost(unsigned n, const H5E_error2_t *e, void *out)
{
    (void)n;
    const char *s = e->desc ? e->desc : "";
    if (!*s) return 0;
    text_add_n(out, s, strcspn(s, "\r\n"));
    return 1;
}

static void reason(text *t)
{
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, t);
    if (!t->n) text_add(t, "HDF5 gave no reason");
    H5Eclear2(H5E_DEFAULT);
}

void hdf_broken(hdf_file *f, const char *path, problems *pr, const char *fact)
{
    text t = { 0 };
    reason(&t);
    hdf_problem(f, path, pr, "%s: %s", fact, t.s);
    text_free(&t);
}

/* ---- files in memory ---- */

enum { CORE_STEP = 64 << 10 };

static hdf_file *file_new(const char *name)
{
    hdf_file *f = calloc(1, sizeof *f);
    if (!f || !(f->name = strdup(name))) memory_exhausted(sizeof *f + strlen(name));
    f->id = f->described.id = H5I_INVALID_HID;
    for (int i = 0; i < HDF_KEPT; i++) f->kept[i].id = H5I_INVALID_HID;
    return f;
}

static void file_free(hdf_file *f)
{
    for (int i = 0; i < HDF_KEPT; i++) free(f->kept[i].path);
    free(f->described.path);
    free(f->group);
    free(f->image);
    free(f->name);
    free(f);
}

static void *share(void *udata) { return udata; }
static herr_t keep(void *udata) { (void)udata; return 0; }

/* Writing.  HDF5 grows the buffer by image_realloc and gives it back by image_free when the file is closed, which
 * is the only way to it that 1.10 has: H5Fget_file_image leaves a wrong checksum in a version 2 superblock.  Fresh
 * bytes are zeroed because HDF5 may leave gaps.  HDF5 asks for CORE_STEP more at a time, and the room grows by a quarter. */
static void *grow(void *p, size_t n, H5FD_file_image_op_t op, void *udata)
{
    (void)op;
    hdf_file *f = udata;
    if (!p || n > f->room) {
        const size_t room = n > f->room + f->room / 4 ? n : f->room + f->room / 4;
        if (!(p = realloc(p, room ? room : 1))) return NULL;
        f->room = room;
    }
    if (n > f->n_image) memset((char *)p + f->n_image, 0, n - f->n_image);
    f->n_image = n;
    return p;
}

static void *grow_new(size_t n, H5FD_file_image_op_t op, void *udata) { return grow(NULL, n, op, udata); }

static herr_t take(void *p, H5FD_file_image_op_t op, void *udata)
{
    hdf_file *f = udata;
    if (op == H5FD_FILE_IMAGE_OP_FILE_CLOSE) f->image = p;
    else free(p);
    return 0;
}

static void *copy(void *to, const void *from, size_t n, H5FD_file_image_op_t op, void *udata)
{
    (void)op, (void)udata;
    return to == from ? to : memcpy(to, from, n);
}

/* Reading.  Property lists and the open file all look at the one buffer, which hdf_close frees. */
static void *lend(size_t n, H5FD_file_image_op_t op, void *udata)
{
    (void)op;
    const hdf_file *f = udata;
    return n <= f->n_image ? f->image : NULL;
}

static void *refuse(void *p, size_t n, H5FD_file_image_op_t op, void *udata)
{
    (void)p, (void)n, (void)op, (void)udata;
    return NULL;
}

static herr_t lent(void *p, H5FD_file_image_op_t op, void *udata) { (void)p, (void)op, (void)udata; return 0; }

static hid_t core_access(hdf_file *f)
{
    H5FD_file_image_callbacks_t writing = { grow_new, copy, grow, take, share, keep, f },
                                reading = { lend, copy, refuse, lent, share, keep, f };
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0) return access;
    if (H5Pset_fapl_core(access, CORE_STEP, 0) >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_SEMI) >= 0
        && H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0
        && H5Pset_file_image_callbacks(access, f->writing ? &writing : &reading) >= 0
        && (f->writing || H5Pset_file_image(access, f->image, f->n_image) >= 0))
        return access;
    H5Pclose(access);
    return H5I_INVALID_HID;
}

hdf_file *hdf_create(problems *pr)
{
    hdf_enter();
    hdf_file *f = file_new("(new HDF5 file)");
    f->writing = true;
    char name[40];
    snprintf(name, sizeof name, "memory-%lu", ++opened);
    const hid_t access = core_access(f), create = H5Pcreate(H5P_FILE_CREATE);
    if (access >= 0 && create >= 0 && H5Pset_userblock(create, HDF_USERBLOCK) >= 0
        && H5Pset_obj_track_times(create, 0) >= 0
        && H5Pset_link_creation_order(create, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0)
        f->id = H5Fcreate(name, H5F_ACC_TRUNC, create, access);
    if (f->id < 0) {
        hdf_broken(f, NULL, pr, "cannot be begun in memory");
        file_free(f);
        f = NULL;
    }
    if (access >= 0) H5Pclose(access);
    if (create >= 0) H5Pclose(create);
    hdf_leave();
    return f;
}

static uint64_t little(const unsigned char *p, unsigned bytes)
{
    uint64_t v = 0;
    while (bytes) v = v << 8 | p[--bytes];
    return v;
}

static int close_file(hdf_file *f)
{
    for (int i = 0; i < HDF_KEPT; i++)
        if (f->kept[i].id >= 0) H5Dclose(f->kept[i].id);
    if (f->described.id >= 0) H5Oclose(f->described.id);
    return H5Fclose(f->id) < 0 ? -1 : 0;
}

/* Bytes of the closed image that are the file, user block included: a version 2 superblock has its end at 28.
 * (H5Fget_eoa wants a driver that can do SWMR, and the buffer itself is longer.) */
static int measure_image(hdf_file *f, size_t *n, problems *pr)
{
    const unsigned char *superblock = (const unsigned char *)f->image + HDF_USERBLOCK;
    const uint64_t end = f->n_image < HDF_USERBLOCK + 48 ? 0 : little(superblock + 28, 8);
    if (end <= HDF_USERBLOCK || end > f->n_image || superblock[8] != 2) {
        hdf_problem(f, NULL, pr, "HDF5 gave back %zu bytes, of which %" PRIu64 " are a file", f->n_image, end);
        return -1;
    }
    *n = (size_t)end;
    return 0;
}

int hdf_complete(hdf_file *f, const char *name, hdf_image *out, problems *pr)
{
    *out = (hdf_image){ 0 };
    hdf_enter();
    free(f->name);
    if (!(f->name = strdup(name))) memory_exhausted(strlen(name));
    int rc = -1;
    const bool closed = close_file(f) == 0;
    if (!closed) hdf_broken(f, NULL, pr, "cannot be completed in memory");
    else if (f->failed) hdf_problem(f, NULL, pr, "not written, since a part of it could not be made");
    else rc = measure_image(f, &out->n, pr);
    hdf_leave();
    if (rc == 0) {
        out->bytes = f->image;
        f->image = NULL;
    }
    if (closed) file_free(f);                    /* else HDF5 still holds on to it */
    return rc;
}

void hdf_image_seal(hdf_image *i, const char *format)
{
    char hex[DIGEST_HEX];
    digest_bytes(i->bytes + HDF_USERBLOCK, i->n - HDF_USERBLOCK, hex);
    const int k = snprintf(i->bytes, HDF_USERBLOCK, "%s %zu %s\n", format, i->n - HDF_USERBLOCK, hex);
    memset(i->bytes + k, 0, HDF_USERBLOCK - (size_t)k);
}

int hdf_image_publish(hdf_image *i, const char *format, const char *target, problems *pr)
{
    hdf_image_seal(i, format);
    const int rc = file_publish(target, i->bytes, i->n, pr);
    hdf_image_free(i);
    return rc;
}

void hdf_image_free(hdf_image *i)
{
    free(i->bytes);
    *i = (hdf_image){ 0 };
}

int hdf_publish(hdf_file *f, const char *format, const char *target, problems *pr)
{
    hdf_image i;
    return hdf_complete(f, target, &i, pr) == 0 ? hdf_image_publish(&i, format, target, pr) : -1;
}

size_t hdf_bytes(hdf_file *f)
{
    hdf_enter();
    hsize_t n = 0;
    if (H5Fflush(f->id, H5F_SCOPE_GLOBAL) < 0 || H5Fget_filesize(f->id, &n) < 0) n = f->n_image;
    hdf_leave();
    return (size_t)n;
}

const char *hdf_version(void)
{
#define TEXT(x) #x
#define VERSION(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)
    return VERSION(H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
}

void hdf_discard(hdf_file *f) { hdf_close(f); }

void hdf_close(hdf_file *f)
{
    if (!f) return;
    hdf_enter();
    const int rc = close_file(f);
    hdf_leave();
    if (rc == 0) file_free(f);                   /* else HDF5 still holds on to it */
}

/* ---- opening ---- */

/* "heft-checkpoint 1 <length> <sha256>\n" in front. */
static int verify(hdf_file *f, const char *format, problems *pr)
{
    const char *version = strrchr(format, ' ');
    const size_t kind = (size_t)(version - format) + 1;
    int64_t wanted = 0;
    text_int(version + 1, &wanted);
    char line[HDF_USERBLOCK + 1] = "";
    memcpy(line, f->image, f->n_image < HDF_USERBLOCK ? f->n_image : HDF_USERBLOCK);
    const size_t end = strcspn(line, "\n");
    long found = 0;
    size_t length = 0;
    char hex[DIGEST_HEX] = "", sum[DIGEST_HEX], again[HDF_USERBLOCK];
    if (strncmp(line, format, kind) || sscanf(line + kind, "%ld %zu %64[0-9a-f]", &found, &length, hex) < 1) {
        hdf_problem(f, NULL, pr, "not a %.*s file: it does not begin with '%s'", (int)kind - 1, format, format);
        return -1;
    }
    if (found > wanted || found < 1) {
        hdf_problem(f, NULL, pr, "is in version %ld of %.*s; this heft reads versions up to %" PRId64, found,
                    (int)kind - 1, format, wanted);
        return -1;
    }
    /* Written again, it must be the same block: nothing in it is left unchecked. */
    const int k = snprintf(again, sizeof again, "%.*s%ld %zu %s\n", (int)kind, format, found, length, hex);
    bool same = f->n_image >= HDF_USERBLOCK && strlen(hex) == 64 && (size_t)k == end + 1
        && !memcmp(line, again, (size_t)k);
    for (size_t i = end + 1; same && i < HDF_USERBLOCK; i++) same = !f->image[i];
    if (!same) {
        hdf_problem(f, NULL, pr, "damaged: its first line is not '%s LENGTH SHA-256'", format);
        return -1;
    }
    if (f->n_image - HDF_USERBLOCK != length) {
        hdf_problem(f, NULL, pr, "damaged: %zu bytes of content, and %zu were written", f->n_image - HDF_USERBLOCK,
                    length);
        return -1;
    }
    digest_bytes(f->image + HDF_USERBLOCK, length, sum);
    if (!strcmp(sum, hex)) return 0;
    hdf_problem(f, NULL, pr, "damaged: the SHA-256 of its content is %s, and %s was written", sum, hex);
    return -1;
}

char *hdf_format(const char *path, arena *a, problems *pr)
{
    char line[32] = "";
    FILE *f = fopen(path, "rb");
    if (!f) {
        problems_system(pr, path, "cannot be opened", errno);
        return NULL;
    }
    const size_t n = fread(line, 1, sizeof line - 1, f);
    const int error = ferror(f) ? errno : 0;
    fclose(f);
    if (error) {
        problems_system(pr, path, "cannot be read", error);
        return NULL;
    }
    return arena_strndup(a, line, strncmp(line, "heft-", 5) || !memchr(line, ' ', n) ? 0 : strcspn(line, " "));
}

hdf_file *hdf_open_published(const char *path, const char *format, problems *pr)
{
    hdf_file *f = file_new(path);
    if (!(f->image = file_read(path, SIZE_MAX / 4, &f->n_image, pr)) || verify(f, format, pr) < 0) {
        file_free(f);
        return NULL;
    }
    hdf_enter();
    char name[40];
    snprintf(name, sizeof name, "memory-%lu", ++opened);
    const hid_t access = core_access(f);
    if (access >= 0) f->id = H5Fopen(name, H5F_ACC_RDONLY, access);
    if (f->id < 0) hdf_broken(f, NULL, pr, "cannot be opened as HDF5");
    if (access >= 0) H5Pclose(access);
    hdf_leave();
    if (f->id < 0) {
        file_free(f);
        return NULL;
    }
    return f;
}

/* The messages of a superblock extension (an object header of version 2; HDF5 File Format Specification, IV.A.1.b
 * and II.C) may be file space information, B-tree sizes and shared messages.  Others, the metadata cache image
 * above all, which a damaged file makes libhdf5 1.10 crash on, are refused. */
static bool plain_extension(int fd, off_t at)
{
    unsigned char h[1024] = { 0 };
    const ssize_t got = pread(fd, h, sizeof h, at);
    if (got < 16 || memcmp(h, "OHDR\2", 5)) return false;
    const unsigned flags = h[5], width = 1u << (flags & 3), order = flags & 4 ? 2 : 0;
    size_t p = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
    const uint64_t size = little(h + p, width);
    p += width;
    if (p > (size_t)got || size > (size_t)got - p) return false;
    for (const size_t end = p + size; p + 4 + order <= end;) {
        enum { NIL = 0, SHARED = 0x0f, BTREE_K = 0x13, SPACE = 0x17 };
        const unsigned type = h[p];
        if (type != NIL && type != SHARED && type != BTREE_K && type != SPACE) return false;
        p += 4 + order + (size_t)little(h + p + 1, 2);
    }
    return true;
}

/* What libhdf5 1.10 may crash on is refused by looking at the superblock: it stands at 0, 512, 1024, 2048, ... */
static int check_superblock(hdf_file *f, int fd, off_t size, problems *pr)
{
    static const unsigned char signature[8] = { 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n' };
    for (off_t at = 0; at < size; at = at ? 2 * at : 512) {
        unsigned char s[64] = { 0 };
        if (pread(fd, s, sizeof s, at) < 0) {
            problems_system(pr, f->name, "cannot be read", errno);
            return -1;
        }
        if (memcmp(s, signature, 8)) continue;
        /* Behind the sizes of offsets: version 0 has the driver's block at 48, 1 at 52, 2 and 3 the extension at
         * 20. */
        const unsigned version = s[8], offset_size = version < 2 ? s[13] : s[9];
        const uint64_t more = little(s + (version == 0 ? 48 : version == 1 ? 52 : 20), 8);
        const bool there = more != UINT64_MAX;
        if (version > 3) hdf_problem(f, NULL, pr, "HDF5 superblock of version %u; 0 to 3 are read", version);
        else if (offset_size != 8)
            hdf_problem(f, NULL, pr, "HDF5 file with offsets of %u bytes; 8 are read", offset_size);
        else if (there && version < 2) hdf_problem(f, NULL, pr, "HDF5 file of a special driver; plain files are read");
        else if (there && (more >= (uint64_t)size || !plain_extension(fd, at + (off_t)more)))
            hdf_problem(f, NULL, pr, "HDF5 file with a superblock extension that is not read, such as a cache image; "
                        "h5repack makes one without");
        else return 0;
        return -1;
    }
    hdf_problem(f, NULL, pr, size ? "not an HDF5 file: the signature is missing" : "not an HDF5 file: it is empty");
    return -1;
}

static int check_foreign(hdf_file *f, problems *pr)
{
    const int fd = open(f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);     /* a FIFO must not block */
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        problems_system(pr, f->name, "cannot be opened", errno);
        if (fd >= 0) close(fd);
        return -1;
    }
    int rc = -1;
    if (S_ISDIR(st.st_mode)) hdf_problem(f, NULL, pr, "a directory, where an HDF5 file was expected");
    else if (!S_ISREG(st.st_mode)) hdf_problem(f, NULL, pr, "not a regular file, where an HDF5 file was expected");
    else rc = check_superblock(f, fd, st.st_size, pr);
    close(fd);
    return rc;
}

hdf_file *hdf_open(const char *path, problems *pr)
{
    hdf_file *f = file_new(path);
    if (check_foreign(f, pr) == 0) {
        hdf_enter();
        const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
        if (access >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_SEMI) >= 0
            && H5Pset_file_locking(access, 1, 1) >= 0)
            f->id = H5Fopen(path, H5F_ACC_RDONLY, access);
        if (f->id < 0) hdf_broken(f, NULL, pr, "cannot be opened as HDF5");
        if (access >= 0) H5Pclose(access);
        hdf_leave();
    }
    if (f->id >= 0) return f;
    file_free(f);
    return NULL;
}
