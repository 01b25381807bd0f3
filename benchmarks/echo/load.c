/* load PORT CONNECTIONS REQUESTS: 512-byte ping-pong on all connections at once, from one thread.
 * Prints requests per second and the latency's median and 99th percentile in microseconds. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 512, EVENTS = 256, BUCKETS = 1 << 20 };

struct connection {
    int fd;
    int received;
    uint64_t sent_at;
};

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void die(const char* what) {
    perror(what);
    exit(1);
}

static void ping(struct connection* c) {
    static const char block[SIZE];
    c->received = 0;
    c->sent_at = now();
    if (send(c->fd, block, SIZE, MSG_NOSIGNAL) != SIZE) die("load: send");
}

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    int connections = atoi(argv[2]);
    long requests = atol(argv[3]);
    static uint32_t histogram[BUCKETS]; /* of microseconds / 8 */
    struct connection* all = calloc((size_t)connections, sizeof *all);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int epoll = epoll_create1(0);
    for (int i = 0; i < connections; ++i) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        int one = 1;
        if (fd < 0 || connect(fd, (struct sockaddr*)&address, sizeof address) != 0) die("load: connect");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        all[i].fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
    uint64_t start = now();
    long sent = 0;
    long answered = 0;
    for (; sent < connections && sent < requests; ++sent) ping(&all[sent]);
    while (answered < requests) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, 10000);
        if (count == 0) {
            fprintf(stderr, "load: no answer for 10 s\n");
            return 1;
        }
        for (int i = 0; i < count; ++i) {
            struct connection* c = events[i].data.ptr;
            char buffer[SIZE];
            ssize_t got = recv(c->fd, buffer, (size_t)(SIZE - c->received), MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) continue;
            if (got <= 0) die("load: recv");
            c->received += (int)got;
            if (c->received < SIZE) continue;
            ++answered;
            uint64_t bucket = (now() - c->sent_at) / 125;
            ++histogram[bucket < BUCKETS ? bucket : BUCKETS - 1];
            if (sent < requests) {
                ++sent;
                ping(c);
            }
        }
    }
    double seconds = (double)(now() - start) / 1e9;
    long seen = 0;
    double median = 0;
    double p99 = 0;
    for (int i = 0; i < BUCKETS; ++i) {
        seen += histogram[i];
        if (median == 0 && seen * 2 >= answered) median = i / 8.0;
        if (p99 == 0 && seen * 100 >= answered * 99) p99 = i / 8.0;
    }
    printf("%.0f %.1f %.1f\n", (double)answered / seconds, median, p99);
    return 0;
}
