#define _GNU_SOURCE
#include "pty.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    exit(2);
}

// The settings of a pty outlive the descriptor; with the other end kept open we could not see who else has it open.
static void make_raw(const char *name) {
    struct termios settings;
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0 || tcgetattr(slave, &settings)) fail(name);
    cfmakeraw(&settings);
    tcsetattr(slave, TCSANOW, &settings);
    close(slave);
}

// Replaced in one step: whoever looks finds the old port or the new one.
static void point_link(struct pty *pty) {
    char fresh[PATH_MAX];
    if (snprintf(fresh, sizeof fresh, "%s.new", pty->link) >= (int)sizeof fresh) fail(pty->link);
    unlink(fresh);
    if (symlink(pty->name, fresh) || rename(fresh, pty->link)) fail(pty->link);
}

void pty_plug(struct pty *pty) {
    if (pty->master >= 0) return;
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->master < 0 || grantpt(pty->master) || unlockpt(pty->master)) fail("pty");
    if (ptsname_r(pty->master, pty->name, sizeof pty->name)) fail("pty");
    make_raw(pty->name);
    pty->heard = false;
    pty->out_count = 0;
    if (pty->link) point_link(pty);
}

void pty_unplug(struct pty *pty) {
    if (pty->master < 0) return;
    char target[PATH_MAX] = "";
    if (pty->link && readlink(pty->link, target, sizeof target - 1) > 0 && !strcmp(target, pty->name)) unlink(pty->link);
    close(pty->master);
    pty->master = -1;
    pty->heard = false;
}

void pty_write(struct pty *pty, uint8_t byte) {
    if (!pty->heard || pty->out_count == sizeof pty->out) {
        pty->unread++;
        return;
    }
    pty->out[(pty->out_from + pty->out_count++) % sizeof pty->out] = byte;
}

static void send(struct pty *pty) {
    while (pty->out_count) {
        size_t end = sizeof pty->out - pty->out_from;
        ssize_t sent = write(pty->master, pty->out + pty->out_from, pty->out_count < end ? pty->out_count : end);
        if (sent <= 0) return;
        pty->out_from = (pty->out_from + (size_t)sent) % sizeof pty->out;
        pty->out_count -= (size_t)sent;
    }
}

bool pty_pump(struct pty *pty) {
    if (pty->master < 0) return false;
    struct pollfd end = {.fd = pty->master};
    poll(&end, 1, 0);
    bool heard = !(end.revents & POLLHUP), came = heard && !pty->heard;
    if (pty->heard && !heard) { // what the last listener did not read must not greet the next one
        pty->out_count = 0;
        tcflush(pty->master, TCIOFLUSH);
    }
    pty->heard = heard;
    if (heard) send(pty);
    return came;
}

size_t pty_read(struct pty *pty, uint8_t *bytes, size_t room) {
    if (pty->master < 0 || !pty->heard || !room) return 0;
    ssize_t got = read(pty->master, bytes, room);
    return got > 0 ? (size_t)got : 0;
}
