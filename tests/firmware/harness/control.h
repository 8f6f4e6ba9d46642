// Line JSON over a loopback TCP port: one request a line, one answer a line.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define CONTROL_CLIENTS 8
#define CONTROL_LINE 1024

struct control_client {
    int fd; // -1: free
    char line[CONTROL_LINE];
    size_t length;
};

struct control {
    int server, port;
    struct control_client clients[CONTROL_CLIENTS];
    // Writes the answer (an object without its line end) for the request.
    void (*handle)(void *with, const char *request, char *answer, size_t room);
    void *with;
};

// `port` 0: a free one. Exits with a message when it cannot be had.
void control_open(struct control *control, int port);
// Waits up to `wait_ms` for a request, answers all that are there.
void control_poll(struct control *control, int wait_ms);
void control_close(struct control *control);

// Members of a flat object; false when there is none of that name and kind.
bool json_number(const char *object, const char *name, double *value);
bool json_text(const char *object, const char *name, char *text, size_t room);
