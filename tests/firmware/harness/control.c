#define _GNU_SOURCE
#include "control.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    exit(2);
}

void control_open(struct control *control, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    control->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;
    setsockopt(control->server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(control->server, (struct sockaddr *)&address, size) || listen(control->server, CONTROL_CLIENTS)) fail("control port");
    getsockname(control->server, (struct sockaddr *)&address, &size);
    control->port = ntohs(address.sin_port);
    for (int i = 0; i < CONTROL_CLIENTS; i++) control->clients[i].fd = -1;
}

static void drop(struct control_client *client) {
    close(client->fd);
    client->fd = -1;
}

static void welcome(struct control *control) {
    int fd = accept4(control->server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    for (int i = 0; i < CONTROL_CLIENTS; i++) {
        if (control->clients[i].fd >= 0) continue;
        control->clients[i] = (struct control_client){.fd = fd};
        return;
    }
    close(fd);
}

static void answer_line(struct control *control, struct control_client *client) {
    char answer[2 * CONTROL_LINE] = "";
    client->line[client->length] = 0;
    if (client->length) control->handle(control->with, client->line, answer, sizeof answer - 1);
    size_t length = strlen(answer);
    answer[length] = '\n';
    if (send(client->fd, answer, length + 1, MSG_NOSIGNAL) != (ssize_t)length + 1) drop(client);
}

static void take(struct control *control, struct control_client *client, char c) {
    if (c == '\n') {
        answer_line(control, client);
        client->length = 0;
    } else if (client->length < CONTROL_LINE - 1) {
        client->line[client->length++] = c;
    } else {
        drop(client);
    }
}

static void serve(struct control *control, struct control_client *client) {
    char bytes[CONTROL_LINE];
    ssize_t got = recv(client->fd, bytes, sizeof bytes, 0);
    if (got <= 0) drop(client);
    for (ssize_t i = 0; i < got && client->fd >= 0; i++) take(control, client, bytes[i]);
}

void control_poll(struct control *control, int wait_ms) {
    struct pollfd ends[CONTROL_CLIENTS + 1] = {{.fd = control->server, .events = POLLIN}};
    for (int i = 0; i < CONTROL_CLIENTS; i++) ends[i + 1] = (struct pollfd){.fd = control->clients[i].fd, .events = POLLIN};
    if (poll(ends, CONTROL_CLIENTS + 1, wait_ms) <= 0) return;
    if (ends[0].revents) welcome(control);
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        if (ends[i + 1].revents && control->clients[i].fd >= 0) serve(control, &control->clients[i]);
}

void control_close(struct control *control) {
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        if (control->clients[i].fd >= 0) drop(&control->clients[i]);
    close(control->server);
}

static const char *member(const char *object, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\"", name);
    const char *at = strstr(object, key);
    if (!at) return NULL;
    at += strlen(key);
    at += strspn(at, " :");
    return at;
}

bool json_number(const char *object, const char *name, double *value) {
    const char *at = member(object, name);
    char *end = NULL;
    if (at) *value = strtod(at, &end);
    return at && end != at;
}

bool json_text(const char *object, const char *name, char *text, size_t room) {
    const char *at = member(object, name);
    if (!at || *at++ != '"') return false;
    size_t length = strcspn(at, "\"");
    if (at[length] != '"' || length >= room) return false;
    memcpy(text, at, length);
    text[length] = 0;
    return true;
}
