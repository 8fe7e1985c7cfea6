/* mockbroker.c - see mockbroker.h. SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mockbroker.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mockbroker {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    int brokers;
};

static int add_topic(struct mockbroker *m, const char *text)
{
    char name[256];
    int partitions = 1;

    if (sscanf(text, "%255[^:]:%d", name, &partitions) < 1)
        return -1;
    return rd_kafka_mock_topic_create(m->cluster, name, partitions, m->brokers < 3 ? m->brokers : 3) ? -1 : 0;
}

struct mockbroker *mockbroker_start(int brokers, const char *const *topics)
{
    struct mockbroker *m = calloc(1, sizeof *m);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[512];

    if (!m)
        return NULL;
    m->brokers = brokers;
    (void)rd_kafka_conf_set(conf, "log_level", "4", why, sizeof why); /* that it has no broker of its own, it need not say */
    m->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    m->cluster = m->rk ? rd_kafka_mock_cluster_new(m->rk, brokers) : NULL;
    for (size_t i = 0; m->cluster && topics[i]; i++)
        if (add_topic(m, topics[i]) < 0) {
            mockbroker_stop(m);
            return NULL;
        }
    if (m->cluster)
        return m;
    mockbroker_stop(m);
    return NULL;
}

void mockbroker_stop(struct mockbroker *m)
{
    if (!m)
        return;
    if (m->cluster)
        rd_kafka_mock_cluster_destroy(m->cluster);
    if (m->rk)
        rd_kafka_destroy(m->rk);
    free(m);
}

const char *mockbroker_bootstrap(const struct mockbroker *m)
{
    return rd_kafka_mock_cluster_bootstraps(m->cluster);
}

int mockbroker_obey(struct mockbroker *m, const char *line)
{
    char name[256];
    int a, b, count = 1;

    if (sscanf(line, "err %d %d %d", &a, &b, &count) >= 2) {
        for (int i = 0; i < count; i++)
            rd_kafka_mock_push_request_errors(m->cluster, (int16_t)a, 1, (rd_kafka_resp_err_t)b);
        return 0;
    }
    if (sscanf(line, "forget %d", &a) == 1) {
        rd_kafka_mock_clear_request_errors(m->cluster, (int16_t)a);
        return 0;
    }
    if (sscanf(line, "topic %255s %d", name, &a) == 2) {
        rd_kafka_mock_topic_set_error(m->cluster, name, (rd_kafka_resp_err_t)a);
        return 0;
    }
    if (sscanf(line, "rtt %d %d", &a, &b) == 2)
        return rd_kafka_mock_broker_set_rtt(m->cluster, a, b) ? -1 : 0;
    if (sscanf(line, "down %d", &a) == 1)
        return rd_kafka_mock_broker_set_down(m->cluster, a) ? -1 : 0;
    if (sscanf(line, "up %d", &a) == 1)
        return rd_kafka_mock_broker_set_up(m->cluster, a) ? -1 : 0;
    return -1;
}

#ifdef MOCKBROKER_MAIN

#include <arpa/inet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int enter_namespace(void)
{
    struct ifreq lo = { .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING };
    int fd, rc;

    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return -1;
    (void)snprintf(lo.ifr_name, sizeof lo.ifr_name, "lo");
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    rc = fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &lo);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

struct pipe_pair { int from, to; };

static void *copy_main(void *arg)
{
    struct pipe_pair *p = arg;
    char bytes[65536];
    ssize_t n;

    while ((n = read(p->from, bytes, sizeof bytes)) > 0)
        for (ssize_t done = 0, w; done < n; done += w)
            if ((w = write(p->to, bytes + done, (size_t)(n - done))) <= 0)
                goto out;
out:
    (void)shutdown(p->to, SHUT_WR);
    (void)shutdown(p->from, SHUT_RD);
    free(p);
    return NULL;
}

static void start_copy(int from, int to)
{
    struct pipe_pair *p = malloc(sizeof *p);
    pthread_t t;

    if (!p)
        abort();
    *p = (struct pipe_pair){ .from = from, .to = to };
    if (pthread_create(&t, NULL, copy_main, p) == 0)
        (void)pthread_detach(t);
}

static struct { int fd, port; } bridge;

/* Descriptors of connections stay open until the end: a test makes a few. */
static void *bridge_main(void *arg)
{
    (void)arg;
    for (;;) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)bridge.port),
                                  .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
        int in = accept(bridge.fd, NULL, NULL), out;

        if (in < 0)
            return NULL;
        out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (out < 0 || connect(out, (struct sockaddr *)&to, sizeof to) < 0) {
            (void)close(in);
            if (out >= 0)
                (void)close(out);
            continue;
        }
        start_copy(in, out);
        start_copy(out, in);
    }
}

static int start_bridge(const char *path, const char *bootstrap)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    const char *colon = strrchr(bootstrap, ':');
    pthread_t t;

    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    bridge.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!colon || sscanf(colon + 1, "%d", &bridge.port) != 1 || bridge.fd < 0 ||
        bind(bridge.fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(bridge.fd, 64) < 0)
        return -1;
    return pthread_create(&t, NULL, bridge_main, NULL);
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    struct mockbroker *m;
    char line[512];
    int first = 1;

    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 2 && strcmp(argv[1], "--bridge") == 0) {
        path = argv[2];
        first = 3;
        if (enter_namespace() < 0)
            return 77;
    }
    if (argc <= first)
        return 2;
    m = mockbroker_start(atoi(argv[first]), (const char *const *)argv + first + 1);
    if (!m || (path && start_bridge(path, mockbroker_bootstrap(m)) < 0))
        return 1;
    (void)printf("%s\n", mockbroker_bootstrap(m));
    (void)fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        (void)printf("%s\n", mockbroker_obey(m, line) == 0 ? "ok" : "?");
        (void)fflush(stdout);
    }
    mockbroker_stop(m);
    return 0;
}

#endif
