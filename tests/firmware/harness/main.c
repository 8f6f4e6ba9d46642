// powermon-uno: the compiled firmware on a simulated Arduino Uno with a simulated INA219, behind a pty.
#include <getopt.h>
#include <signal.h>
#include <simavr/avr_ioport.h>
#include <simavr/sim_irq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define SLICE_US 1000          // real time: simulate so much, then sleep until the clock has caught up
#define MOST_BEHIND_US 100000  // a machine that is slower than the board: time slips instead of being made up

enum pace { REAL_TIME, FREE, STEP };

static volatile sig_atomic_t stopping;

static void stop(int signal) {
    (void)signal;
    stopping = 1;
}

static const char usage[] =
    "powermon-uno [options] powermon.elf\n"
    "  --pty LINK        lasting name of the serial port\n"
    "  --control PORT    line JSON on 127.0.0.1 (0: a free port, the default)\n"
    "  --free            as fast as it goes instead of real time\n"
    "  --step            stands still until the control channel says {\"run_ms\":…}\n"
    "  --record FILE     one JSON line for each sensor reading and event\n"
    "  --eeprom FILE     keeps the EEPROM from run to run\n"
    "  --millis N --seq N   what uptime and reading number start at\n"
    "  --seed N          of the byte faults and of the open analog inputs\n"
    "  --shunt OHM       of the sensor (0.1)\n"
    "  --dtr             opening the port resets the board\n"
    "  --profile         measures the time of each loop (slower)\n";

struct options {
    enum pace pace;
    int control_port;
    const char *record, *elf;
    uint64_t seed;
};

static void parse(int argc, char **argv, struct bench *bench, struct options *options) {
    static const struct option names[] = {
        {"pty", 1, 0, 'p'},    {"control", 1, 0, 'c'}, {"free", 0, 0, 'f'},   {"step", 0, 0, 's'},  {"record", 1, 0, 'r'},
        {"eeprom", 1, 0, 'e'}, {"millis", 1, 0, 'm'},  {"seq", 1, 0, 'q'},    {"seed", 1, 0, 'S'},  {"shunt", 1, 0, 'R'},
        {"dtr", 0, 0, 'd'},    {"profile", 0, 0, 'P'}, {"help", 0, 0, 'h'},   {0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'p': bench->pty.link = optarg; break;
        case 'c': options->control_port = atoi(optarg); break;
        case 'f': options->pace = FREE; break;
        case 's': options->pace = STEP; break;
        case 'r': options->record = optarg; break;
        case 'e': bench->eeprom_file = optarg; break;
        case 'm': bench->uno.presets = (struct uno_presets){true, (uint32_t)strtoul(optarg, NULL, 0), bench->uno.presets.seq}; break;
        case 'q': bench->uno.presets = (struct uno_presets){true, bench->uno.presets.millis, (uint32_t)strtoul(optarg, NULL, 0)}; break;
        case 'S': options->seed = strtoull(optarg, NULL, 0); break;
        case 'R': bench->sensor.shunt_ohm = atof(optarg); break;
        case 'd': bench->dtr = true; break;
        case 'P': bench->uno.profile = true; break;
        default: fputs(usage, stderr); exit(c == 'h' ? 0 : 2);
        }
    }
    if (optind != argc - 1) fputs(usage, stderr), exit(2);
    options->elf = argv[optind];
}

static void on_buzzer(struct avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    struct bench *bench = param;
    if (bench->buzzer_on == (bool)value) return;
    bench->buzzer_on = value;
    bench->buzzer_changes++;
    bench_note(bench, "buzzer", value ? "on" : "off");
}

static void on_restart(void *param) {
    struct bench *bench = param;
    serial_restart(&bench->serial);
    bench_note(bench, "start", "");
}

static void load_eeprom(struct bench *bench) {
    FILE *file = bench->eeprom_file ? fopen(bench->eeprom_file, "rb") : NULL;
    if (!file) return;
    if (fread(uno_eeprom(&bench->uno), 1, 1024, file) != 1024) fprintf(stderr, "%s is short\n", bench->eeprom_file);
    fclose(file);
}

static void save_eeprom(struct bench *bench) {
    FILE *file = bench->eeprom_file ? fopen(bench->eeprom_file, "wb") : NULL;
    if (!file) return;
    fwrite(uno_eeprom(&bench->uno), 1, 1024, file);
    fclose(file);
}

static void set_up(struct bench *bench, const struct options *options) {
    if (options->record && !(bench->record = fopen(options->record, "w"))) perror(options->record), exit(2);
    uno_load(&bench->uno, options->elf);
    load_eeprom(bench);
    bench->sensor.record = bench->record;
    ina219_attach(&bench->sensor, &bench->uno);
    inputs_attach(&bench->inputs, &bench->uno, options->seed);
    serial_attach(&bench->serial, &bench->uno, &bench->pty, options->seed);
    avr_irq_register_notify(avr_io_getirq(bench->uno.avr, AVR_IOCTL_IOPORT_GETIRQ('B'), 0), on_buzzer, bench); // pin 8
    bench->uno.restarted = on_restart;
    bench->uno.restarted_with = bench;
    bench->control.handle = bench_request;
    bench->control.with = bench;
    control_open(&bench->control, options->control_port);
    pty_plug(&bench->pty);
    bench_note(bench, "start", "");
}

static uint64_t clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// Until the wall clock shows `until_us`; serves the control channel meanwhile.
static void wait_until(struct bench *bench, uint64_t until_us) {
    uint64_t now = clock_us();
    control_poll(&bench->control, 0);
    if (until_us <= now) return;
    struct timespec rest = {0, (long)(until_us - now) * 1000};
    nanosleep(&rest, NULL);
}

static void run(struct bench *bench, enum pace pace) {
    uint64_t due_us = clock_us();
    while (!stopping && !bench->crashed) {
        if (pace == STEP) {
            control_poll(&bench->control, 200);
            continue;
        }
        bench_run(bench, SLICE_US);
        uint64_t now = clock_us();
        due_us = due_us + MOST_BEHIND_US < now ? now : due_us + SLICE_US;
        wait_until(bench, pace == FREE ? now : due_us);
    }
}

int main(int argc, char **argv) {
    static struct bench bench = {.sensor = {.address = 0x40, .shunt_ohm = 0.1}, .pty = {.master = -1}};
    struct options options = {.seed = 1};
    parse(argc, argv, &bench, &options);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    set_up(&bench, &options);
    fprintf(stderr, "url=%s\ncontrol=127.0.0.1:%d\n", bench.pty.link ? bench.pty.link : bench.pty.name, bench.control.port);
    run(&bench, options.pace);
    pty_unplug(&bench.pty);
    control_close(&bench.control);
    save_eeprom(&bench);
    if (bench.record) fclose(bench.record);
    if (bench.crashed) fputs("powermon-uno: the program crashed\n", stderr);
    return bench.crashed;
}
