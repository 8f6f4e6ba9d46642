// Rules of the firmware's small parts: checksum, frame, line reader, schedule, clock, buzzer, boot counter, sensor.
#include <string.h>

#include <map>
#include <string>

#include "boot_counter.h"
#include "buzzer.h"
#include "checksum.h"
#include "frame.h"
#include "ina219.h"
#include "line_reader.h"
#include "reading.h"
#include "rule.h"
#include "schedule.h"
#include "wall_clock.h"

using namespace powermon;

static std::string text_of(const Frame &frame) { return std::string(frame.bytes(), frame.length()); }

RULE(checksum_is_ccitt_false) { EQUAL(checksum("123456789", 9), 0x29B1); }

static std::string fixed(int32_t value, uint8_t decimals) {
  Frame frame;
  frame.fixed(value, decimals);
  return text_of(frame);
}

RULE(numbers_have_no_zeros_at_their_end_and_no_exponent) {
  EQUAL(fixed(5020, 3), "5.02");
  EQUAL(fixed(5000, 3), "5");
  EQUAL(fixed(0, 3), "0");
  EQUAL(fixed(4, 3), "0.004");
  EQUAL(fixed(-700, 6), "-0.0007");
  EQUAL(fixed(-1, 6), "-0.000001");
  EQUAL(fixed(100000, 6), "0.1");
  EQUAL(fixed(83200000, 6), "83.2");
  EQUAL(fixed(INT32_MAX, 6), "2147.483647");
  EQUAL(fixed(INT32_MIN, 6), "-2147.483648");
}

RULE(whole_numbers_reach_to_their_ends) {
  for (uint32_t value : {0u, 9u, 10u, 99u, 100u, 65535u, 999999999u, 1000000000u, 4294967295u}) {
    Frame frame;
    frame.number(value);
    EQUAL(text_of(frame), std::to_string(value));
  }
}

RULE(a_frame_that_is_too_long_is_not_sent_at_all) {
  Frame frame;
  for (int i = 0; i < MAX_FRAME; i++) frame.put('x');
  EQUAL(frame.length(), MAX_FRAME);
  frame.put('x');
  EQUAL(frame.length(), 0);
}

RULE(the_range_is_what_the_shunt_and_the_gain_can_measure) {
  EQUAL(MOST_MILLIAMPS, 3200u);
  EQUAL((int)MOST_VOLTS, 26);
}

RULE(the_longest_reading_fits_into_a_frame_and_a_line) {
  Frame frame;
  UnixTime time = {UINT32_MAX, 999};
  put_reading(frame, Values{32764, -64000001, -2097000001}, &time, UINT32_MAX, UINT32_MAX, Status::SensorError, true);
  TRUE(frame.length() > 0);
  TRUE(frame.length() <= 145);
}

RULE(an_everyday_reading_is_no_longer_than_the_line_is_planned_for) {
  Frame frame;
  UnixTime time = {1712345678, 125};
  Sample sample = Sample::of(UINT32_MAX, 8191, -32767, Status::Ok);
  put_reading(frame, values_of(sample), nullptr, UINT32_MAX, UINT32_MAX, Status::Ok, false);
  EQUAL((int)frame.length(), (int)READING_BYTES);
  frame.clear();
  put_reading(frame, values_of(sample), &time, UINT32_MAX, UINT32_MAX, Status::Ok, false);
  EQUAL((int)frame.length(), READING_BYTES + WALL_TIME_BYTES);
}

RULE(power_is_volts_times_amperes_rounded_to_a_microwatt) {
  for (int64_t mv = 0; mv <= 32764; mv += 4 * 97) {
    for (int64_t ua = -64000000; ua <= 64000000; ua += 1234567) {
      int64_t nw = mv * ua, half = nw < 0 ? -500 : 500;
      EQUAL((int64_t)microwatts((uint16_t)mv, (int32_t)ua), (nw + half) / 1000);
    }
  }
}

RULE(one_step_of_the_shunt_is_a_tenth_of_a_milliampere) {
  EQUAL(microamps(1), 100);
  EQUAL(microamps(-32768), -3276800);
  EQUAL(microamps(32000), 3200000);
}

static std::string line_of(LineReader &reader, const std::string &bytes) {
  std::string found;
  for (char byte : bytes) {
    if (reader.feed(byte)) found += "[" + std::string(reader.line(), reader.length()) + "]";
  }
  return found;
}

RULE(lines_end_with_a_line_feed_and_may_have_a_carriage_return_before_it) {
  LineReader reader;
  EQUAL(line_of(reader, "ab\ncd\r\n\n\r\ne\r\rf\n"), "[ab][cd][e\r\rf]");
}

RULE(a_line_of_128_bytes_is_taken_and_a_longer_one_is_dropped_to_its_end) {
  LineReader reader;
  std::string longest(MAX_COMMAND, 'x');
  EQUAL(line_of(reader, longest + "\n"), "[" + longest + "]");
  EQUAL(line_of(reader, longest + "\r\n"), "[" + longest + "]");
  EQUAL(line_of(reader, longest + "x\nab\n"), "[ab]");
  EQUAL(line_of(reader, longest + "xy\r\nab\n"), "[ab]");
  EQUAL(line_of(reader, std::string(100000, 'x') + "\nab\n"), "[ab]");
  EQUAL(reader.too_long(), 3);
}

RULE(a_reading_is_due_once_an_interval_and_the_phase_is_kept) {
  Schedule schedule;
  schedule.start(1000, 100);
  int due = 0;
  for (uint32_t now = 1000; now <= 2000; now++) due += schedule.due(now);
  EQUAL(due, 10);
  EQUAL(schedule.due(2105), true);  // late by 5 ms
  EQUAL(schedule.due(2199), false);
  EQUAL(schedule.due(2200), true);
}

RULE(the_schedule_goes_on_when_the_uptime_rolls_over) {
  Schedule schedule;
  uint32_t start = UINT32_MAX - 450;
  schedule.start(start, 100);
  int due = 0;
  for (uint32_t i = 0; i <= 1000; i++) due += schedule.due(start + i);
  EQUAL(due, 10);
}

RULE(turns_that_were_missed_are_not_made_up_for) {
  Schedule schedule;
  schedule.start(0, 100);
  TRUE(schedule.due(1000));
  FALSE(schedule.due(1001));
  FALSE(schedule.due(1099));
  TRUE(schedule.due(1100));
}

RULE(the_shortest_interval_leaves_a_ninth_of_the_line_free) {
  EQUAL(shortest_interval_ms(115200, 101), 10);
  EQUAL(shortest_interval_ms(9600, 101), 119);
  EQUAL(shortest_interval_ms(1000000, 101), 2);
  EQUAL(shortest_interval_ms(2000000, 101), 2);
}

static std::string time_text(const WallClock &clock, uint32_t uptime_ms) {
  Frame frame;
  put_wall_time(frame, clock.at(uptime_ms));
  return text_of(frame);
}

RULE(wall_time_is_known_before_and_after_it_was_set) {
  WallClock clock;
  FALSE(clock.known());
  clock.set(UnixTime{1712345678, 125}, 5000);
  EQUAL(time_text(clock, 5000), ",\"ts\":1712345678.125");
  EQUAL(time_text(clock, 6875), ",\"ts\":1712345680");
  EQUAL(time_text(clock, 4874), ",\"ts\":1712345677.999");
  EQUAL(time_text(clock, 0), ",\"ts\":1712345673.125");
  EQUAL(time_text(clock, 5005), ",\"ts\":1712345678.13");
}

RULE(wall_time_goes_on_through_many_rollovers_of_the_uptime) {
  WallClock clock;
  clock.set(UnixTime{1000000000, 0}, 0);
  uint64_t ms = 0;
  for (int hours = 0; hours < 24 * 120; hours++) {
    ms += 3600000;
    clock.keep((uint32_t)ms);
    EQUAL(clock.at((uint32_t)ms).s, 1000000000 + (uint32_t)(ms / 1000));
  }
}

RULE(the_buzzer_sounds_so_many_times_and_then_is_silent) {
  Buzzer buzzer;
  buzzer.start(20, 3, UINT32_MAX - 50);
  int changes = 0, sounding_ms = 0;
  bool was = false;
  for (uint32_t i = 0; i < 500; i++) {
    bool is = buzzer.sounding(UINT32_MAX - 50 + i);
    changes += is != was;
    sounding_ms += is;
    was = is;
  }
  EQUAL(changes, 6);
  EQUAL(sounding_ms, 60);
  FALSE(was);
}

RULE(a_new_order_to_the_buzzer_replaces_the_old_one) {
  Buzzer buzzer;
  buzzer.start(1000, 10, 0);
  TRUE(buzzer.sounding(1));
  buzzer.start(10, 1, 5);
  TRUE(buzzer.sounding(5));
  FALSE(buzzer.sounding(15));
  FALSE(buzzer.sounding(2000));
}

struct Memory {
  uint8_t bytes[128];
  std::map<uint16_t, int> writes;
  int writes_left = -1;  // then the power fails
  std::map<uint16_t, uint8_t> worn;  // cells that keep what they have
  Memory() { memset(bytes, 0xFF, sizeof bytes); }
  uint8_t read(uint16_t at) { return bytes[at]; }
  void write(uint16_t at, uint8_t value) {
    if (bytes[at] == value || writes_left == 0) return;
    writes[at]++;
    if (worn.count(at)) return;
    if (writes_left > 0) writes_left--;
    bytes[at] = value;
  }
};

static uint32_t boot(Memory &memory, uint32_t first = 1) { return BootCounter<Memory>(memory, 4).next(first); }

RULE(each_boot_has_a_number_of_its_own) {
  Memory memory;
  for (uint32_t i = 7; i < 1000; i++) EQUAL(boot(memory, 7), i);
}

RULE(no_eeprom_cell_is_written_at_more_than_one_boot_in_sixteen) {
  Memory memory;
  for (int i = 0; i < 16000; i++) boot(memory);
  for (auto &cell : memory.writes) TRUE(cell.second <= 1000);
}

RULE(a_power_cut_while_the_boot_is_counted_never_gives_an_old_number) {
  for (uint32_t first : {1u, 250u, 0xFFFCu, 0xFFFFFFF0u}) {
    for (int cut = 0; cut < 12; cut++) {
      Memory memory;
      uint32_t last = 0;
      for (int i = 0; i < 20; i++) last = boot(memory, first);
      memory.writes_left = cut;
      boot(memory, first);  // its number was never told to anybody if it was not written
      memory.writes_left = -1;
      uint32_t next = boot(memory, first);
      TRUE(next == last + 1 || next == last + 2);
    }
  }
}

RULE(worn_slots_are_passed_over_and_no_number_comes_twice) {
  for (unsigned slots = 1; slots < 0x10000; slots += 37) {  // which are worn; one bit each
    Memory memory;
    uint32_t last = boot(memory, 1000);
    for (int i = 0; i < 20; i++) EQUAL(boot(memory, 1), ++last);
    for (uint16_t slot = 0; slot < 16; slot++) {
      if (slots >> slot & 1) memory.worn[(uint16_t)(4 + slot * 6 + slot % 6)] = 0;
    }
    bool all = slots == 0xFFFF;
    for (int i = 0; i < 40 && !all; i++) EQUAL(boot(memory, 1), ++last);
  }
}

RULE(an_eeprom_that_keeps_nothing_gives_the_random_number) {
  Memory memory;
  boot(memory, 5);
  for (uint16_t at = 0; at < 128; at++) memory.worn[at] = 0;
  EQUAL(boot(memory, 77), 77u);
  EQUAL(boot(memory, 88), 88u);
}

RULE(the_boot_counter_rolls_over) {
  Memory memory;
  EQUAL(boot(memory, UINT32_MAX - 1), UINT32_MAX - 1);
  EQUAL(boot(memory), UINT32_MAX);
  EQUAL(boot(memory), 0u);
  EQUAL(boot(memory), 1u);
}

struct Bus {
  std::map<uint8_t, uint16_t> regs{{0, 0x399F}, {1, 2450}, {2, 1255 << 3 | 2}, {5, 0}};
  bool there = true;
  int transfers = 0;
  bool write(uint8_t reg, uint16_t value) {
    transfers++;
    if (there) regs[reg] = value;
    return there;
  }
  bool read(uint8_t reg, uint16_t &value) {
    transfers++;
    value = regs[reg];
    return there;
  }
};

RULE(the_sensor_averages_as_long_as_the_interval_allows) {
  EQUAL((int)adc_setting(2), 3);       // 1.06 ms
  EQUAL((int)adc_setting(3), 9);       // 2.1 ms
  EQUAL((int)adc_setting(100), 14);    // 68 ms
  EQUAL((int)adc_setting(60000), 15);  // 136 ms, the longest
  for (uint16_t ms = 2; ms < 1000; ms++) {
    int setting = adc_setting(ms);
    int samples = setting == 3 ? 1 : 1 << (setting - 8);
    TRUE(samples * 1064 <= ms * 750 || samples == 1);
  }
}

RULE(the_sensor_is_set_to_32_volts_320_millivolts_and_continuous) {
  Bus bus;
  Ina219<Bus> sensor(bus);
  sensor.start(2, 0);
  EQUAL(bus.regs[0], 0x399F);
  EQUAL(bus.regs[5], 4096);
}

RULE(a_sensor_reading_is_kept_as_it_came) {
  Bus bus;
  Ina219<Bus> sensor(bus);
  sensor.start(100, 0);
  bus.regs[1] = (uint16_t)-7;
  Sample sample = sensor.read(123);
  EQUAL(sample.ms, 123u);
  EQUAL(sample.bus_4mv(), 1255);
  EQUAL(sample.shunt, -7);
  TRUE(sample.status() == Status::Ok);
}

RULE(a_saturated_sensor_says_so) {
  Bus bus;
  Ina219<Bus> sensor(bus);
  sensor.start(100, 0);
  for (auto shunt_bus : std::map<int, int>{{32000, 1255 << 3 | 2}, {-32000, 1255 << 3 | 2}, {5, 1255 << 3 | 3}, {6, 8000 << 3 | 2}}) {
    bus.regs[1] = (uint16_t)shunt_bus.first;
    bus.regs[2] = (uint16_t)shunt_bus.second;
    TRUE(sensor.read(1).status() == Status::Saturated);
  }
}

RULE(a_missing_sensor_is_a_sensor_error_and_costs_one_try_a_reading) {
  Bus bus;
  Ina219<Bus> sensor(bus);
  bus.there = false;
  sensor.start(100, 0);
  int before = bus.transfers;
  TRUE(sensor.read(100).status() == Status::SensorError);
  TRUE(sensor.read(200).status() == Status::SensorError);
  EQUAL(bus.transfers - before, 2);
}

RULE(a_sensor_that_comes_back_is_set_up_again_before_it_is_believed) {
  Bus bus;
  Ina219<Bus> sensor(bus);
  sensor.start(100, 0);
  uint16_t ours = bus.regs[0];
  bus.there = false;
  sensor.read(100);
  bus.there = true;
  bus.regs[0] = 0x399F;
  bus.regs[2] = 1255 << 3;  // no conversion yet
  TRUE(sensor.read(200).status() == Status::SensorError);
  EQUAL(bus.regs[0], ours);
  bus.regs[2] |= 2;
  TRUE(sensor.read(300).status() == Status::Ok);
}

RULE(a_sensor_that_lost_its_settings_unnoticed_is_found_out_within_a_second) {
  Bus bus;
  Ina219<Bus> sensor(bus);
  sensor.start(100, 0);
  uint16_t ours = bus.regs[0];
  bus.regs[0] = 0x399F;
  for (uint32_t now = 100; now <= 1100; now += 100) sensor.read(now);
  EQUAL(bus.regs[0], ours);
}

int main(int argc, char **argv) { return run_rules(argc, argv); }
