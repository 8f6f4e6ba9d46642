// A test is a rule with a name. The program runs those that it is given, or all; --list names them.
#pragma once
#include <stdio.h>
#include <string.h>

#include <sstream>
#include <string>
#include <vector>

struct Rule {
  const char *name;
  void (*check)();
};

inline std::vector<Rule> &rules() {
  static std::vector<Rule> all;
  return all;
}

inline int &failures() {
  static int count = 0;
  return count;
}

struct NewRule {
  NewRule(const char *name, void (*check)()) { rules().push_back(Rule{name, check}); }
};

#define RULE(name)                             \
  static void name();                          \
  static const NewRule new_##name(#name, name); \
  static void name()

template <class A, class B>
void expect_equal(const A &found, const B &expected, const char *what, const char *file, int line) {
  if (found == expected) return;
  std::ostringstream text;
  text << file << ":" << line << ": " << what << " is " << found << ", not " << expected;
  puts(text.str().c_str());
  failures()++;
}

#define EQUAL(found, expected) expect_equal(found, expected, #found, __FILE__, __LINE__)
#define TRUE(what) expect_equal((bool)(what), true, #what, __FILE__, __LINE__)
#define FALSE(what) expect_equal((bool)(what), false, #what, __FILE__, __LINE__)

inline bool wanted(const char *name, int argc, char **argv) {
  bool found = argc == 1;
  for (int i = 1; i < argc; i++) found |= strcmp(name, argv[i]) == 0;
  return found;
}

inline int run_rules(int argc, char **argv) {
  int ran = 0;
  for (const Rule &rule : rules()) {
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
      puts(rule.name);
      ran++;
    } else if (wanted(rule.name, argc, argv)) {
      rule.check();
      ran++;
    }
  }
  return failures() || ran == 0;
}
