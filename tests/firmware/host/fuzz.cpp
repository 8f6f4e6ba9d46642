// Bytes of a hostile host against the sketch: golden lines, mutated and glued together, under the sanitizers.
//   fuzz SECONDS SEED < lines          each line of the input is a seed
// Checked beside memory: the port is never written beyond its room, every line of the board is whole and has a right
// checksum, the ring never holds more than it can, and live readings go on.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "Arduino.h"
#include "checksum.h"

void setup();
void loop();

using Random = std::mt19937_64;

static void fail(const char *what, const std::string &line) {
  fprintf(stderr, "fuzz: %s: %s\n", what, line.c_str());
  abort();
}

static std::string sealed(const std::string &line) {
  std::string body = line.substr(0, line.empty() ? 0 : line.size() - 1);
  char tail[16];
  snprintf(tail, sizeof tail, ",\"crc\":\"%04X\"}", powermon::checksum(body.data(), (uint8_t)body.size()));
  return body + tail;
}

static std::string mutated(std::string line, Random &random) {
  static const std::string spice = "{}[]\",:0123456789-+.eE\\u\r\n\x00\x7f\xff\xc3\xa9 tfn";
  for (uint64_t left = random() % 6; left--;) {
    size_t at = line.empty() ? 0 : random() % line.size();
    switch (random() % 6) {
      case 0: line.insert(at, 1, spice[random() % spice.size()]); break;
      case 1: line.erase(at, 1 + random() % 3); break;
      case 2: if (!line.empty()) line[at] = (char)random(); break;
      case 3: if (!line.empty()) line[at] = spice[random() % spice.size()]; break;
      case 4: line.insert(at, line.substr(at, random() % 40)); break;
      default: line.insert(at, std::to_string(random() >> random() % 64)); break;
    }
  }
  return random() % 3 ? line : sealed(line);  // with a right checksum it gets past the guard
}

static bool check_lines() {
  bool any = false;
  size_t at = 0;
  for (size_t end; (end = world.sent.find('\n', at)) != std::string::npos; at = end + 1) {
    std::string line = world.sent.substr(at, end - at);
    if (line.empty()) continue;
    if (line.size() > 255 || line.size() < 20) fail("a line of strange length", line);
    if (sealed(line.substr(0, line.size() - 14) + "}") != line) fail("a line with a wrong checksum", line);
    any |= line.compare(0, 5, "{\"v\":") == 0;
  }
  world.sent.erase(0, at);
  if (world.sent.size() > 255) fail("a line without end", world.sent);
  return any;
}

static void feed(const std::string &bytes, Random &random) {
  for (char c : bytes) {
    world.incoming.push_back((uint8_t)c);
    if (random() % 16) continue;
    loop();
    world.now_ms += random() % 3;
    world.serial_room = (int)(random() % 64);
  }
}

int main(int argc, char **argv) {
  double seconds = argc > 1 ? atof(argv[1]) : 5;
  Random random(argc > 2 ? strtoull(argv[2], nullptr, 10) : 1);
  std::vector<std::string> seeds;
  for (std::string line; std::getline(std::cin, line);) seeds.push_back(line);
  if (seeds.empty()) return 2;
  setup();
  uint64_t fed = 0;
  clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);
  while (clock() < end) {
    for (int i = 0; i < 200; i++, fed++) feed(mutated(seeds[random() % seeds.size()], random) + "\n", random);
    for (int i = 0; i < 70000; i += 50) {  // longer than the longest interval: something must come
      world.serial_room = 63;
      world.now_ms += 50;
      loop();
    }
    if (!check_lines()) fail("no reading came any more", "");
    world.shunt = (int16_t)random();
    world.bus = (uint16_t)random() | 2;
    world.sensor_there = random() % 8;
    world.now_ms += (uint32_t)(random() % 4 ? 0 : random() % 0x7FFF0000);  // a leap, short enough to be told from one back
  }
  printf("%llu lines\n", (unsigned long long)fed);
}
