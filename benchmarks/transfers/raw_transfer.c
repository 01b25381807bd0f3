/* raw_transfer send FILE | receive FILE | relay PORT: serves one connection after another through the kernel
 * alone, with blocking calls: the floor that thrum_transfer is measured against. Prints its port. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

static int ends[2];

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void send_file(int client, int file) {
    off_t at = 0;
    while (sendfile(client, file, &at, PIECE) > 0) {
    }
}

/* From `client` to a file or a socket; `at` only where it is a file. */
static void pass_on(int client, int to, loff_t* at) {
    ssize_t came;
    while ((came = splice(client, NULL, ends[1], NULL, PIECE, SPLICE_F_MOVE)) > 0) {
        while (came > 0) {
            ssize_t went = splice(ends[0], NULL, to, at, (size_t)came, SPLICE_F_MOVE);
            if (went <= 0) return;
            came -= went;
        }
    }
}

static void relay_to(int client, int port) {
    struct sockaddr_in target = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr*)&target, sizeof target) == 0) pass_on(client, fd, NULL);
    close(fd);
}

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    signal(SIGPIPE, SIG_IGN);
    int relaying = strcmp(argv[1], "relay") == 0;
    int file = relaying ? -1 : open(argv[2], O_RDWR);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    if ((!relaying && file < 0) || pipe(ends) != 0 || bind(server, (struct sockaddr*)&address, length) != 0 ||
        listen(server, 1) != 0 || getsockname(server, (struct sockaddr*)&address, &length) != 0) {
        perror("raw_transfer: cannot serve");
        return 1;
    }
    fcntl(ends[1], F_SETPIPE_SZ, PIECE);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int client = accept(server, NULL, NULL);
        loff_t at = 0;
        if (relaying)
            relay_to(client, atoi(argv[2]));
        else if (strcmp(argv[1], "send") == 0)
            send_file(client, file);
        else
            pass_on(client, file, &at);
        close(client);
    }
}
