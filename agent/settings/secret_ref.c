/* secret_ref.c - where a secret is kept, and fetching it from there. The configuration file never holds
 * one: it is backed up, shown to colleagues and pasted into tickets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/option.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX 65536
#define PLACE_MAX 4096 /* longest name or path of a place */

/* The text between "${kind:" and "}". */
static bool cut_reference(struct slice ref, struct slice kind, struct slice *ret)
{
    if (!slice_starts(ref, kind) || ref.len <= kind.len || ref.at[ref.len - 1] != '}')
        return false;
    *ret = slice_make(ref.at + kind.len, ref.len - kind.len - 1);
    return ret->len < PLACE_MAX && !memchr(ret->at, '\0', ret->len);
}

static struct slice without_frame(struct slice s)
{
    if (slice_starts(s, SL("\xef\xbb\xbf"))) /* editors of other systems put it there unasked */
        s = slice_make(s.at + 3, s.len - 3);
    while (s.len > 0 && (s.at[s.len - 1] == '\n' || s.at[s.len - 1] == '\r'))
        s.len--;
    return s;
}

/* `place` is what messages call it. */
static int keep(struct slice value, const char *place, struct secret *ret, struct error *err)
{
    value = without_frame(value);
    if (value.len == 0)
        return error_set(err, ERR_CONFIG, "%s is empty", place);
    if (memchr(value.at, '\0', value.len))
        return error_set(err, ERR_CONFIG, "%s holds a NUL byte", place);
    if (!secret_set(ret, value))
        return error_set(err, ERR_NOMEM, "no memory for a secret");
    return 0;
}

static int read_all(int fd, char *at, size_t max, size_t *ret_len)
{
    size_t len = 0;

    while (len < max) {
        ssize_t n = read(fd, at + len, max - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return 0;
}

static int read_secret_fd(int fd, const char *path, struct secret *ret, struct error *err)
{
    char text[SECRET_MAX + 1];
    char place[160], why[160];
    struct stat st;
    size_t len = 0;
    int rc;

    if (fstat(fd, &st) < 0)
        return error_errno(err, ERR_CONFIG, errno, "file '%.100s'", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERR_CONFIG, "'%.100s' is not a regular file", path);
    if (!file_is_trusted(&st, FILE_OWNER_US, why, sizeof why))
        return error_set(err, ERR_CONFIG, "file '%.100s' is %s", path, why);
    (void)snprintf(place, sizeof(place), "file '%.100s'", path);
    if (read_all(fd, text, sizeof(text), &len) < 0)
        rc = error_errno(err, ERR_CONFIG, errno, "%s", place);
    else if (len > SECRET_MAX)
        rc = error_set(err, ERR_CONFIG, "%s is larger than %d bytes", place, SECRET_MAX);
    else
        rc = keep(slice_make(text, len), place, ret, err);
    wipe(text, sizeof(text));
    return rc;
}

static int read_secret_file(const char *path, struct secret *ret, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;

    if (fd < 0)
        return error_errno(err, ERR_CONFIG, errno, "file '%.100s'", path);
    rc = read_secret_fd(fd, path, ret, err);
    (void)close(fd); /* only read */
    return rc;
}

static int from_env(struct slice name, struct secret *ret, struct error *err)
{
    CLEANUP(secret_release) struct secret value = SECRET_INIT;
    char text[PLACE_MAX], place[160];

    (void)snprintf(text, sizeof(text), "%.*s", SLF(name));
    switch (secret_from_env(text, &value)) {
    case SECRET_ENV_UNSET: return error_set(err, ERR_CONFIG, "environment variable '%.80s' is not set", text);
    case SECRET_ENV_NOMEM: return error_set(err, ERR_NOMEM, "no memory for a secret");
    case SECRET_ENV_FOUND: break;
    }
    (void)snprintf(place, sizeof(place), "environment variable '%.80s'", text);
    return keep(slice_make(secret_reveal(&value), value.len), place, ret, err);
}

static int from_file(struct slice path, struct secret *ret, struct error *err)
{
    char text[PLACE_MAX];

    if (path.len == 0 || path.at[0] != '/')
        return error_set(err, ERR_CONFIG, "path '%.*s' of a secret has to start with '/'",
                         SLF(slice_cut(path, 80)));
    (void)snprintf(text, sizeof(text), "%.*s", SLF(path));
    return read_secret_file(text, ret, err);
}

/* Names a file in the folder, not a way out of it. */
static bool is_credential_name(struct slice name)
{
    return name.len > 0 && name.at[0] != '.' && !memchr(name.at, '/', name.len);
}

static int from_credential(struct slice name, struct secret *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT(2 * PLACE_MAX);
    const char *dir = getenv("CREDENTIALS_DIRECTORY");

    if (!is_credential_name(name))
        return error_set(err, ERR_CONFIG, "'%.*s' is not the name of a credential",
                         SLF(slice_cut(name, 80)));
    if (!dir || dir[0] == '\0')
        return error_set(err, ERR_CONFIG,
                         "credential '%.*s': not started by systemd with LoadCredential= "
                         "(CREDENTIALS_DIRECTORY is not set)",
                         SLF(slice_cut(name, 60)));
    buf_add_str(&path, dir);
    buf_add_char(&path, '/');
    buf_add_slice(&path, name);
    if (buf_check(&path, err) < 0)
        return -1;
    return read_secret_file(buf_cstr(&path), ret, err);
}

bool secret_ref_is_valid(struct slice reference)
{
    struct slice place;

    return (cut_reference(reference, SL("${env:"), &place) && place.len > 0) ||
           (cut_reference(reference, SL("${file:"), &place) && slice_starts(place, SL("/"))) ||
           (cut_reference(reference, SL("${credential:"), &place) && is_credential_name(place));
}

int secret_ref_resolve(struct slice reference, struct secret *ret, struct error *err)
{
    struct slice place;

    if (cut_reference(reference, SL("${env:"), &place))
        return from_env(place, ret, err);
    if (cut_reference(reference, SL("${file:"), &place))
        return from_file(place, ret, err);
    if (cut_reference(reference, SL("${credential:"), &place))
        return from_credential(place, ret, err);
    return error_set(err, ERR_CONFIG,
                     "a reference to the secret is expected, not the secret itself: ${env:NAME}, "
                     "${file:/path} or ${credential:NAME}");
}
