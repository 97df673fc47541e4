/* A runtime on a raw socket, in as few system calls as it takes: it gives back what it was sent.
 * The bytes of the event are counted by Content-Length, as the Runtime API sends them. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[1 << 16];

static int connect_to_api(void) {
    char host[64];
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    const char *colon = strchr(api, ':');
    snprintf(host, sizeof host, "%.*s", (int)(colon - api), api);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
    inet_pton(AF_INET, host, &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* Reads one HTTP response and returns its body. */
static char *receive(int fd, size_t *length) {
    size_t have = 0;
    char *end;
    buffer[0] = 0;
    while ((end = strstr(buffer, "\r\n\r\n")) == NULL) {
        ssize_t got = read(fd, buffer + have, sizeof buffer - 1 - have);
        if (got <= 0) exit(9);
        have += (size_t)got;
        buffer[have] = 0;
    }
    char *body = end + 4;
    char *field = strcasestr(buffer, "content-length:");
    *length = field == NULL || field > end ? 0 : strtoul(field + 15, NULL, 10);
    while ((size_t)(buffer + have - body) < *length) {
        ssize_t got = read(fd, buffer + have, sizeof buffer - 1 - have);
        if (got <= 0) exit(9);
        have += (size_t)got;
    }
    return body;
}

int main(void) {
    static const char next[] = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n";
    static char event[1 << 16], head[512], id[64];
    int fd = connect_to_api();
    if (fd < 0) return 8;
    for (;;) {
        size_t length;
        if (write(fd, next, sizeof next - 1) < 0) return 7;
        char *body = receive(fd, &length);
        memcpy(event, body, length);
        sscanf(strcasestr(buffer, "lambda-runtime-aws-request-id:") + 30, " %63s", id);
        int size = snprintf(head, sizeof head,
                            "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\n"
                            "Content-Length: %zu\r\n\r\n",
                            id, length);
        if (write(fd, head, (size_t)size) < 0 || write(fd, event, length) < 0) return 7;
        receive(fd, &length);
    }
}
