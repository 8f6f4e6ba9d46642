// Rules of the sketch itself, compiled for the host with a fake Arduino core.
#include <set>
#include <string>
#include <vector>

#include "Arduino.h"
#include "Wire.h"
#include "rule.h"

void setup();
void loop();

static const uint8_t BUZZER_PIN = 8;

// One loop() a millisecond; the port sends `bytes_per_ms`.
static void run(int ms, int bytes_per_ms = 11) {
  for (int i = 0; i < ms; i++) {
    loop();
    world.now_ms++;
    world.serial_room += bytes_per_ms;
    if (world.serial_room > 63) world.serial_room = 63;
  }
}

static void hear(const std::string &line) {
  for (char c : line + "\n") world.incoming.push_back((uint8_t)c);
}

static std::vector<std::string> take_lines() {
  std::vector<std::string> lines;
  size_t at = 0;
  for (size_t end; (end = world.sent.find('\n', at)) != std::string::npos; at = end + 1) lines.push_back(world.sent.substr(at, end - at));
  world.sent.erase(0, at);
  return lines;
}

static int count(const std::vector<std::string> &lines, const std::string &part) {
  int found = 0;
  for (const std::string &line : lines) found += line.find(part) != std::string::npos;
  return found;
}

// Each rule runs in a process of its own: setup() is what a reset would do.
RULE(the_board_begins_with_a_blank_line_and_hello) {
  setup();
  run(50);
  std::vector<std::string> lines = take_lines();
  EQUAL(lines.size(), 2u);
  EQUAL(lines[0], "");
  EQUAL(count(lines, "\"hello\":\"powermon\""), 1);
  TRUE(Wire.has_timeout);
}

RULE(each_start_has_a_new_boot_number) {
  setup();
  run(50);
  std::vector<std::string> first = take_lines();
  setup();
  run(50);
  std::vector<std::string> second = take_lines();
  TRUE(first[1] != second[1]);
  EQUAL(world.eeprom_writes > 0, true);
}

RULE(the_boot_number_is_stored_before_anything_is_said) {
  setup();
  TRUE(world.eeprom_writes > 0);
  FALSE(world.eeprom_busy);
  EQUAL(count(take_lines(), "hello"), 0);
}

RULE(a_dead_eeprom_gives_another_boot_number_at_each_start) {
  world.eeprom_dead = true;
  world.noisy_inputs = true;
  std::vector<std::string> hellos;
  for (int i = 0; i < 20; i++) {
    setup();
    run(50);
    for (const std::string &line : take_lines()) {
      if (line.find("\"boot\":") != std::string::npos) hellos.push_back(line.substr(line.find("\"boot\":"), 16));
    }
  }
  EQUAL(hellos.size(), 20u);
  EQUAL(std::set<std::string>(hellos.begin(), hellos.end()).size(), 20u);
}

RULE(a_port_without_room_stops_neither_measuring_nor_the_loop) {
  setup();
  run(20);
  take_lines();
  run(5000, 0);
  EQUAL(count({world.sent}, "BLOCKED"), 0);
  TRUE(world.sensor_reads >= 2 * 49);
  run(2000);
  std::vector<std::string> lines = take_lines();
  EQUAL(count(lines, "\"status\":\"ok\""), 70);
  EQUAL(count({world.sent}, "BLOCKED"), 0);
}

RULE(readings_come_on_schedule_with_the_sensors_values) {
  setup();
  run(1050);
  std::vector<std::string> lines = take_lines();
  EQUAL(count(lines, "{\"v\":5.02,\"a\":0.245,\"w\":1.2299,\"ms\":"), 10);
  EQUAL(count(lines, "\"ms\":100,\"seq\":0,"), 1);
  EQUAL(count(lines, "\"ms\":1000,\"seq\":9,"), 1);
}

RULE(a_slow_bus_costs_turns_but_not_the_schedule) {
  world.busy_ms_per_read = 70;
  setup();
  run(1000);
  std::vector<std::string> lines = take_lines();
  TRUE(count(lines, "\"status\":\"ok\"") >= 5);
}

RULE(a_removed_sensor_is_said_and_its_return_is_seen) {
  setup();
  run(350);
  world.sensor_there = false;
  run(300);
  world.sensor_there = true;
  run(300);
  std::vector<std::string> lines = take_lines();
  EQUAL(count(lines, "\"status\":\"sensor_error\""), 3);
  EQUAL(count(lines, "\"status\":\"ok\""), 6);
}

RULE(the_buzzer_pin_follows_its_order) {
  setup();
  hear("{\"cmd\":\"buzzer\",\"on_ms\":20,\"times\":3,\"seq\":1}");
  run(300);
  EQUAL(world.pin_changes[BUZZER_PIN], 6);
  EQUAL((int)world.pins[BUZZER_PIN], (int)LOW);
  EQUAL(count(take_lines(), "{\"ack\":1,\"result\":\"ok\","), 1);
}

RULE(set_interval_changes_the_pace_and_the_averaging) {
  setup();
  run(20);
  uint16_t before = world.config;
  hear("{\"cmd\":\"set_interval\",\"value_ms\":10,\"seq\":1}");
  run(1000);
  TRUE(world.config != before);
  int readings = count(take_lines(), "\"status\":\"ok\"");
  TRUE(readings >= 97 && readings <= 100);
}

RULE(the_uptime_may_roll_over) {
  world.now_ms = UINT32_MAX - 499;
  setup();
  run(1050);
  std::vector<std::string> lines = take_lines();
  EQUAL(count(lines, "\"status\":\"ok\""), 10);
  EQUAL(count(lines, "\"ms\":4294967196,"), 1);
  EQUAL(count(lines, "\"ms\":0,"), 1);
}

int main(int argc, char **argv) {
  if (argc > 1) return run_rules(argc, argv);
  fputs("one rule at a time, as each needs a board of its own; --list names them\n", stderr);
  return 2;
}
