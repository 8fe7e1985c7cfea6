/* fake_services.c - see fake_services.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/fake_services.h"

#include "net/http.h"

static int64_t fake_wall_ns(void *self)
{
    return clock_system.wall_ns(NULL) + atomic_load(&((struct fake_services *)self)->wall_offset_ns);
}

static int64_t fake_mono_ms(void *self)
{
    struct fake_services *f = self;

    (void)atomic_fetch_add(&f->looks, 1);
    return clock_system.mono_ms(NULL) + atomic_load(&f->mono_offset_ms);
}

static void fake_bytes(void *self, void *at, size_t len)
{
    unsigned char *p = at;

    for (size_t i = 0; i < len; i++)
        p[i] = (unsigned char)atomic_fetch_add(&((struct fake_services *)self)->dice, 1);
}

static const struct clock_ops fake_clock = { .wall_ns = fake_wall_ns, .mono_ms = fake_mono_ms };
static const struct random_ops fake_random = { .bytes = fake_bytes };

void fake_services_init(struct fake_services *f, bool is_fixed)
{
    *f = (struct fake_services){ .sv = { .clock = &fake_clock, .clock_self = f, .random = &fake_random,
                                         .random_self = f } };
    if (is_fixed)
        atomic_store(&f->wall_offset_ns, FAKE_WALL_START_NS - clock_system.wall_ns(NULL));
}

void fake_services_pass(struct fake_services *f, int64_t ms)
{
    (void)atomic_fetch_add(&f->mono_offset_ms, ms);
    (void)atomic_fetch_add(&f->wall_offset_ns, ms * NS_PER_MS);
}

void fake_services_add_http(struct fake_services *f)
{
    f->sv.http = http_client_new(&(struct http_client_config){ .user_agent = "cosmowatch-test/1" }, &f->sv);
}

void fake_services_release(struct fake_services *f)
{
    http_client_free(f->sv.http);
    f->sv.http = NULL;
}
