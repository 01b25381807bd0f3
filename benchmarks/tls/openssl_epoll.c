/* openssl_epoll CERTIFICATE KEY: a TLS echo server as a hand-written epoll loop over OpenSSL, the floor that
 * thrum_tls is measured against: level-triggered, TLS 1.3, OpenSSL's defaults. Prints its port. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, BUFFER = 16384 };

struct client {
    int fd;
    SSL* ssl;
};

static void end(struct client* c) {
    SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    close(c->fd);
    free(c);
}

/* Nonzero when the connection is over. */
static int serve(struct client* c) {
    char buffer[BUFFER];
    ERR_clear_error();
    if (!SSL_is_init_finished(c->ssl)) {
        int result = SSL_accept(c->ssl);
        if (result != 1) return SSL_get_error(c->ssl, result) != SSL_ERROR_WANT_READ;
    }
    for (;;) {
        int size = SSL_read(c->ssl, buffer, sizeof buffer);
        if (size <= 0) return SSL_get_error(c->ssl, size) != SSL_ERROR_WANT_READ;
        if (SSL_write(c->ssl, buffer, size) != size) return 1;
        if (!SSL_has_pending(c->ssl)) return 0;
    }
}

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        return 1;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (server < 0 || bind(server, (struct sockaddr*)&address, sizeof address) != 0 ||
        listen(server, 4096) != 0 || getsockname(server, (struct sockaddr*)&address, &length) != 0) {
        perror("openssl_epoll: cannot listen");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; ++i) {
            struct client* c = events[i].data.ptr;
            if (c != NULL) {
                if (serve(c)) end(c);
                continue;
            }
            int fd = accept4(server, NULL, NULL, SOCK_NONBLOCK);
            if (fd < 0) continue;
            int one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            c = malloc(sizeof *c);
            c->fd = fd;
            c->ssl = SSL_new(context);
            SSL_set_fd(c->ssl, fd);
            SSL_set_accept_state(c->ssl);
            event.events = EPOLLIN;
            event.data.ptr = c;
            epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        }
    }
}
