/* What the loads share. Each prints "ready" when its connections stand and are warm, does so much work as
 * each line of its standard input asks for, prints what it saw in a line, and ends with that input: whoever
 * runs it can read what the server's process has spent before and after. */
#pragma once

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

enum { EVENTS = 256, PATIENCE_MILLISECONDS = 10000 };

static inline uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline double seconds_since(uint64_t start) { return (double)(now() - start) / 1e9; }

static inline void die(const char* what) {
    perror(what);
    exit(1);
}

static inline struct sockaddr_in loopback(const char* port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(port)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline int connected(const struct sockaddr_in* address) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    if (fd < 0 || connect(fd, (const struct sockaddr*)address, sizeof *address) != 0) die("load: connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* Its close() is a reset, which leaves no TIME_WAIT behind, of which there would soon be more than ports. */
static inline void reset_at_close(int fd) {
    struct linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* How many events there are; it gives up where nothing comes any more. */
static inline int events_of(int epoll, struct epoll_event* events) {
    int count = epoll_wait(epoll, events, EVENTS, PATIENCE_MILLISECONDS);
    if (count > 0) return count;
    fprintf(stderr, "load: no answer for 10 s\n");
    exit(1);
}

static inline void ready(void) {
    puts("ready");
    fflush(stdout);
}

/* How much the next line asks for; 0 at the end. */
static inline long asked(void) {
    char line[64];
    return fgets(line, sizeof line, stdin) == NULL ? 0 : atol(line);
}
