// Rules of the ring, of the host's lines and of the board's answers.
#include "board.h"

#include <string.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "rule.h"

using namespace powermon;
using Lines = std::vector<std::string>;

struct Bench {
  Ring<RING_SIZE> ring;
  Board board{ring};

  explicit Bench(uint32_t boot = 17, bool said_hello = true) {
    board.start(boot, 0);
    if (said_hello) lines(1);
  }
  void measure(uint32_t ms, Status status = Status::Ok) { board.measured(Sample::of(ms, 1255, 2450, status)); }
  void measure_many(int count) {
    for (int i = 0; i < count; i++) measure((uint32_t)i);
  }
  void hear(const std::string &line, uint32_t now = 0) { board.hear(line.data(), (uint8_t)line.size(), now); }
  // Up to `most` lines that the board sends now, without checksum and line end.
  Lines lines(int most = 1000) {
    Lines all;
    Frame frame;
    for (int i = 0; i < most && board.next_line(frame); i++) {
      std::string line(frame.bytes(), frame.length());
      all.push_back(line.substr(0, line.size() - 15));
    }
    return all;
  }
};

static std::string seal(const std::string &object) {
  std::string body = object.substr(0, object.size() - 1);
  uint16_t sum = checksum(body.data(), (uint8_t)body.size());
  char tail[16];
  snprintf(tail, sizeof tail, ",\"crc\":\"%04X\"}", sum);
  return body + tail;
}

static std::vector<uint32_t> seqs(const Lines &lines) {
  std::vector<uint32_t> all;
  for (const std::string &line : lines) {
    size_t at = line.find("\"seq\":");
    if (at != std::string::npos && line[1] == '"' && line[2] == 'v') all.push_back((uint32_t)std::stoul(line.substr(at + 6)));
  }
  return all;
}

static bool again(const std::string &line) { return line.find(",\"re\":1") != std::string::npos; }

static std::string joined(const std::vector<uint32_t> &numbers) {
  std::string text;
  for (uint32_t number : numbers) text += std::to_string(number) + " ";
  return text;
}

RULE(a_ring_entry_is_small_and_the_ring_holds_enough) {
  TRUE(sizeof(Sample) <= 16);
  TRUE(RING_SIZE >= 48);
}

RULE(a_reading_looks_like_the_wire_says) {
  Bench bench;
  bench.measure(8102);
  EQUAL(bench.lines()[0], "{\"v\":5.02,\"a\":0.245,\"w\":1.2299,\"ms\":8102,\"seq\":0,\"status\":\"ok\"");
}

RULE(a_missing_sensor_is_a_reading_of_zeros_with_its_status) {
  Bench bench;
  bench.board.measured(Sample::of(5, 0, 0, Status::SensorError));
  EQUAL(bench.lines()[0], "{\"v\":0,\"a\":0,\"w\":0,\"ms\":5,\"seq\":0,\"status\":\"sensor_error\"");
}

RULE(hello_comes_first_and_names_the_next_number) {
  Bench bench(17, false);
  EQUAL(bench.lines()[0],
        "{\"hello\":\"powermon\",\"proto\":1,\"fw\":\"1.1.0\",\"id\":\"bench-1\",\"boot\":17,\"interval_ms\":100,\"buffer\":" +
            std::to_string(RING_SIZE) + ",\"oldest\":0,\"seq\":0,\"range\":{\"v\":[0,26],\"a\":[-3.2,3.2]}");
}

RULE(each_reading_goes_out_once_when_nobody_asks) {
  Bench bench;
  bench.measure_many(30);
  EQUAL(bench.lines().size(), 30u);
  EQUAL(bench.lines().size(), 0u);
}

RULE(acknowledged_readings_are_forgotten) {
  Bench bench;
  bench.measure_many(10);
  bench.lines();
  bench.hear("{\"ack\":6,\"boot\":17}");
  EQUAL(bench.board.readings_held(), 3);
  bench.hear("{\"nack\":[6,7],\"boot\":17}");
  Lines lines = bench.lines();
  EQUAL(lines[0], "{\"gone\":[6],\"boot\":17");
  EQUAL(joined(seqs(lines)), "7 ");
  TRUE(again(lines[1]));
}

RULE(an_acknowledgement_of_another_boot_or_of_the_future_changes_nothing) {
  Bench bench;
  bench.measure_many(10);
  bench.lines();
  bench.hear("{\"ack\":6,\"boot\":16}");
  bench.hear("{\"ack\":10,\"boot\":17}");
  bench.hear("{\"ack\":4294967295,\"boot\":17}");
  EQUAL(bench.board.readings_held(), 10);
  bench.hear("{\"ack\":9,\"boot\":17}");
  EQUAL(bench.board.readings_held(), 0);
  bench.hear("{\"ack\":3,\"boot\":17}");
  EQUAL(bench.board.readings_held(), 0);
}

RULE(an_acknowledgement_of_what_has_not_gone_out_changes_nothing) {
  Bench bench;
  bench.measure_many(10);
  bench.lines(6);
  bench.hear("{\"ack\":6,\"boot\":17}");
  EQUAL(bench.board.readings_held(), 10);
  bench.hear("{\"ack\":5,\"boot\":17}");
  EQUAL(bench.board.readings_held(), 4);
  EQUAL(joined(seqs(bench.lines())), "6 7 8 9 ");
}

RULE(hello_says_what_is_held_now) {
  Bench bench;
  bench.hear("{\"cmd\":\"hello\",\"seq\":1}");
  TRUE(bench.lines()[1].find("\"oldest\":0,\"seq\":0,") != std::string::npos);
  bench.measure_many(RING_SIZE + 5);
  bench.lines();
  bench.hear("{\"cmd\":\"hello\",\"seq\":2}");
  bench.lines(1);
  bench.measure(1);  // between the order and its answer
  std::string next = std::to_string(RING_SIZE + 6);
  Lines lines = bench.lines();
  TRUE(lines[0].find("\"seq\":" + std::to_string(RING_SIZE + 5)) != std::string::npos);
  TRUE(lines[1].find("\"oldest\":6,\"seq\":" + next + ",") != std::string::npos);
  bench.hear("{\"ack\":" + std::to_string(RING_SIZE + 5) + ",\"boot\":17}");
  bench.hear("{\"cmd\":\"hello\",\"seq\":3}");
  TRUE(bench.lines()[1].find("\"oldest\":" + next + ",\"seq\":" + next + ",") != std::string::npos);
}

RULE(what_was_not_yet_measured_is_never_called_gone) {
  Bench bench;
  bench.measure_many(10);
  bench.lines();
  bench.hear("{\"nack\":[10,11,2000000000,9],\"boot\":17}");
  Lines lines = bench.lines();
  EQUAL(lines.size(), 1u);
  EQUAL(joined(seqs(lines)), "9 ");
  bench.measure(1);
  EQUAL(joined(seqs(bench.lines())), "10 ");
}

RULE(what_was_asked_for_and_is_overwritten_before_its_turn_is_said_to_be_gone) {
  Bench bench;
  bench.measure_many(RING_SIZE);
  bench.lines();
  bench.hear("{\"nack\":[0,2,3],\"boot\":17}");
  bench.measure_many(3);
  Lines lines = bench.lines();
  std::string gone;
  for (const std::string &line : lines) {
    if (line.find("gone") != std::string::npos) gone += line;
  }
  EQUAL(gone, "{\"gone\":[0,2],\"boot\":17");
  EQUAL(joined(seqs(lines)), joined({RING_SIZE, RING_SIZE + 1, RING_SIZE + 2, 3}));
}

RULE(what_is_being_sent_may_be_asked_for_and_comes_again) {
  Bench bench;
  bench.measure_many(2);
  Lines first = bench.lines(1);  // in the frame, half of it on the wire
  bench.hear("{\"nack\":[0],\"boot\":17}");
  Lines rest = bench.lines();
  EQUAL(joined(seqs(rest)), "1 0 ");
  TRUE(again(rest[1]));
}

RULE(the_oldest_reading_is_overwritten_when_the_ring_is_full) {
  Bench bench;
  bench.measure_many(RING_SIZE + 5);
  EQUAL(bench.board.readings_held(), RING_SIZE);
  std::vector<uint32_t> sent = seqs(bench.lines());
  EQUAL(sent.size(), (size_t)RING_SIZE);
  EQUAL(sent[0], 5u);
  bench.hear("{\"nack\":[4,5],\"boot\":17}");
  Lines lines = bench.lines();
  EQUAL(lines[0], "{\"gone\":[4],\"boot\":17");
  EQUAL(joined(seqs(lines)), "5 ");
}

RULE(asking_for_a_reading_that_has_not_gone_out_yet_sends_it_once) {
  Bench bench;
  bench.measure_many(3);
  bench.hear("{\"nack\":[1],\"boot\":17}");
  Lines lines = bench.lines();
  EQUAL(joined(seqs(lines)), "0 1 2 ");
  FALSE(again(lines[1]));
}

RULE(asking_twice_before_it_was_sent_sends_it_once) {
  Bench bench;
  bench.measure_many(5);
  bench.lines();
  bench.hear("{\"nack\":[3,1,3],\"boot\":17}");
  bench.hear("{\"nack\":[1],\"boot\":17}");
  EQUAL(joined(seqs(bench.lines())), "1 3 ");
  bench.hear("{\"nack\":[1],\"boot\":17}");
  EQUAL(joined(seqs(bench.lines())), "1 ");
}

RULE(readings_of_another_boot_are_gone) {
  Bench bench;
  bench.measure_many(5);
  bench.lines();
  bench.hear("{\"nack\":[1,2],\"boot\":16}");
  EQUAL(bench.lines()[0], "{\"gone\":[1,2],\"boot\":16");
}

RULE(a_gone_line_names_at_most_eight) {
  Bench bench;
  bench.measure_many(RING_SIZE + 30);
  bench.lines();
  bench.hear("{\"nack\":[1,2,3,4,5,6,7,8],\"boot\":17}");
  bench.hear("{\"nack\":[11,12,13,14,15,16,17,18],\"boot\":17}");
  bench.hear("{\"nack\":[21,22],\"boot\":17}");  // no room left: the host asks again
  Lines lines = bench.lines();
  EQUAL(lines.size(), 2u);
  EQUAL(lines[0], "{\"gone\":[1,2,3,4,5,6,7,8],\"boot\":17");
  EQUAL(lines[1], "{\"gone\":[11,12,13,14,15,16,17,18],\"boot\":17");
}

RULE(hello_is_answered_and_everything_held_is_offered_oldest_first_beside_live_readings) {
  Bench bench;
  bench.measure_many(5);
  bench.lines();
  bench.hear("{\"ack\":1,\"boot\":17}");
  bench.hear("{\"cmd\":\"hello\",\"seq\":9}");
  Lines first = bench.lines(3);
  bench.measure(99);
  Lines rest = bench.lines();
  EQUAL(first[0], "{\"ack\":9,\"result\":\"ok\"");
  TRUE(first[1].find("\"hello\":\"powermon\"") != std::string::npos);
  TRUE(first[1].find("\"seq\":5") != std::string::npos);
  EQUAL(joined(seqs(first)), "2 ");
  EQUAL(joined(seqs(rest)), "5 3 4 ");  // live ones first
  FALSE(again(rest[0]));
  TRUE(again(rest[1]));
}

RULE(what_was_acknowledged_meanwhile_is_not_offered) {
  Bench bench;
  bench.measure_many(10);
  bench.lines();
  bench.hear("{\"cmd\":\"hello\",\"seq\":1}");
  bench.lines(4);
  bench.hear("{\"ack\":7,\"boot\":17}");
  EQUAL(joined(seqs(bench.lines())), "8 9 ");
}

RULE(what_is_asked_for_comes_once_and_before_the_offer_unless_the_offer_has_it) {
  Bench bench;
  bench.measure_many(10);
  bench.lines();
  bench.hear("{\"nack\":[5],\"boot\":17}");
  bench.hear("{\"cmd\":\"hello\",\"seq\":1}");
  EQUAL(joined(seqs(bench.lines(3))), "0 ");
  bench.measure_many(2);
  bench.lines(2);
  bench.hear("{\"nack\":[0,8,10],\"boot\":17}");
  EQUAL(joined(seqs(bench.lines())), "0 10 1 2 3 4 5 6 7 8 9 ");
}

RULE(hello_while_offering_offers_everything_anew) {
  Bench bench;
  bench.measure_many(6);
  bench.lines();
  bench.hear("{\"cmd\":\"hello\",\"seq\":1}");
  EQUAL(joined(seqs(bench.lines(5))), "0 1 2 ");
  bench.hear("{\"cmd\":\"hello\",\"seq\":2}");
  EQUAL(joined(seqs(bench.lines())), "0 1 2 3 4 5 ");
  EQUAL(bench.lines().size(), 0u);
}

RULE(a_host_that_returns_after_ten_silent_seconds_is_offered_what_is_held) {
  Bench bench;
  bench.hear(seal("{\"ack\":0,\"boot\":17}"), UINT32_MAX - 5000);
  bench.measure_many(6);
  bench.lines();
  bench.hear(seal("{\"ack\":1,\"boot\":17}"), 4999);  // ten seconds: not yet silence
  EQUAL(bench.lines().size(), 0u);
  bench.hear("{\"cmd\":\"ping\",\"seq\":1}", 12000);  // noise, or somebody else
  EQUAL(bench.lines().size(), 0u);
  bench.hear(seal("{\"ack\":3,\"boot\":17}"), 15001);
  Lines lines = bench.lines();
  EQUAL(joined(seqs(lines)), "4 5 ");
  TRUE(again(lines[0]));
}

RULE(the_first_host_is_offered_what_is_held_even_if_it_does_not_say_hello) {
  Bench bench;
  bench.measure_many(4);
  bench.lines();
  bench.hear(seal("{\"ack\":0,\"boot\":17}"), 10001);
  EQUAL(joined(seqs(bench.lines())), "1 2 3 ");
}

RULE(replies_and_retransmissions_keep_a_live_reading_waiting_by_one_line_at_most) {
  Bench bench;
  bench.measure_many(40);
  bench.lines();
  bench.hear("{\"cmd\":\"hello\",\"seq\":1}");
  for (int i = 0; i < 50; i++) {
    bench.hear("{\"cmd\":\"ping\",\"seq\":2}");
    bench.measure((uint32_t)i);
    Lines two = bench.lines(2);
    bool live = false;
    for (const std::string &line : two) live |= seqs({line}).size() == 1 && !again(line);
    TRUE(live);
  }
}

RULE(numbers_roll_over_in_the_ring) {
  Bench bench;
  uint32_t next = UINT32_MAX - 2;
  memcpy((void *)&bench.ring, &next, sizeof next);  // as the tests of the binary do
  bench.measure_many(6);
  EQUAL(joined(seqs(bench.lines())), "4294967293 4294967294 4294967295 0 1 2 ");
  bench.hear("{\"nack\":[4294967295,0],\"boot\":17}");
  EQUAL(joined(seqs(bench.lines())), "4294967295 0 ");
  bench.hear("{\"ack\":0,\"boot\":17}");
  EQUAL(bench.board.readings_held(), 2);
  bench.hear("{\"cmd\":\"hello\",\"seq\":1}");
  EQUAL(joined(seqs(bench.lines())), "1 2 ");
}

RULE(once_a_checksum_was_seen_a_line_without_one_is_refused) {
  Bench bench;
  bench.measure_many(3);
  bench.lines();
  bench.hear(seal("{\"ack\":0,\"boot\":17}"), 1000);
  EQUAL(bench.board.readings_held(), 2);
  bench.hear("{\"ack\":1,\"boot\":17}", 1001);
  EQUAL(bench.board.readings_held(), 2);
}

RULE(a_host_that_was_silent_for_a_minute_is_gone_and_a_person_may_type) {
  Bench bench;
  bench.hear(seal("{\"ack\":0,\"boot\":17}"), UINT32_MAX - 100);
  bench.hear("{\"cmd\":\"ping\",\"seq\":1}", 50000);
  EQUAL(bench.lines().size(), 0u);
  bench.hear("{\"cmd\":\"ping\",\"seq\":2}", 60000);
  EQUAL(bench.lines()[0], "{\"ack\":2,\"result\":\"ok\"");
}

RULE(a_wrong_checksum_is_never_believed) {
  Bench bench;
  std::string good = seal("{\"cmd\":\"ping\",\"seq\":1}");
  for (size_t i = 0; i < good.size(); i++) {
    for (int bit = 0; bit < 8; bit++) {
      std::string bad = good;
      bad[i] = (char)(bad[i] ^ (1 << bit));
      Bench other;
      other.hear(seal("{\"ack\":0,\"boot\":1}"));
      other.hear(bad);
      EQUAL(other.lines().size(), 0u);
    }
  }
}

RULE(an_order_that_is_repeated_is_obeyed_once_and_answered_each_time) {
  Bench bench;
  std::string order = seal("{\"cmd\":\"buzzer\",\"on_ms\":10,\"times\":1,\"seq\":5}");
  bench.hear(order, 0);
  TRUE(bench.board.buzzer.sounding(0));
  FALSE(bench.board.buzzer.sounding(10));
  FALSE(bench.board.buzzer.sounding(30));
  bench.hear(order, 40);
  FALSE(bench.board.buzzer.sounding(40));
  Lines lines = bench.lines();
  EQUAL(lines.size(), 2u);
  EQUAL(lines[1], lines[0]);
  bench.hear(seal("{\"cmd\":\"buzzer\",\"on_ms\":10,\"times\":1,\"seq\":6}"), 50);
  TRUE(bench.board.buzzer.sounding(50));
}

RULE(a_person_may_type_the_same_order_again) {
  Bench bench;
  std::string order = "{\"cmd\":\"buzzer\",\"on_ms\":10,\"seq\":5}";
  bench.hear(order, 0);
  TRUE(bench.board.buzzer.sounding(0));
  FALSE(bench.board.buzzer.sounding(30));
  bench.hear(order, 40);
  TRUE(bench.board.buzzer.sounding(40));
}

// What the wire promises, kept beside the board: which numbers there are, which are held, what was asked for.
struct Truth {
  uint64_t next, first;            // counted beyond 2^32, as the board cannot
  uint64_t oldest, live;           // the oldest held; the next that goes out on its own
  std::set<uint64_t> asked;        // held when it was asked for, and not heard of since
  uint64_t whole(uint32_t seq) const { return next - (uint32_t)(next - seq); }  // that number, before `next`
  bool held(uint64_t n) const { return n >= oldest && n < next; }
};

static uint32_t number_after(const std::string &line, const char *name) {
  size_t at = line.find(name);
  return at == std::string::npos ? 0 : (uint32_t)std::stoul(line.substr(at + strlen(name)));
}

static void check_gone(const std::string &line, Truth &truth) {
  size_t end = line.find(']');
  for (size_t at = line.find('[') + 1; at < end; at = line.find_first_of(",]", at) + 1) {
    uint32_t seq = (uint32_t)std::stoul(line.substr(at));
    TRUE((int32_t)((uint32_t)truth.next - seq) > 0);  // measured
    FALSE(truth.held(truth.whole(seq)));
    truth.asked.erase(truth.whole(seq));
  }
}

static void check_line(const std::string &line, Truth &truth) {
  if (line.compare(0, 5, "{\"v\":") == 0) {
    uint64_t n = truth.whole(number_after(line, "\"seq\":"));
    TRUE(truth.held(n));
    EQUAL(number_after(line, "\"ms\":"), (uint32_t)(n - truth.first));
    if (again(line)) {
      TRUE(n < truth.live);
    } else {
      EQUAL(n, truth.live > truth.oldest ? truth.live : truth.oldest);
      truth.live = n + 1;
    }
    truth.asked.erase(n);
  } else if (line.find("\"gone\"") != std::string::npos) {
    check_gone(line, truth);
  } else if (line.find("\"hello\"") != std::string::npos) {
    EQUAL(number_after(line, "\"oldest\":"), (uint32_t)truth.oldest);
    EQUAL(number_after(line, "\"seq\":"), (uint32_t)truth.next);
  }
}

static void say_ack(Bench &bench, Truth &truth, std::minstd_rand &random) {
  uint64_t n = truth.next + random() % 60 - 50;
  bool right_boot = random() % 4;
  bench.hear("{\"ack\":" + std::to_string((uint32_t)n) + ",\"boot\":" + (right_boot ? "17}" : "18}"));
  if (!right_boot || n >= truth.live || n < truth.oldest) return;
  truth.oldest = n + 1;
  truth.asked.erase(truth.asked.begin(), truth.asked.lower_bound(truth.oldest));
}

static void say_nack(Bench &bench, Truth &truth, std::minstd_rand &random) {
  std::string list;
  for (int i = 0; i < 8; i++) {
    uint64_t n = truth.next + random() % 130 - 120;
    list += (i ? "," : "") + std::to_string((uint32_t)n);
    if (n < truth.next) truth.asked.insert(n);
  }
  bench.hear("{\"nack\":[" + list + "],\"boot\":17}");
}

RULE(whatever_comes_in_whatever_order_the_board_tells_the_truth_and_answers_all_that_is_asked) {
  std::minstd_rand random(7);
  for (int round = 0; round < 300; round++) {
    Bench bench;
    uint32_t start = round % 2 ? UINT32_MAX - random() % 200 : random();
    memcpy((void *)&bench.ring, &start, sizeof start);
    uint64_t first = ((uint64_t)1 << 32) + start;
    Truth truth{first, first, first, first, {}};
    for (int step = 0; step < 500; step++) {
      switch (random() % 6) {
        case 0:
        case 1:
          for (uint32_t count = random() % 20; count--;) {
            bench.measure((uint32_t)(truth.next - first));
            truth.next++;
            if (truth.next - truth.oldest > RING_SIZE) truth.oldest++;
          }
          break;
        case 2: say_ack(bench, truth, random); break;
        case 3: say_nack(bench, truth, random); break;
        case 4: bench.hear("{\"cmd\":\"" + std::string(random() % 4 ? "ping" : "hello") + "\",\"seq\":" + std::to_string(step) + "}"); break;
        default: for (const std::string &line : bench.lines((int)(random() % 60))) check_line(line, truth);
      }
    }
    for (const std::string &line : bench.lines()) check_line(line, truth);
    EQUAL((uint32_t)bench.board.readings_held(), (uint32_t)(truth.next - truth.oldest));
    for (uint64_t n : truth.asked) FALSE(truth.held(n));  // what is held came; what is not may have found no room for its `gone`
  }
}

RULE(set_interval_refuses_what_the_line_cannot_carry) {
  Bench bench;
  bench.hear("{\"cmd\":\"set_interval\",\"value_ms\":9,\"seq\":1}");
  EQUAL(bench.lines()[0], "{\"ack\":1,\"result\":\"error\",\"error\":\"value_ms must be 10..60000\"");
  EQUAL(bench.board.schedule.interval_ms(), 100);
  bench.hear("{\"cmd\":\"set_interval\",\"value_ms\":10,\"seq\":2}");
  EQUAL(bench.lines()[0], "{\"ack\":2,\"result\":\"ok\"");
  EQUAL(bench.board.schedule.interval_ms(), 10);
}

RULE(an_interval_that_is_set_again_and_again_does_not_keep_the_board_from_measuring) {
  Bench bench;
  int due = 0;
  for (uint32_t now = 1; now <= 2000; now++) {
    if (now % 50 == 0) bench.hear(seal("{\"cmd\":\"set_interval\",\"value_ms\":200,\"seq\":" + std::to_string(now) + "}"), now);
    due += bench.board.schedule.due(now);
    bench.lines();
  }
  TRUE(due >= 9);
}

RULE(after_set_time_readings_carry_the_time_at_which_they_were_measured) {
  Bench bench;
  bench.measure(500);
  bench.hear("{\"cmd\":\"set_time\",\"epoch_ms\":1712345678125,\"seq\":1}", 1000);
  Lines lines = bench.lines();
  TRUE(lines[0].find("\"ts\":1712345677.625,\"ms\":500") != std::string::npos ||
       lines[1].find("\"ts\":1712345677.625,\"ms\":500") != std::string::npos);
}

RULE(the_time_is_left_out_while_the_line_has_no_room_for_it) {
  Bench bench;
  bench.hear("{\"cmd\":\"set_time\",\"epoch_ms\":1712345678125,\"seq\":1}", 1000);
  bench.hear("{\"cmd\":\"set_interval\",\"value_ms\":10,\"seq\":2}", 1000);
  bench.lines();
  bench.measure(1010);
  EQUAL(bench.lines()[0].find("\"ts\""), std::string::npos);
  bench.hear("{\"cmd\":\"set_interval\",\"value_ms\":12,\"seq\":3}", 1020);
  bench.lines();
  bench.measure(1032);
  TRUE(bench.lines()[0].find("\"ts\"") != std::string::npos);
}

RULE(more_orders_than_there_is_room_for_are_not_obeyed_either) {
  Bench bench;
  for (int i = 0; i < 4; i++) bench.hear("{\"cmd\":\"ping\",\"seq\":" + std::to_string(i) + "}");
  bench.hear("{\"cmd\":\"set_interval\",\"value_ms\":500,\"seq\":4}");
  EQUAL(bench.board.schedule.interval_ms(), 100);
  EQUAL(bench.lines().size(), 4u);
}

int main(int argc, char **argv) { return run_rules(argc, argv); }
