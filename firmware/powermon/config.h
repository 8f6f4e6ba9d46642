// Everything that you may want to change is here.
#ifndef POWERMON_CONFIG_H
#define POWERMON_CONFIG_H

#include <stdint.h>

// What the page calls this board: at most 20 plain characters, no quotes. Give every board its own.
#ifndef POWERMON_ID
#define POWERMON_ID "bench-1"
#endif

// Speed of the serial line; the program must use the same (its --baud).
#ifndef POWERMON_BAUD
#define POWERMON_BAUD 115200
#endif

// A reading every so many milliseconds from the start on; the command set_interval changes it until the next reset.
#ifndef POWERMON_INTERVAL_MS
#define POWERMON_INTERVAL_MS 100
#endif

// The shunt on the INA219 board in micro-ohms: R100 is 0.1 ohm = 100000. Allowed: 5000 to 10000000.
#ifndef POWERMON_SHUNT_MICRO_OHM
#define POWERMON_SHUNT_MICRO_OHM 100000
#endif

// Largest voltage over the shunt in millivolts: 40, 80, 160 or 320. 320 mV over 0.1 ohm are 3.2 A.
#ifndef POWERMON_SHUNT_RANGE_MV
#define POWERMON_SHUNT_RANGE_MV 320
#endif

// 1: the sensor averages over as much of the interval as it can, so that energy is right. 0: one 0.5 ms look each.
#ifndef POWERMON_AVERAGE
#define POWERMON_AVERAGE 1
#endif

// 0x40 with both address bridges of the INA219 board open.
#ifndef POWERMON_SENSOR_ADDRESS
#define POWERMON_SENSOR_ADDRESS 0x40
#endif

// 100 kHz works with long wires; a fast line needs the fast bus, or bytes of the host are lost while we measure.
#ifndef POWERMON_I2C_HZ
#define POWERMON_I2C_HZ (POWERMON_BAUD > 115200 ? 400000UL : 100000UL)
#endif

// Buzzer from this pin to ground. HZ 0: an active buzzer (sounds by itself); else the tone of a passive one.
#ifndef POWERMON_BUZZER_PIN
#define POWERMON_BUZZER_PIN 8
#endif
#ifndef POWERMON_BUZZER_HZ
#define POWERMON_BUZZER_HZ 0
#endif

// No interval is shorter than this, however fast the line. An Uno's processor needs 1.8 ms for a reading at 1 Mbaud, and
// readings that are sent again want some of the rest; the INA219 needs 1.06 ms.
#ifndef POWERMON_SHORTEST_MS
#if defined(__AVR__)
#define POWERMON_SHORTEST_MS 3
#else
#define POWERMON_SHORTEST_MS 2
#endif
#endif

// Readings kept until the program says that they are on disk; 8 bytes of RAM each.
#ifndef POWERMON_RING
#define POWERMON_RING 96
#endif

// Where the boot counter lives in the EEPROM; it takes 96 bytes from here.
#ifndef POWERMON_EEPROM_AT
#define POWERMON_EEPROM_AT 0
#endif

#define POWERMON_VERSION "1.1.0"

namespace powermon {

constexpr uint32_t BAUD = POWERMON_BAUD;
constexpr uint16_t INTERVAL_MS = POWERMON_INTERVAL_MS;
constexpr uint32_t SHUNT_MICRO_OHM = POWERMON_SHUNT_MICRO_OHM;
constexpr uint16_t SHUNT_RANGE_MV = POWERMON_SHUNT_RANGE_MV;
constexpr uint16_t SHORTEST_INTERVAL_MS = POWERMON_SHORTEST_MS;
constexpr bool AVERAGE = POWERMON_AVERAGE;
constexpr uint8_t RING_SIZE = POWERMON_RING;

static_assert(SHUNT_MICRO_OHM >= 5000 && SHUNT_MICRO_OHM <= 10000000, "the power would not fit into 32 bits");
static_assert(SHUNT_RANGE_MV == 40 || SHUNT_RANGE_MV == 80 || SHUNT_RANGE_MV == 160 || SHUNT_RANGE_MV == 320,
              "the INA219 knows 40, 80, 160 and 320 mV");
static_assert(SHORTEST_INTERVAL_MS >= 2, "the INA219 needs 1.06 ms for a voltage and a current");
static_assert(POWERMON_RING >= 48 && POWERMON_RING <= 250, "the wire asks for 48; the ring counts in one byte");
static_assert(sizeof(POWERMON_ID) <= 21, "the id must fit into the hello");

}  // namespace powermon

#endif
