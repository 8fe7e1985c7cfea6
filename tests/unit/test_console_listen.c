/* Where the console listens and where it will not: each refusal has a sentence that names what is wrong, and leaves
 * nothing behind. SPDX-License-Identifier: Apache-2.0 */
#include "console/console.h"

#include "store_kit.h"

#include "base/log.h"
#include "tests/kit/certs.h"
#include "tests/kit/fake_services.h"
#include "tests/kit/httpd.h"
#include "tests/kit/suite.h"

#include <sys/socket.h>
#include <sys/un.h>

static struct folder folder;
static struct fake_services world;
static struct console_settings settings;
static struct error err;
static char listen_on[200];

static void setup(void)
{
    log_set_fd(-1);
    folder = folder_new();
    ck_assert_int_eq(mkdir(folder_file(&folder, "store"), 0700), 0);
    store_close(store_at(folder_file(&folder, "store"), STORE_RUN));
    fake_services_init(&world, false);
    settings = (struct console_settings) { 0 };
    err = (struct error) { 0 };
}

static void teardown(void)
{
    fake_services_release(&world);
    folder_empty(folder_file(&folder, "store"));
    (void)rmdir(folder_file(&folder, "store"));
    folder_remove(&folder);
}

static int start_with_store(const char *dir)
{
    const struct store_config store = { .dir = dir };
    struct console *c = NULL;
    int rc = console_start(&(struct console_config) { .sv = &world.sv, .settings = &settings, .store = &store }, &c, &err);

    ck_assert_msg((c != NULL) == (rc == 0), "a console in spite of: %s", err.msg);
    console_stop(c);
    return rc;
}

static void listen_at(const char *where)
{
    (void)snprintf(listen_on, sizeof listen_on, "%s", where);
    settings.listen = listen_on;
}

static void listen_in(const char *name)
{
    (void)snprintf(listen_on, sizeof listen_on, "unix:%s", folder_file(&folder, name));
    settings.listen = listen_on;
}

static void want_listening(void)
{
    ck_assert_msg(start_with_store(folder_file(&folder, "store")) == 0, "%s: %s", settings.listen, err.msg);
}

static void want_refusal(enum error_code code, const char *words)
{
    ck_assert_msg(start_with_store(folder_file(&folder, "store")) == -1, "it listens on %s", settings.listen);
    ck_assert_msg(err.code == code && strstr(err.msg, words), "wanted '%s', %s: %s", words, error_code_name(err.code), err.msg);
}

static bool is_there(const char *name)
{
    return access(folder_file(&folder, name), F_OK) == 0;
}

START_TEST(only_an_address_is_listened_on)
{
    static const char *const wrong[] = {
        "unix:relative", "unix:", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1 :9797", "localhost:9797",
        "[127.0.0.1]:9797", "[::1:9797", "::1:9797", "300.0.0.1:9797", "[fe80::zz]:9797", "",
        "unix:/far/too/long/for/a/socket/"
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        listen_at(wrong[i]);
        want_refusal(ERR_CONFIG, "is no address");
    }
}
END_TEST

START_TEST(beyond_this_machine_it_wants_a_token_and_tls)
{
    static const char *const beyond[] = { "0.0.0.0:9797", "[::]:9797", "192.0.2.1:9797" };
    static const char *const local[] = { "127.9.9.9:9797", "[::1]:9797", "unix:/run/x.socket" };
    char token_ref[] = "${file:/token}";

    for (size_t i = 0; i < ARRAY_LEN(beyond); i++) {
        settings = (struct console_settings) { 0 };
        listen_at(beyond[i]);
        want_refusal(ERR_CONFIG, "give it a `token`");
        settings.token_ref = token_ref;
        want_refusal(ERR_CONFIG, "give it `cert` and `key`");
        settings.allow_plain_http = true;
        ck_assert_msg(console_check(&settings, &err) == 0, "%s", err.msg);
    }
    for (size_t i = 0; i < ARRAY_LEN(local); i++) {
        settings = (struct console_settings) { 0 };
        listen_at(local[i]);
        ck_assert_msg(console_check(&settings, &err) == 0, "%s", err.msg);
    }
}
END_TEST

START_TEST(without_an_address_there_is_none)
{
    const struct store_config store = { .dir = "/nowhere" };
    struct console *c = NULL;

    ck_assert_int_eq(console_check(&settings, &err), 0);
    ck_assert_int_eq(console_start(&(struct console_config) { .settings = &settings, .store = &store }, &c, &err), 0);
    ck_assert_ptr_null(c);
}
END_TEST

START_TEST(what_stands_in_a_sockets_place_is_told_and_stays)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    listen_in("file");
    folder_write(&folder, "file", "precious");
    want_refusal(ERR_CONFIG, "is there and is no socket");
    ck_assert(is_there("file"));

    listen_in("file/below");
    want_refusal(ERR_IO, "Not a directory");
    listen_in("missing/socket");
    want_refusal(ERR_IO, "cannot listen on unix:");

    listen_in("socket");
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", folder_file(&folder, "socket"));
    ck_assert(bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0);
    want_refusal(ERR_CONFIG, "somebody listens on");
    ck_assert(is_there("socket"));
    (void)close(fd); /* whoever it was has ended, and left its file */
    want_listening();
    ck_assert(!is_there("socket"));
}
END_TEST

START_TEST(a_taken_port_is_told)
{
    struct httpd *taken = httpd_start(NULL, NULL, NULL);

    listen_at(httpd_url(taken) + sizeof "http://" - 1);
    want_refusal(ERR_IO, "Address already in use");
    httpd_stop(taken);
    want_listening();
}
END_TEST

START_TEST(a_certificate_that_is_of_no_use_is_told)
{
    char cert[200], key[200], other[200], missing[200];

    (void)snprintf(cert, sizeof cert, "%s", folder_file(&folder, "a.pem"));
    (void)snprintf(other, sizeof other, "%s", folder_file(&folder, "b.pem"));
    (void)snprintf(key, sizeof key, "%s", folder_file(&folder, "b.key"));
    (void)snprintf(missing, sizeof missing, "%s", folder_file(&folder, "missing.pem"));
    cert_make(cert, &(struct cert_wish) { .cn = "localhost" });
    cert_make(other, &(struct cert_wish) { .cn = "localhost" });
    cert_split(other, folder_file(&folder, "b.crt"), key);
    listen_in("socket");

    settings.cert = cert; /* its file holds the key, too */
    want_listening();
    settings.key = key;
    want_refusal(ERR_CONFIG, "do certificate and key belong together?");
    settings.key = missing;
    want_refusal(ERR_CONFIG, "missing.pem");
    settings.key = NULL;
    settings.cert = missing;
    want_refusal(ERR_CONFIG, "missing.pem");
    ck_assert(!is_there("socket"));
}
END_TEST

START_TEST(without_a_store_there_is_nothing_to_show)
{
    listen_in("socket");
    ck_assert_int_eq(start_with_store(folder_file(&folder, "missing")), -1);
    ck_assert_msg(err.msg[0] && !is_there("socket"), "%s", err.msg);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("console: listen");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, only_an_address_is_listened_on);
    tcase_add_test(t, beyond_this_machine_it_wants_a_token_and_tls);
    tcase_add_test(t, without_an_address_there_is_none);
    tcase_add_test(t, what_stands_in_a_sockets_place_is_told_and_stays);
    tcase_add_test(t, a_taken_port_is_told);
    tcase_add_test(t, a_certificate_that_is_of_no_use_is_told);
    tcase_add_test(t, without_a_store_there_is_nothing_to_show);
    return run_group("console: listen", t);
}
