/* load PORT CONNECTIONS: 512-byte ping-pong on all connections at once, from one thread (../load.h). For each
 * number of requests it prints the requests per second and the latency's median and 99th percentile in
 * microseconds. */
#define _GNU_SOURCE
#include <thrum/benchmarks/load.h>

enum {
    SIZE = 512,
    BUCKETS = 1 << 22,
    BUCKETS_PER_MICROSECOND = 8,
    WARM_UP_PER_CONNECTION = 2,
    WARM_UP = 2000
};

struct connection {
    int fd;
    int received;
    uint64_t sent_at;
};

static struct connection* all;
static int connections;
static int epoll;
static uint32_t histogram[BUCKETS];

static void ping(struct connection* c) {
    static const char block[SIZE];
    c->received = 0;
    c->sent_at = now();
    if (send(c->fd, block, SIZE, MSG_NOSIGNAL) != SIZE) die("load: send");
}

/* True when the answer is whole. */
static int answered_by(struct connection* c) {
    char buffer[SIZE];
    ssize_t got = recv(c->fd, buffer, (size_t)(SIZE - c->received), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) die("load: recv");
    c->received += (int)got;
    return c->received == SIZE;
}

/* Returns the seconds it took. */
static double run(long requests) {
    memset(histogram, 0, sizeof histogram);
    uint64_t start = now();
    long sent = 0;
    long answered = 0;
    for (; sent < connections && sent < requests; ++sent) ping(&all[sent]);
    while (answered < requests) {
        struct epoll_event events[EVENTS];
        int count = events_of(epoll, events);
        for (int i = 0; i < count; ++i) {
            struct connection* c = events[i].data.ptr;
            if (!answered_by(c)) continue;
            ++answered;
            uint64_t bucket = (now() - c->sent_at) * BUCKETS_PER_MICROSECOND / 1000;
            ++histogram[bucket < BUCKETS ? bucket : BUCKETS - 1];
            if (sent < requests) {
                ++sent;
                ping(c);
            }
        }
    }
    return seconds_since(start);
}

/* Microseconds that so many of a thousand requests did not exceed. */
static double latency(long requests, long of_a_thousand) {
    long seen = 0;
    for (int i = 0; i < BUCKETS; ++i) {
        seen += histogram[i];
        if (seen * 1000 >= requests * of_a_thousand) return (double)i / BUCKETS_PER_MICROSECOND;
    }
    return 0;
}

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    connections = atoi(argv[2]);
    all = calloc((size_t)connections, sizeof *all);
    struct sockaddr_in address = loopback(argv[1]);
    epoll = epoll_create1(0);
    for (int i = 0; i < connections; ++i) {
        all[i].fd = connected(&address);
        reset_at_close(all[i].fd);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    /* Stacks, buffers and registrations are made now. */
    long warm_up = (long)WARM_UP_PER_CONNECTION * connections;
    run(warm_up > WARM_UP ? warm_up : WARM_UP);
    ready();
    for (long requests; (requests = asked()) > 0;) {
        double seconds = run(requests);
        printf("%.0f %.1f %.1f\n", (double)requests / seconds, latency(requests, 500),
               latency(requests, 990));
        fflush(stdout);
    }
    return 0;
}
