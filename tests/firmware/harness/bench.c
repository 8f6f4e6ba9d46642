#include "bench.h"

#include <stdio.h>
#include <string.h>

#define SLICE_US 500 // between two looks at the wire
#define LONGEST_RUN_MS 600000.0

void bench_note(struct bench *bench, const char *kind, const char *detail) {
    if (!bench->record) return;
    fprintf(bench->record, "{\"kind\":\"%s\",\"t_us\":%llu,\"boot\":%u,\"detail\":\"%s\"}\n", kind,
            (unsigned long long)uno_now_us(&bench->uno), bench->uno.boots, detail);
    fflush(bench->record);
}

static void mind_cable(struct bench *bench) {
    if (bench->plug_us && uno_now_us(&bench->uno) >= bench->plug_us) {
        bench->plug_us = 0;
        pty_plug(&bench->pty);
        bench_note(bench, "plug", "");
    }
    bool came = pty_pump(&bench->pty);
    if (came && bench->dtr) {
        uno_reset(&bench->uno);
        bench_note(bench, "reset", "dtr");
    }
    serial_pump(&bench->serial);
}

void bench_run(struct bench *bench, uint64_t us) {
    uint64_t end = bench->until += us * (UNO_HZ / 1000000);
    while (!bench->crashed && bench->uno.avr->cycle < end) {
        uint64_t next = bench->uno.avr->cycle + SLICE_US * (UNO_HZ / 1000000);
        mind_cable(bench);
        if (!uno_run_until(&bench->uno, next < end ? next : end)) {
            bench->crashed = true;
            bench_note(bench, "crash", "");
        }
    }
    pty_pump(&bench->pty);
    if (bench->record) fflush(bench->record);
}

struct request {
    const char *text;
    double value;
    bool has_value;
};

static const char *set_sensor(struct bench *bench, const char *request) {
    static const char *names[] = {"ok", "missing", "nack", "hang"};
    char mode[16];
    struct ina219 *sensor = &bench->sensor;
    if (!json_text(request, "mode", mode, sizeof mode)) return "sensor needs a mode: ok, missing, nack, hang or overflow";
    bool was_missing = sensor->mode == SENSOR_MISSING;
    sensor->force_overflow = !strcmp(mode, "overflow");
    int found = -1;
    for (int i = 0; i < 4; i++)
        if (!strcmp(mode, names[i])) found = i;
    if (found < 0 && !sensor->force_overflow) return "unknown mode of the sensor";
    sensor->mode = found < 0 ? SENSOR_OK : (enum sensor_mode)found;
    if (was_missing && sensor->mode != SENSOR_MISSING) ina219_power_up(sensor);
    return NULL;
}

static const char *set_wire(struct bench *bench, const struct request *request, bool flip) {
    char way[16] = "both";
    if (!request->has_value || request->value < 0 || request->value > 1) return "value must be 0..1";
    json_text(request->text, "way", way, sizeof way);
    struct serial_way *ways[] = {&bench->serial.to_host, &bench->serial.to_board};
    const char *names[] = {"to_host", "to_board"};
    for (int i = 0; i < 2; i++)
        if (!strcmp(way, "both") || !strcmp(way, names[i])) *(flip ? &ways[i]->flip : &ways[i]->drop) = request->value;
    return NULL;
}

static const char *unplug(struct bench *bench, const struct request *request) {
    pty_unplug(&bench->pty);
    bench_note(bench, "unplug", "");
    bench->plug_us = request->has_value ? uno_now_us(&bench->uno) + (uint64_t)(request->value * 1e6) : 0;
    return NULL;
}

static const char *restart(struct bench *bench, const struct request *request, bool brown_out) {
    double millis = 0, seq = 0, in_line = 0;
    struct uno_presets *presets = &bench->uno.presets;
    if (json_number(request->text, "millis", &millis)) presets->use = true;
    if (json_number(request->text, "seq", &seq)) presets->use = true;
    presets->millis = (uint32_t)millis;
    presets->seq = (uint32_t)seq;
    if (json_number(request->text, "in_line", &in_line) && in_line) {
        bench->serial.reset_in_line = true;
    } else if (brown_out) {
        uno_brown_out(&bench->uno, (uint64_t)((request->has_value ? request->value : 0.1) * 1e6));
        ina219_power_up(&bench->sensor);
    } else {
        uno_reset(&bench->uno);
    }
    bench_note(bench, "reset", brown_out ? "brown_out" : "button");
    return NULL;
}

static const char *fault(struct bench *bench, const struct request *request, const char *name) {
    if (!strcmp(name, "reset")) return restart(bench, request, false);
    if (!strcmp(name, "brown_out")) return restart(bench, request, true);
    if (!strcmp(name, "unplug")) return unplug(bench, request);
    if (!strcmp(name, "plug")) return pty_plug(&bench->pty), NULL;
    if (!strcmp(name, "flip")) return set_wire(bench, request, true);
    if (!strcmp(name, "drop")) return set_wire(bench, request, false);
    if (!strcmp(name, "sensor")) return set_sensor(bench, request->text);
    if (!strcmp(name, "erase_eeprom")) return memset(uno_eeprom(&bench->uno), 0xFF, 1024), NULL;
    return "unknown fault";
}

static const char *set_load(struct bench *bench, const char *request, const char *name) {
    struct load *load = &bench->sensor.load;
    if (strcmp(name, "bench") && strcmp(name, "constant")) return "load must be bench or constant";
    load->constant = !strcmp(name, "constant");
    json_number(request, "v", &load->volts);
    json_number(request, "a", &load->amperes);
    return NULL;
}

static void put_counts(struct bench *bench, char *answer, size_t room) {
    const struct serial *serial = &bench->serial;
    const struct uno_loop *loop = &bench->uno.loop;
    snprintf(answer, room,
             "{\"ok\":true,\"t_us\":%llu,\"boots\":%u,\"crashed\":%s,\"samples\":%llu,\"refused\":%llu,\"lines\":%llu,"
             "\"bytes_to_host\":%llu,\"bytes_to_board\":%llu,\"flipped\":%llu,\"dropped\":%llu,\"overrun\":%llu,\"unread\":%llu,"
             "\"waiting\":%zu,\"buzzer_changes\":%llu,\"buzzer_on\":%s,\"stack\":%u,\"loops\":%llu,\"loop_awake_us\":%.1f,"
             "\"loop_longest_us\":%.1f,\"listener\":%s}",
             (unsigned long long)uno_now_us(&bench->uno), bench->uno.boots, bench->crashed ? "true" : "false",
             (unsigned long long)bench->sensor.samples, (unsigned long long)bench->sensor.refused, (unsigned long long)serial->lines,
             (unsigned long long)serial->to_host.bytes, (unsigned long long)serial->to_board.bytes,
             (unsigned long long)(serial->to_host.flipped + serial->to_board.flipped),
             (unsigned long long)(serial->to_host.dropped + serial->to_board.dropped), (unsigned long long)serial->overrun,
             (unsigned long long)bench->pty.unread, serial->count, (unsigned long long)bench->buzzer_changes,
             bench->buzzer_on ? "true" : "false", uno_stack_used(&bench->uno), (unsigned long long)loop->turns,
             loop->turns ? (double)loop->awake / (double)loop->turns / 16 : 0.0, (double)loop->longest / 16,
             bench->pty.heard ? "true" : "false");
}

void bench_request(void *with, const char *text, char *answer, size_t room) {
    struct bench *bench = with;
    struct request request = {.text = text};
    char name[32];
    double run_ms = 0;
    const char *problem = NULL;
    request.has_value = json_number(text, "value", &request.value);
    if (json_text(text, "get", name, sizeof name)) {
        put_counts(bench, answer, room);
        return;
    }
    if (json_text(text, "fault", name, sizeof name)) problem = fault(bench, &request, name);
    else if (json_text(text, "load", name, sizeof name)) problem = set_load(bench, text, name);
    else if (!json_number(text, "run_ms", &run_ms)) problem = "a request has fault, load, run_ms or get";
    if (run_ms < 0 || run_ms > LONGEST_RUN_MS) problem = "run_ms must be 0..600000";
    if (!problem) bench_run(bench, (uint64_t)(run_ms * 1000));
    if (problem) snprintf(answer, room, "{\"ok\":false,\"error\":\"%s\"}", problem);
    else snprintf(answer, room, "{\"ok\":true,\"t_us\":%llu}", (unsigned long long)uno_now_us(&bench->uno));
}
