/* A UDP echo server on recvmmsg(2) and sendmmsg(2), the floor that thrum_mmsg is measured against: epoll
 * while there is nothing, then as many datagrams as a table of 64 takes, and back. Prints its port. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BATCH = 64, SIZE = 2048 };

int main(void) {
    static char buffers[BATCH][SIZE];
    static struct sockaddr_storage addresses[BATCH];
    static struct iovec bytes[BATCH];
    static struct mmsghdr messages[BATCH];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr*)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr*)&address, &length) != 0) {
        perror("raw_mmsg: cannot bind");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    for (;;) {
        for (int i = 0; i < BATCH; ++i) {
            bytes[i] = (struct iovec){buffers[i], SIZE};
            messages[i].msg_hdr = (struct msghdr){.msg_name = &addresses[i],
                                                  .msg_namelen = sizeof addresses[i],
                                                  .msg_iov = &bytes[i],
                                                  .msg_iovlen = 1};
        }
        int count = recvmmsg(fd, messages, BATCH, 0, NULL);
        if (count < 0) {
            if (errno == EAGAIN) epoll_wait(epoll, &event, 1, -1);
            continue;
        }
        for (int i = 0; i < count; ++i) bytes[i].iov_len = messages[i].msg_len;
        for (int sent = 0; sent < count;) {
            int went = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
            if (went < 0) break;
            sent += went;
        }
    }
}
