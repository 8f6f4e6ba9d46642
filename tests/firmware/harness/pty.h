// A pseudo-terminal whose other end is a port like any other, under a lasting name. Never blocks.
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pty {
    const char *link; // the lasting name; NULL: the kernel's own
    char name[PATH_MAX];
    int master; // -1: unplugged
    bool heard; // whether somebody has the port open
    uint8_t out[65536];
    size_t out_from, out_count;
    uint64_t unread; // bytes that nobody was there for, or that came faster than they were read
};

void pty_plug(struct pty *pty);
void pty_unplug(struct pty *pty);
// To the listener; what does not fit is lost.
void pty_write(struct pty *pty, uint8_t byte);
// Moves what waits. True when a listener has come since the last call.
bool pty_pump(struct pty *pty);
// Up to `room` bytes of the listener.
size_t pty_read(struct pty *pty, uint8_t *bytes, size_t room);
