/* An echo server as a hand-written epoll loop, the floor that the others are measured against:
 * level-triggered, one read and one write per request. Prints its port. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, BUFFER = 4096 };

int main(void) {
    int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int one = 1;
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* the accepted inherit it */
    if (server < 0 || bind(server, (struct sockaddr*)&address, sizeof address) != 0 ||
        listen(server, 4096) != 0 || getsockname(server, (struct sockaddr*)&address, &length) != 0) {
        perror("raw_epoll: cannot listen");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = server};
    epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; ++i) {
            int fd = events[i].data.fd;
            if (fd == server) {
                for (int client; (client = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                    event.events = EPOLLIN;
                    event.data.fd = client;
                    epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
                }
                continue;
            }
            char buffer[BUFFER];
            ssize_t size = recv(fd, buffer, sizeof buffer, 0);
            if (size > 0) {
                if (send(fd, buffer, (size_t)size, MSG_NOSIGNAL) == size) continue;
            } else if (size < 0 && errno == EAGAIN) {
                continue;
            }
            close(fd);
        }
    }
}
