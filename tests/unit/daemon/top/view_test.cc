// Keys, tables and the screen that follows from them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/top/view/layout.h"
#include "daemon/top/view/plain_text.h"
#include "daemon/top/view/view_state.h"
#include "tests/unit/daemon/top/samples.h"

namespace pprofd::top {
namespace {

using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

// A view of samples, as a session has it.
class Shown : public testing::Test {
protected:
  Shown() { use_utf8_locale(); }

  void add(const std::vector<MadeProcess>& processes) {
    samples_.add(made_interval(samples_, processes));
  }
  Table table() {
    return make_table(samples_, true, state_.subject(), state_.settings(), state_.filter());
  }
  Wish press(Key pressed) { return state_.press(pressed, table(), 10); }
  Wish press(char32_t character) { return press(key(character)); }
  Wish press(Special special) { return press(key(special)); }
  void type(std::u32string_view text) {
    for (const char32_t character : text)
      press(character);
  }
  // The last cells of the rows: names.
  std::vector<std::string> names() {
    std::vector<std::string> result;
    for (const Row& row : table().rows)
      result.push_back(row.cells.back());
    return result;
  }
  std::string selected() {
    const Table now = table();
    return now.rows.empty() ? "" : now.rows[state_.selected(now)].cells.back();
  }
  Screen screen(Size size = {}, bool ascii = false) {
    const Table now = table();
    return layout(samples_, status_, now, state_, size, ascii);
  }
  static std::vector<std::string> lines_of(const Screen& screen) {
    std::vector<std::string> lines;
    for (const Line& line : screen.lines) {
      std::string& text = lines.emplace_back();
      for (const Span& span : line)
        text += span.text;
    }
    return lines;
  }
  std::string text(Size size = {}, bool ascii = false) {
    std::string all;
    for (const std::string& line : lines_of(screen(size, ascii)))
      all += line + '\n';
    return all;
  }

  LiveSamples samples_{seconds(10)};
  Status status_{.frequency = 100, .event = {}, .notice = {}};
  ViewState state_{{.scope = {}, .scope_name = {}, .function = {}}, {}, Filter()};
};

const std::vector<MadeProcess> kTwoPrograms = {
    {.pid = 11,
     .comm = "server",
     .stacks =
         {{.tid = 11, .thread = "accept", .frames = {"parse", "serve", "main"}, .samples = 60},
          {.tid = 12, .thread = "worker", .frames = {"k:copy", "read", "main"}, .samples = 10}}},
    {.pid = 22,
     .comm = "client",
     .stacks = {{.tid = 22, .thread = "client", .frames = {"Send", "main"}, .samples = 30}}}};

TEST_F(Shown, FunctionsAreSortedBySelfThenByTotalAndAgain) {
  add(kTwoPrograms);
  EXPECT_THAT(names(), ElementsAre("parse", "Send", "copy", "main", "serve", "main", "read"));
  press(U's');
  EXPECT_THAT(names(), ElementsAre("main", "parse", "serve", "Send", "main", "copy", "read"));
  press(Special::kF6);
  EXPECT_EQ(names().front(), "parse");
}

TEST_F(Shown, SharesAreOfAllSamplesInView) {
  add(kTwoPrograms);
  const Table now = table();
  EXPECT_THAT(now.rows[0].cells, ElementsAre("60.00", "60.00", "server", "parse"));
  EXPECT_THAT(now.rows[3].cells, ElementsAre("0.00", "70.00", "server", "main"));
}

TEST_F(Shown, ProcessesHaveTheirCpuTimeOfOneCpu) {
  add(kTwoPrograms); // 100 samples of 10 ms in one second
  press(Special::kTab);
  const Table now = table();
  ASSERT_THAT(now.rows, SizeIs(2));
  EXPECT_THAT(now.rows[0].cells,
              ElementsAre("70.0", "70.00", "0.00", "2", "11", "server", "/usr/bin/server"));
  press(U'3');
  EXPECT_THAT(names(), ElementsAre("accept", "client", "worker"));
  press(Special::kBackTab);
  EXPECT_EQ(state_.subject().view, View::kProcesses);
  press(U'1');
  EXPECT_EQ(state_.subject().view, View::kFunctions);
}

TEST_F(Shown, ForEventsThatAreNoTimeThereIsNoCpuColumn) {
  add(kTwoPrograms);
  const Table now = make_table(
      samples_, false, {.view = View::kProcesses, .scope = {}, .scope_name = {}, .function = {}},
      {}, Filter());
  EXPECT_EQ(now.columns.front().title, "SHARE%");
}

TEST_F(Shown, EnterLeadsToAProcessesFunctionsToNeighboursAndEscapeBack) {
  add(kTwoPrograms);
  press(U'2');
  press(Special::kEnter);
  EXPECT_EQ(table().title, "Functions of server (11), by self");
  EXPECT_THAT(names(), ElementsAre("parse", "copy", "main", "serve", "read"));
  press(Special::kEnter); // parse
  EXPECT_EQ(table().title, "parse of server (11): callers, self, callees");
  EXPECT_THAT(names(), ElementsAre("serve", "parse"));
  press(Special::kEnter); // its caller
  EXPECT_THAT(names(), ElementsAre("main", "serve", "parse"));
  press(Special::kEscape);
  press(Special::kBackspace);
  press(Special::kLeft);
  EXPECT_EQ(state_.subject().view, View::kProcesses);
  EXPECT_EQ(state_.depth(), 1);
}

TEST_F(Shown, EnterOnTheFunctionItselfLeadsNowhere) {
  add(kTwoPrograms);
  press(Special::kEnter);
  press(Special::kEnd); // parse calls nothing: the last row is itself
  const size_t depth = state_.depth();
  press(Special::kEnter);
  EXPECT_EQ(state_.depth(), depth);
}

TEST_F(Shown, EnterOnAThreadLeadsToItsFunctions) {
  add(kTwoPrograms);
  press(U'3');
  press(Special::kEnd);
  press(Special::kEnter);
  EXPECT_EQ(table().title, "Functions of thread worker (12) in server (11), by self");
  EXPECT_THAT(names(), ElementsAre("copy", "main", "read"));
}

TEST_F(Shown, WaysInCirclesAreBounded) {
  add({{.stacks = {{.frames = {"a", "b"}}, {.frames = {"b", "a"}}}}});
  for (int step = 0; step < 1000; ++step)
    press(Special::kEnter); // the caller of the caller
  EXPECT_EQ(state_.depth(), 64);
  for (int step = 0; step < 63; ++step)
    press(Special::kEscape);
  EXPECT_EQ(table().title, "Functions, by self");
}

TEST_F(Shown, AFilterIsTypedAndKeptOrDropped) {
  add(kTwoPrograms);
  press(U'/');
  type(U"send|pars");
  EXPECT_EQ(state_.typed(), "send|pars");
  EXPECT_THAT(names(), ElementsAre("parse", "Send"));
  EXPECT_EQ(table().hidden, 5);
  press(Special::kBackspace);
  press(Special::kEnter);
  EXPECT_EQ(state_.typed(), std::nullopt);
  EXPECT_EQ(state_.filter().text(), "send|par");
  EXPECT_EQ(press(U'q'), Wish::kQuit); // keys are keys again
  press(U'/');
  type(U"xx");
  EXPECT_THAT(names(), ElementsAre("Send"));
  press(Special::kEscape); // as it was before
  EXPECT_EQ(state_.filter().text(), "send|par");
  press(Special::kEscape);
  EXPECT_TRUE(state_.filter().empty());
}

TEST_F(Shown, ACapitalLetterMakesTheFilterStrict) {
  EXPECT_TRUE(Filter("send").matches("Send"));
  EXPECT_FALSE(Filter("SEND").matches("Send"));
}

TEST_F(Shown, WhatIsNoExpressionIsSearchedForAsItStands) {
  EXPECT_TRUE(Filter("operator(").matches("A::operator()(int)"));
  EXPECT_FALSE(Filter("operator(").matches("operator"));
  EXPECT_TRUE(Filter("*").matches("int*"));
}

TEST_F(Shown, TypedCharactersOfAnyLanguageAreTakenAndTakenBackWhole) {
  press(U'/');
  type(U"фö函😀");
  EXPECT_EQ(state_.typed(), "фö函😀");
  for (const char* left : {"фö函", "фö", "ф", "", ""}) {
    press(Special::kBackspace);
    EXPECT_EQ(state_.typed(), left);
  }
}

TEST_F(Shown, TheSelectedRowIsFollowedToItsNewPlace) {
  add(kTwoPrograms);
  press(Special::kDown);
  EXPECT_EQ(selected(), "Send");
  add({{.pid = 22,
        .comm = "client",
        .stacks = {{.tid = 22, .frames = {"Send", "main"}, .samples = 90}}}});
  EXPECT_EQ(names().front(), "Send");
  EXPECT_EQ(selected(), "Send");
}

TEST_F(Shown, TheFirstRowIsFollowedByPlace) {
  add(kTwoPrograms);
  EXPECT_EQ(selected(), "parse");
  add({{.pid = 22,
        .comm = "client",
        .stacks = {{.tid = 22, .frames = {"Send", "main"}, .samples = 90}}}});
  EXPECT_EQ(selected(), "Send");
}

TEST_F(Shown, KeysMoveWithinTheTable) {
  add(kTwoPrograms);
  press(Special::kUp);
  EXPECT_EQ(selected(), "parse");
  press(Special::kPageDown);
  EXPECT_EQ(selected(), "read");
  press(Special::kDown);
  EXPECT_EQ(selected(), "read");
  press(U'g');
  press(U'j');
  EXPECT_EQ(selected(), "Send");
  press(U'k');
  EXPECT_EQ(selected(), "parse");
}

TEST_F(Shown, KernelAndProgramsCanBeLeftOut) {
  add(kTwoPrograms);
  press(U'K');
  EXPECT_THAT(names(), Not(Contains("copy")));
  press(U'K');
  press(U'U');
  EXPECT_THAT(names(), ElementsAre("copy"));
}

TEST_F(Shown, NamesAreShortOrWhole) {
  add({{.stacks = {{.frames = {"void std::sort<int*>(int*, int*)"}}}}});
  EXPECT_THAT(names(), ElementsAre("std::sort"));
  press(U'l');
  EXPECT_THAT(names(), ElementsAre("void std::sort<int*>(int*, int*)"));
}

TEST_F(Shown, SomeKeysAskOthers) {
  EXPECT_EQ(press(U' '), Wish::kPause);
  EXPECT_EQ(press(U'p'), Wish::kPause);
  EXPECT_EQ(press(U'z'), Wish::kStartOver);
  EXPECT_EQ(press(Special::kRedraw), Wish::kRedraw);
  EXPECT_EQ(press(Special::kF10), Wish::kQuit);
  EXPECT_EQ(press(U'x'), Wish::kNone);
}

TEST_F(Shown, HelpNamesTheKeysAndAnyKeyLeavesIt) {
  press(U'?');
  const std::string shown = text();
  for (const KeyHelp& each : key_help())
    EXPECT_THAT(shown, HasSubstr(std::string(each.keys)));
  EXPECT_EQ(press(U'2'), Wish::kNone);
  EXPECT_FALSE(state_.shows_help());
  EXPECT_EQ(state_.subject().view, View::kFunctions); // it only left
}

TEST_F(Shown, TheScreenSaysWhatWasSampledAndWhatMisleads) {
  std::vector<MadeProcess> processes = kTwoPrograms;
  processes[0].incomplete = 5;
  processes[1].dropped = 25;
  add(processes);
  const Screen shown = screen();
  const auto lines = lines_of(shown);
  EXPECT_EQ(lines[0], "last 1.0s  100.0% CPU  100 samples  2 processes  100 Hz");
  EXPECT_EQ(lines[1], "5.0% of stacks incomplete, most: no_row  25 dropped (20.0%)");
  EXPECT_THAT(lines[3], StartsWith("SELF%  TOTAL%  OBJECT    FUNCTION"));
  EXPECT_THAT(lines[4], StartsWith("60.00   60.00  server    parse"));
  for (const Span& span : shown.lines[1])
    EXPECT_TRUE(span.style == Style::kWarning ||
                span.text.find_first_not_of(' ') == span.text.npos);
}

TEST_F(Shown, NothingMisleadsWhereAllIsThere) {
  add(kTwoPrograms);
  const Screen shown = screen();
  EXPECT_EQ(lines_of(shown)[1], "all stacks complete  0 dropped");
  for (const Span& span : shown.lines[1])
    EXPECT_NE(span.style, Style::kWarning);
}

TEST_F(Shown, PausedIsSaid) {
  add(kTwoPrograms);
  samples_.set_paused(true);
  EXPECT_THAT(lines_of(screen())[0], StartsWith("PAUSED"));
}

TEST_F(Shown, AnEmptyScreenSaysWhy) {
  EXPECT_THAT(text(), HasSubstr("collecting"));
  add({});
  EXPECT_THAT(text(), HasSubstr("no samples"));
  add(kTwoPrograms);
  press(U'/');
  type(U"nowhere");
  EXPECT_THAT(text(), HasSubstr("nothing matches"));
}

TEST_F(Shown, TheFilterIsShownWhileTypedWithTheCursorBehindIt) {
  add(kTwoPrograms);
  press(U'/');
  type(U"函数");
  const Screen shown = screen({.columns = 40, .lines = 10});
  EXPECT_EQ(lines_of(shown).back(), "filter: 函数");
  EXPECT_EQ(shown.cursor, std::pair(size_t{9}, size_t{12}));
}

TEST_F(Shown, TheSelectedRowIsOnTheScreen) {
  std::vector<MadeStack> stacks;
  stacks.reserve(200);
  for (int number = 0; number < 200; ++number)
    stacks.push_back(
        {.frames = {"function" + std::to_string(1000 + number)}, .samples = 200 - number});
  add({{.stacks = stacks}});
  for (int step = 0; step < 150; ++step)
    press(Special::kDown);
  const Screen shown = screen({.columns = 80, .lines = 12});
  const auto line = std::ranges::find_if(shown.lines, [](const Line& each) {
    return !each.empty() && each.front().style == Style::kSelected;
  });
  ASSERT_NE(line, shown.lines.end());
  EXPECT_THAT(line->front().text, HasSubstr("function1150"));
}

TEST_F(Shown, ColumnsGiveWayInANarrowTerminal) {
  add(kTwoPrograms);
  EXPECT_THAT(text({.columns = 32, .lines = 10}), Not(HasSubstr("OBJECT")));
  EXPECT_THAT(text({.columns = 32, .lines = 10}), HasSubstr("TOTAL%"));
  EXPECT_THAT(text({.columns = 24, .lines = 10}), Not(HasSubstr("TOTAL%")));
  EXPECT_THAT(text({.columns = 24, .lines = 10}), HasSubstr("60.00  parse"));
  press(U's');
  EXPECT_THAT(text({.columns = 24, .lines = 10}), Not(HasSubstr("SELF%")));
}

TEST_F(Shown, LinesGiveWayInALowTerminalAndWarningsGoLast) {
  add(kTwoPrograms);
  for (size_t lines = 1; lines < 12; ++lines)
    EXPECT_THAT(text({.columns = 80, .lines = lines}), HasSubstr("parse")) << lines;
  EXPECT_THAT(text({.columns = 80, .lines = 2}), HasSubstr("dropped"));
}

// Every name that anybody can choose, in every view, on every size.
TEST_F(Shown, NothingLeavesTheScreenOrReachesTheTerminalRaw) {
  const std::string hostile = "\x1b[2J\x07\r\n\u009b1m\u202e\xff\xfe函数" + std::string(300, 'x');
  add({{.comm = hostile,
        .stacks = {{.thread = hostile, .frames = {hostile + "()", "k:" + hostile, "main"}}}}});
  const auto check = [&](Size size, bool ascii) {
    const Screen shown = screen(size, ascii);
    EXPECT_LE(shown.lines.size(), size.lines);
    if (shown.cursor) {
      EXPECT_LT(shown.cursor->first, size.lines);
      EXPECT_LT(shown.cursor->second, size.columns);
    }
    for (const std::string& line : lines_of(shown)) {
      EXPECT_LE(width_of(line), size.columns);
      EXPECT_EQ(clean(line, ascii), line);
    }
  };
  const auto check_all = [&] {
    for (const size_t columns : {1UL, 2UL, 7UL, 20UL, 40UL, 80UL, 500UL}) {
      for (const size_t lines : {1UL, 2UL, 3UL, 5UL, 8UL, 24UL}) {
        check({.columns = columns, .lines = lines}, false);
        check({.columns = columns, .lines = lines}, true);
      }
    }
  };
  for (const char32_t view : {U'1', U'2', U'3'}) {
    press(view);
    check_all();
    press(Special::kEnter);
    check_all();
    press(Special::kEnter);
    check_all();
  }
  press(U'/');
  type(U"\x1b\u202e函数函数函数函数函数函数函数函数函数函数");
  check_all();
  press(Special::kEnter);
  press(U'?');
  check_all();
}

TEST_F(Shown, PlainTextHasWholeNamesAndNothingElseThatIsNotText) {
  const std::string name(300, 'n');
  add({{.comm = "a\x1b[31m", .stacks = {{.frames = {name}, .samples = 3}, {.frames = {"b"}}}}});
  const std::string all = plain_text(samples_, status_, table(), 20, "12:34:56");
  EXPECT_THAT(all, StartsWith("12:34:56  last 1.0s  4.0% CPU  4 samples  1 process  100 Hz\n"
                              "all stacks complete  0 dropped\n"
                              "Functions, by self\n"
                              "SELF%  TOTAL%  OBJECT"));
  EXPECT_THAT(all, HasSubstr("75.00   75.00  a\\x1b[31m  " + name + "\n"));
  EXPECT_THAT(plain_text(samples_, status_, table(), 1, ""), Not(HasSubstr("25.00")));
}

} // namespace
} // namespace pprofd::top
