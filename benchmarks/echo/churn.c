/* churn PORT AT_ONCE accept|request: connects and ends the connection, over and over, AT_ONCE of them at a
 * time, from one thread (../load.h); with `request` it sends a byte before and takes it back. A connection is
 * over when the server has closed it too. For each number of connections it prints the connections per
 * second. */
#define _GNU_SOURCE
#include <thrum/benchmarks/load.h>

enum { WARM_UP = 1000 };

static struct sockaddr_in address;
/* Not the server's own address: what waits there in TIME_WAIT takes no port from servers to come. */
static struct sockaddr_in own;
static int epoll;
static int with_request;

static void watch(int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll, operation, fd, &event) != 0) die("churn: epoll_ctl");
}

/* The first event is that it is connected; then comes the byte, if one was sent; the last is the end. */
static void begin(void) {
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) die("churn: socket");
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr*)&own, sizeof own) != 0) die("churn: bind");
    if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0 && errno != EINPROGRESS)
        die("churn: connect");
    watch(EPOLL_CTL_ADD, fd, EPOLLOUT);
}

/* True when the connection is over. */
static int proceed(int fd, uint32_t events) {
    char byte = 'x';
    if (events & EPOLLOUT) {
        if (with_request) {
            if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1) die("churn: send");
        } else {
            shutdown(fd, SHUT_WR);
        }
        watch(EPOLL_CTL_MOD, fd, EPOLLIN);
        return 0;
    }
    ssize_t size = recv(fd, &byte, 1, 0);
    if (size < 0) die("churn: recv");
    if (size == 1) {
        shutdown(fd, SHUT_WR);
        return 0;
    }
    close(fd);
    return 1;
}

static void run(long at_once, long connections) {
    long begun = 0;
    long done = 0;
    for (; begun < at_once && begun < connections; ++begun) begin();
    while (done < connections) {
        struct epoll_event events[EVENTS];
        int count = events_of(epoll, events);
        for (int i = 0; i < count; ++i) {
            if (!proceed(events[i].data.fd, events[i].events)) continue;
            ++done;
            if (begun < connections) {
                ++begun;
                begin();
            }
        }
    }
}

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    address = loopback(argv[1]);
    own = loopback("0");
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    with_request = strcmp(argv[3], "request") == 0;
    epoll = epoll_create1(0);
    run(atol(argv[2]), WARM_UP);
    ready();
    for (long connections; (connections = asked()) > 0;) {
        uint64_t start = now();
        run(atol(argv[2]), connections);
        printf("%.0f\n", (double)connections / seconds_since(start));
        fflush(stdout);
    }
    return 0;
}
