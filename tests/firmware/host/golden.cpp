// The firmware's reader and writer behind a pipe, for the golden lines, with their interval and buffer. One request a line:
//   read <crc due: 0 or 1> <line in hex>                         → what it says, as JSON
//   obey <line in hex>                                           → the lines that a fresh board sends in answer
//   hello <boot> <oldest> <held>                                 → the hello of a board that holds so many, its next number is oldest + held
//   reading <mv> <ua> <uw> <ms> <seq> <status> <re> <epoch_ms>   → the line; epoch_ms 0: none
#include <stdio.h>
#include <string.h>

#include <iostream>
#include <sstream>
#include <string>

#include "board.h"
#include "line_reader.h"

using namespace powermon;

static std::string from_hex(const std::string &hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) bytes += (char)std::stoi(hex.substr(i, 2), nullptr, 16);
  return bytes;
}

static const char *order_name(Order order) {
  static const char *names[] = {"", "hello", "ping", "set_interval", "set_time", "buzzer", "reset_energy"};
  return names[(int)order];
}

static void put_argument(std::ostream &out, const char *name, const Argument &argument) {
  if (argument.given == Given::Usable) out << ",\"" << name << "\":" << argument.number.head * 1000ull + argument.number.tail;
  if (argument.given == Given::Unusable) out << ",\"" << name << "\":null";
}

static void put_message(std::ostream &out, const Message &message) {
  static const char *kinds[] = {"bad_line", "ack", "nack", "command"};
  out << "{\"kind\":\"" << kinds[(int)message.says] << "\"";
  if (message.says == Says::Ack) out << ",\"ack\":" << message.number << ",\"boot\":" << message.boot;
  if (message.says == Says::Nack) {
    const char *comma = "";
    Numbers numbers = message.numbers();
    out << ",\"nack\":[";
    for (uint32_t seq; numbers.next(seq); comma = ",") out << comma << seq;
    out << "],\"boot\":" << message.boot;
  }
  if (message.says == Says::Order) {
    out << ",\"cmd\":\"" << order_name(message.order) << "\",\"seq\":" << message.number;
    put_argument(out, "value_ms", message.value_ms);
    put_argument(out, "epoch_ms", message.epoch_ms);
    put_argument(out, "on_ms", message.on_ms);
    put_argument(out, "times", message.times);
  }
  out << "}\n";
}

static void read(std::istream &in, std::ostream &out) {
  bool crc_due;
  std::string hex;
  in >> crc_due >> hex;
  LineReader reader;
  Message message;
  std::string line = from_hex(hex) + "\n";
  for (char byte : line) {
    if (reader.feed(byte)) message = read_message(reader.line(), reader.length(), crc_due);
  }
  put_message(out, message);
}

static void obey(std::istream &in, std::ostream &out) {
  std::string hex;
  in >> hex;
  std::string line = from_hex(hex);
  Ring<RING_SIZE> ring;
  Board board(ring);
  Frame frame;
  board.start(17, 0);
  board.next_line(frame);
  board.hear(line.data(), (uint8_t)line.size(), 0);
  while (board.next_line(frame)) out.write(frame.bytes(), frame.length());
  out << "\n";
}

static void hello(std::istream &in, std::ostream &out) {
  uint32_t boot, oldest;
  int held;
  in >> boot >> oldest >> held;
  Ring<RING_SIZE> ring;
  memcpy((void *)&ring, &oldest, sizeof oldest);  // its first member is the next number
  Board board(ring);
  Frame frame;
  board.start(boot, 0);
  for (; held; held--) board.measured(Sample::of(0, 0, 0, Status::Ok));
  board.next_line(frame);
  out.write(frame.bytes(), frame.length());
}

static void reading(std::istream &in, std::ostream &out) {
  Values values;
  uint32_t ms, seq;
  std::string status;
  bool again;
  uint64_t epoch_ms;
  in >> values.mv >> values.ua >> values.uw >> ms >> seq >> status >> again >> epoch_ms;
  UnixTime time = {(uint32_t)(epoch_ms / 1000), (uint16_t)(epoch_ms % 1000)};
  Status kind = status == "ok" ? Status::Ok : status == "overflow" ? Status::Saturated : Status::SensorError;
  Frame frame;
  put_reading(frame, values, epoch_ms ? &time : nullptr, ms, seq, kind, again);
  out.write(frame.bytes(), frame.length());
}

int main() {
  std::string request;
  while (std::getline(std::cin, request)) {
    std::istringstream in(request);
    std::string verb;
    in >> verb;
    if (verb == "read") read(in, std::cout);
    if (verb == "obey") obey(in, std::cout);
    if (verb == "hello") hello(in, std::cout);
    if (verb == "reading") reading(in, std::cout);
    std::cout.flush();
  }
}
