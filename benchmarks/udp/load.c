/* load PORT IN_FLIGHT SIZE: so many datagrams in flight at a time, in batches of 64 (../load.h). For each
 * number of datagrams it prints the datagrams per second. What is lost is sent again after 0.1 s. */
#define _GNU_SOURCE
#include <thrum/benchmarks/load.h>

#include <poll.h>

enum { BATCH = 64, LARGEST = 2048, WARM_UP = 1000, LOST_MILLISECONDS = 100 };

static struct mmsghdr messages[BATCH];

static void run(int fd, long window, long wanted) {
    long in_flight = 0;
    for (long answered = 0; answered < wanted;) {
        while (in_flight < window) {
            long count = window - in_flight < BATCH ? window - in_flight : BATCH;
            int went = sendmmsg(fd, messages, (unsigned)count, 0);
            if (went <= 0) break;
            in_flight += went;
        }
        struct pollfd readable = {fd, POLLIN, 0};
        if (poll(&readable, 1, LOST_MILLISECONDS) == 0) {
            in_flight = 0;
            continue;
        }
        int got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
        if (got < 0) continue;
        answered += got;
        in_flight -= got;
    }
}

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    long window = atol(argv[2]);
    static char buffer[LARGEST];
    size_t size = (size_t)atoi(argv[3]) < LARGEST ? (size_t)atoi(argv[3]) : LARGEST;
    struct sockaddr_in address = loopback(argv[1]);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr*)&address, sizeof address) != 0) die("load: connect");
    static struct iovec bytes[BATCH];
    for (int i = 0; i < BATCH; ++i) {
        bytes[i] = (struct iovec){buffer, size};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &bytes[i], .msg_iovlen = 1};
    }
    run(fd, window, WARM_UP);
    ready();
    for (long datagrams; (datagrams = asked()) > 0;) {
        uint64_t start = now();
        run(fd, window, datagrams);
        printf("%.0f\n", (double)datagrams / seconds_since(start));
        fflush(stdout);
    }
    return 0;
}
