#include "ina219.h"

#include <math.h>
#include <simavr/avr_twi.h>
#include <simavr/sim_cycle_timers.h>
#include <simavr/sim_irq.h>
#include <string.h>

enum { REG_CONFIG, REG_SHUNT, REG_BUS, REG_POWER, REG_CURRENT, REG_CALIBRATION };
enum { IRQ_TO_CHIP, IRQ_FROM_CHIP, IRQ_COUNT };

#define SAMPLE_US 532.0 // 12 bits

// SADC or BADC, four bits of the configuration: (samples averaged, µs of one).
static int samples_of(unsigned adc) { return adc & 8 ? 1 << (adc & 7) : 1; }

static double sample_us(unsigned adc) {
    static const double shorter[] = {84, 148, 276, SAMPLE_US};
    return adc & 8 ? SAMPLE_US : shorter[adc & 3];
}

static double conversion_us(unsigned adc) { return samples_of(adc) * sample_us(adc); }

static unsigned shunt_adc(const struct ina219 *chip) { return chip->config >> 3 & 15; }
static unsigned bus_adc(const struct ina219 *chip) { return chip->config >> 7 & 15; }

// The mean of what the load does while one of the two is converted, from `us` on.
static struct power mean_over(const struct ina219 *chip, double us, unsigned adc) {
    struct power sum = {0, 0};
    int count = samples_of(adc);
    for (int i = 0; i < count; i++) {
        struct power now = load_at(&chip->load, us + (i + 0.5) * sample_us(adc));
        sum.volts += now.volts / count;
        sum.amperes += now.amperes / count;
    }
    return sum;
}

static void convert(struct ina219 *chip, double start_us) {
    double full = 4000 << (chip->config >> 11 & 3);
    chip->measured.amperes = mean_over(chip, start_us, shunt_adc(chip)).amperes;
    chip->measured.volts = mean_over(chip, start_us + conversion_us(shunt_adc(chip)), bus_adc(chip)).volts;
    double shunt = round(chip->measured.amperes * chip->shunt_ohm / 10e-6);
    chip->clipped = fabs(shunt) > full;
    chip->shunt = (int16_t)fmax(-full, fmin(full, shunt));
    chip->bus = (uint16_t)fmax(0, fmin(8000, round(chip->measured.volts / 4e-3)));
    chip->ready = true;
}

// Looks at the clock: what would have been converted by now, has been.
static void catch_up(struct ina219 *chip) {
    if ((chip->config & 7) != 7) return; // continuous shunt and bus is the only mode the board uses
    double cycle_us = conversion_us(shunt_adc(chip)) + conversion_us(bus_adc(chip));
    double elapsed_us = (double)uno_now_us(chip->uno) - chip->started_us;
    uint64_t done = (uint64_t)(elapsed_us / cycle_us);
    if (done <= chip->conversions) return;
    chip->conversions = done;
    convert(chip, chip->started_us + (double)(done - 1) * cycle_us);
}

static void restart(struct ina219 *chip) {
    chip->started_us = (double)uno_now_us(chip->uno);
    chip->conversions = 0;
    chip->ready = false;
}

void ina219_power_up(struct ina219 *chip) {
    chip->config = 0x399F;
    chip->calibration = 0;
    chip->shunt = 0;
    chip->bus = 0;
    chip->clipped = false;
    restart(chip);
}

static void record(struct ina219 *chip) {
    if (!chip->record) return;
    fprintf(chip->record, "{\"kind\":\"sample\",\"t_us\":%llu,\"boot\":%u,\"n\":%llu,\"shunt\":%d,\"bus\":%u,\"v\":%.9g,\"a\":%.9g}\n",
            (unsigned long long)uno_now_us(chip->uno), chip->uno->boots, (unsigned long long)chip->samples, chip->shunt, chip->bus,
            chip->measured.volts, chip->measured.amperes);
}

static uint16_t read_bus(struct ina219 *chip) {
    chip->samples++;
    record(chip);
    bool overflow = chip->force_overflow || (chip->clipped && chip->calibration);
    return (uint16_t)(chip->bus << 3 | (chip->ready ? 2 : 0) | (overflow ? 1 : 0));
}

static uint16_t read_register(struct ina219 *chip) {
    switch (chip->pointer) {
    case REG_CONFIG: return chip->config;
    case REG_SHUNT: catch_up(chip); return (uint16_t)chip->shunt;
    case REG_BUS: return read_bus(chip); // of the conversion whose shunt voltage was read just before
    case REG_POWER: chip->ready = false; return 0;
    case REG_CURRENT: return (uint16_t)(chip->shunt * (long)chip->calibration / 4096);
    case REG_CALIBRATION: return chip->calibration;
    default: return 0;
    }
}

static void write_register(struct ina219 *chip, uint16_t value) {
    if (chip->pointer == REG_CALIBRATION) chip->calibration = value & 0xFFFE;
    if (chip->pointer != REG_CONFIG) return;
    if (value & 0x8000) {
        ina219_power_up(chip);
    } else {
        chip->config = value;
        restart(chip);
    }
}

static void answer(struct ina219 *chip, uint8_t what, uint8_t data) {
    avr_raise_irq(chip->irq + IRQ_FROM_CHIP, avr_twi_irq_msg(what, (uint8_t)(chip->address << 1), data));
}

static void address_byte(struct ina219 *chip, avr_twi_msg_t msg) {
    chip->selected = msg.addr >> 1 == chip->address && chip->mode != SENSOR_MISSING;
    chip->index = 0;
    if (chip->selected) answer(chip, TWI_COND_ACK, 1);
}

static void take_byte(struct ina219 *chip, uint8_t data) {
    if (chip->mode == SENSOR_NACK) {
        chip->refused++;
        return;
    }
    answer(chip, TWI_COND_ACK, 1);
    if (chip->index == 0) chip->pointer = data;
    else chip->incoming = (uint16_t)(chip->incoming << 8 | data);
    if (chip->index++ == 2) write_register(chip, chip->incoming);
}

static void give_byte(struct ina219 *chip) {
    if (chip->index == 0) chip->incoming = read_register(chip);
    answer(chip, TWI_COND_READ, chip->index++ ? chip->incoming & 0xFF : chip->incoming >> 8);
}

static bool is_twi(const struct ina219 *chip, const avr_io_t *what) {
    for (const avr_io_t *io = chip->uno->avr->io_port; io; io = io->next)
        if (io == what) return !strcmp(io->kind, "twi");
    return false;
}

static avr_cycle_count_t byte_cycles(const avr_t *avr, const avr_twi_t *twi) {
    unsigned divider = 16u + (2u * avr->data[twi->r_twbr] << 2 * avr_regbit_get((avr_t *)avr, twi->twps));
    return 9 * divider;
}

// simavr's bus is faster than any real one: the step that was to come at once comes after nine bits at the bus's own
// speed. Or never: a bus that hangs, its clock held low.
static avr_cycle_count_t pace_step(avr_t *avr, avr_cycle_count_t when, void *param) {
    (void)when;
    const struct ina219 *chip = param;
    for (avr_cycle_timer_slot_p slot = avr->cycle_timers.timer; slot; slot = slot->next) {
        avr_cycle_timer_t step = slot->timer;
        avr_twi_t *twi = slot->param;
        if (!is_twi(chip, &twi->io)) continue;
        avr_cycle_timer_cancel(avr, step, twi);
        if (chip->mode != SENSOR_HANG) avr_cycle_timer_register(avr, byte_cycles(avr, twi), step, twi);
        break;
    }
    return 0;
}

static void on_bus(struct avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    struct ina219 *chip = param;
    avr_twi_msg_irq_t message = {.u.v = value};
    avr_twi_msg_t msg = message.u.twi;
    if (!(msg.msg & TWI_COND_STOP)) avr_cycle_timer_register(chip->uno->avr, 0, pace_step, chip);
    if (msg.msg & TWI_COND_STOP) chip->selected = false;
    if (msg.msg & TWI_COND_START) {
        address_byte(chip, msg);
        if (!chip->selected) chip->refused++;
    }
    if (!chip->selected) return;
    if (msg.msg & TWI_COND_WRITE) take_byte(chip, msg.data);
    if (msg.msg & TWI_COND_READ) give_byte(chip);
}

void ina219_attach(struct ina219 *chip, struct uno *uno) {
    static const char *names[IRQ_COUNT] = {"32<ina219.in", "8>ina219.out"};
    chip->uno = uno;
    chip->irq = avr_alloc_irq(&uno->avr->irq_pool, 0, IRQ_COUNT, names);
    avr_irq_register_notify(chip->irq + IRQ_TO_CHIP, on_bus, chip);
    avr_connect_irq(chip->irq + IRQ_FROM_CHIP, avr_io_getirq(uno->avr, AVR_IOCTL_TWI_GETIRQ(0), TWI_IRQ_INPUT));
    avr_connect_irq(avr_io_getirq(uno->avr, AVR_IOCTL_TWI_GETIRQ(0), TWI_IRQ_OUTPUT), chip->irq + IRQ_TO_CHIP);
    ina219_power_up(chip);
}
