/* churn PORT AT_ONCE CONNECTIONS: connects, sends one byte, takes it back and resets the connection, over and
 * over, AT_ONCE of them at a time, from one thread. Prints connections per second. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256 };

static struct sockaddr_in address;
static int epoll;

static void die(const char* what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The first event is that it is connected; the second, that the byte is back. */
static void begin(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) die("churn: socket");
    /* A reset leaves no TIME_WAIT behind, of which there would soon be more than ports. */
    struct linger reset = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0 && errno != EINPROGRESS)
        die("churn: connect");
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    long at_once = atol(argv[2]);
    long connections = atol(argv[3]);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    epoll = epoll_create1(0);
    double start = now();
    long begun = 0;
    long done = 0;
    for (; begun < at_once && begun < connections; ++begun) begin();
    while (done < connections) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, 10000);
        if (count == 0) {
            fprintf(stderr, "churn: no answer for 10 s\n");
            return 1;
        }
        for (int i = 0; i < count; ++i) {
            int fd = events[i].data.fd;
            char byte = 'x';
            if (events[i].events & EPOLLOUT) {
                if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1) die("churn: send");
                struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
                epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
                continue;
            }
            if (recv(fd, &byte, 1, 0) != 1) die("churn: recv");
            close(fd);
            ++done;
            if (begun < connections) {
                ++begun;
                begin();
            }
        }
    }
    printf("%.0f\n", (double)connections / (now() - start));
    return 0;
}
