#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/file.h"

/* FIPS 180-4's examples, from NIST's "SHA256.pdf" and "SHA2_Additional.pdf". */
static const struct { const char *text; size_t times; const char *hex; } known[] = {
    { "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    { "a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
};

static void known_answers(void **state)
{
    (void)state;
    char dir[] = "/tmp/heft-digest-XXXXXX", hex[DIGEST_HEX], file[64];
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/data", dir);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const size_t n = strlen(known[i].text) * known[i].times;
        char *bytes = block_alloc(n + 1, 1);
        assert_non_null(bytes);
        for (size_t k = 0; k < known[i].times; k++) memcpy(bytes + k * strlen(known[i].text), known[i].text, strlen(known[i].text));
        digest_bytes(bytes, n, hex);
        assert_string_equal(hex, known[i].hex);

        digest *d = digest_new();                /* in pieces of growing size */
        for (size_t at = 0, piece = 1; at < n; at += piece++) digest_add(d, bytes + at, piece < n - at ? piece : n - at);
        digest_end(d, hex);
        assert_string_equal(hex, known[i].hex);

        problems pr = { 0 };
        assert_int_equal(file_publish(file, bytes, n, &pr), 0);
        assert_int_equal(digest_file(file, hex, &pr), 0);
        assert_string_equal(hex, known[i].hex);
        block_free(bytes);
    }
    unlink(file);
    rmdir(dir);
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    char hex[DIGEST_HEX];
    problems pr = { 0 };
    assert_int_equal(digest_file("/nowhere/at/all", hex, &pr), -1);
    assert_int_equal(digest_file("/tmp", hex, &pr), -1);
    assert_int_equal(pr.n, 2);
    assert_string_equal(pr.item[0].at.file, "/nowhere/at/all");
    assert_string_equal(pr.item[0].text, "cannot be opened: No such file or directory");
    assert_string_equal(pr.item[1].text, "cannot be read: Is a directory");
    problems_free(&pr);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(known_answers), cmocka_unit_test(files_that_cannot_be_read) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
