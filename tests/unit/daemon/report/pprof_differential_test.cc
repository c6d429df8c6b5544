// Our reports and profiles against pprof's own: google/pprof at the pinned version and the program
// of the Go distribution, on profiles of our builder and of Go's runtime.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <random>
#include <span>
#include <sstream>

#include "daemon/profile/folded.h"
#include "daemon/profile/profile_file.h"
#include "daemon/report/diff.h"
#include "daemon/report/input.h"
#include "daemon/report/report.h"
#include "symbolizer/base/sanitized.h"
#include "tests/unit/daemon/output/temporary_folder.h"
#include "tests/unit/daemon/report/about.h"
#include "tests/unit/daemon/report/random_profile.h"

namespace pprofd {
namespace {

namespace proto = perftools::profiles;
using google::protobuf::util::MessageDifferencer;

struct Peers {
  std::string folder;
  std::vector<std::string> programs; // of pprof
  std::vector<std::string> profiles; // of Go's runtime
};

std::string run(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen((command + " 2>&1").c_str(), "r"), pclose);
  std::string output;
  char buffer[1 << 16];
  while (size_t got = fread(buffer, 1, sizeof buffer, pipe.get()))
    output.append(buffer, got);
  return output;
}

class PprofDifferential : public testing::Test {
protected:
  void SetUp() override {
    const char* folder = std::getenv("PPROFD_PPROF_PEERS");
    if (folder == nullptr || !std::filesystem::exists(std::string(folder) + "/pprof"))
      GTEST_SKIP() << "pprof has not been built: see the test pprof_peers";
    peers.folder = folder;
    peers.programs = {peers.folder + "/pprof", peers.folder + "/go-pprof"};
    for (const char* name : {"cpu", "cpu2", "heap", "allocs", "mutex", "block", "goroutine"})
      peers.profiles.push_back(peers.folder + "/profiles/" + name + ".pb.gz");
    for (uint32_t seed = 1; seed <= 4; seed++)
      ours.push_back(write("ours" + std::to_string(seed), RandomProfile(seed).make(60)));
  }

  std::string write(const std::string& name, const proto::Profile& profile) {
    std::string path = temporary / name;
    write_file(path, *serialize_gzip(profile));
    return path;
  }

  [[nodiscard]] std::vector<std::string> all() const {
    std::vector<std::string> files = ours;
    files.insert(files.end(), peers.profiles.begin(), peers.profiles.end());
    return files;
  }

  // pprof without what it leaves out by default.
  std::string pprof(const std::string& program, const std::string& arguments) const {
    return run("PPROF_TMPDIR=" + temporary.path() + " PPROF_BINARY_PATH=/nonexistent " + program +
               " -symbolize=none -nodefraction=0 -edgefraction=0 -nodecount=0 " + arguments);
  }

  TemporaryFolder temporary;
  Peers peers;
  std::vector<std::string> ours;
};

// The lines behind the first one that contains `marker`, without trailing blanks.
std::vector<std::string> lines_behind(const std::string& text, const std::string& marker) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  bool found = false;
  for (std::string line; std::getline(in, line);) {
    line.erase(line.find_last_not_of(" \t") + 1);
    if (found)
      lines.push_back(line);
    found |= line.find(marker) != std::string::npos;
  }
  return lines;
}

std::string our_report(ReportOptions options) {
  options.top = 0;
  options.long_names = true;
  std::ostringstream out;
  auto result = report(options, out);
  return result ? out.str() : result.error().what + ": " + result.error().why;
}

int sample_types(const std::string& file) {
  return read_profile(file)->sample_type_size();
}

constexpr const char* kTopMarker = "flat  flat%   sum%";

TEST_F(PprofDifferential, TopIsTheSameToTheLetter) {
  // What ours does is the same whomever it is compared with.
  for (const std::string& program : std::span(peers.programs).first(kSanitized ? 1 : 2))
    for (const std::string& file : all())
      for (int type = 0; type < sample_types(file); type++) {
        auto theirs = lines_behind(
            pprof(program, "-top -sample_index=" + std::to_string(type) + " " + file), kTopMarker);
        auto mine = lines_behind(
            our_report(
                about({file}, [&](ReportOptions& o) { o.sample_type = std::to_string(type); })),
            kTopMarker);
        ASSERT_FALSE(mine.empty());
        ASSERT_EQ(mine, theirs) << program << " " << file << " " << type;
      }
}

TEST_F(PprofDifferential, TheTopFunctionsAreTheSameToTheLetter) {
  for (const std::string& file : {peers.profiles[0], ours[0]}) {
    ReportOptions options = about({file});
    options.top = 5;
    options.long_names = true;
    std::ostringstream out;
    ASSERT_TRUE(report(options, out));
    auto theirs = lines_behind(
        run(peers.programs[0] +
            " -symbolize=none -nodefraction=0 -edgefraction=0 -top -nodecount=5 " + file),
        kTopMarker);
    auto mine = lines_behind(out.str(), kTopMarker);
    ASSERT_EQ(mine.size(), 5U);
    // pprof says "(inline)" only where the caller is among those shown.
    for (auto* lines : {&mine, &theirs})
      for (std::string& line : *lines)
        line = line.substr(0, line.find(" ("));
    EXPECT_EQ(mine, theirs) << file;
  }
}

TEST_F(PprofDifferential, TheTreeIsTheSameToTheLetter) {
  for (const std::string& file : all()) {
    auto theirs = lines_behind(pprof(peers.programs[0], "-tree " + file), "calls calls% + context");
    auto mine = lines_behind(
        our_report(about({file}, [&](ReportOptions& o) { o.view = ReportView::kTree; })),
        "calls calls% + context");
    ASSERT_EQ(mine, theirs) << file;
  }
}

TEST_F(PprofDifferential, LinesAreTheSameToTheLetter) {
  for (const std::string& file : all()) {
    const auto by_lines = [&](ReportView view) {
      return our_report(about({file}, [&](ReportOptions& o) {
        o.view = view;
        o.lines = true;
      }));
    };
    EXPECT_EQ(lines_behind(by_lines(ReportView::kTop), kTopMarker),
              lines_behind(pprof(peers.programs[0], "-top -lines " + file), kTopMarker))
        << file;
    EXPECT_EQ(
        lines_behind(by_lines(ReportView::kTree), "calls calls% + context"),
        lines_behind(pprof(peers.programs[0], "-tree -lines " + file), "calls calls% + context"))
        << file;
  }
}

// {function in file and line: flat and cum}, of lines that have either.
using ListedLines =
    std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>>;

// `heading`: begins the line that names a function; `behind`: what follows a line's number.
ListedLines listed_lines(const std::string& listing, const std::string& heading, char behind) {
  ListedLines lines;
  std::string function;
  std::istringstream in(listing);
  for (std::string text; std::getline(in, text);) {
    if (text.starts_with(heading) && text.find(" in /") != std::string::npos)
      function = text.substr(heading.size());
    std::istringstream fields(text);
    std::string flat, cum, number;
    fields >> flat >> cum >> number;
    number = number.substr(0, number.find(behind));
    const bool is_line = !number.empty() &&
                         number.find_first_not_of("0123456789") == std::string::npos &&
                         text.starts_with("  ");
    if (is_line && (flat != "." || cum != "."))
      lines[{function, number}] = {flat, cum};
  }
  return lines;
}

TEST_F(PprofDifferential, TheSourceOfFunctionsHasItsNumbers) {
  for (const std::string& file : {peers.profiles[0], peers.profiles[2]})
    for (const std::string functions : {"^main\\.", "^runtime\\.m", "^sort\\."}) {
      const auto theirs = listed_lines(
          pprof(peers.programs[1], "-sample_index=0 -list='" + functions + "' " + file),
          "ROUTINE ======================== ", ':');
      const auto mine = listed_lines(our_report(about({file},
                                                      [&](ReportOptions& o) {
                                                        o.view = ReportView::kSource;
                                                        o.source = functions;
                                                        o.sample_type = "0";
                                                      })),
                                     "", ' ');
      EXPECT_EQ(mine, theirs) << file << " " << functions;
    }
}

TEST_F(PprofDifferential, MergedFilesAreTheSameToTheLetter) {
  for (const auto& [a, b] : {std::pair(peers.profiles[0], peers.profiles[1]),
                             std::pair(peers.profiles[2], peers.profiles[3]),
                             std::pair(ours[0], ours[1]), std::pair(ours[2], ours[2])}) {
    auto theirs = lines_behind(pprof(peers.programs[0], "-top " + a + " " + b), kTopMarker);
    EXPECT_EQ(lines_behind(our_report(about({a, b})), kTopMarker), theirs) << a << " " << b;
    auto merged = read_merged({a, b});
    ASSERT_TRUE(merged);
    std::string file = write("merged", *merged);
    EXPECT_EQ(pprof(peers.programs[0], "-raw " + file),
              pprof(peers.programs[0], "-raw " + a + " " + b))
        << a << " " << b;
  }
}

TEST_F(PprofDifferential, FocusAndIgnoreAreTheSameToTheLetter) {
  for (const std::string& file : {ours[0], ours[1], peers.profiles[0], peers.profiles[2]})
    for (const auto& [focus, ignore] :
         {std::pair("main", ""), std::pair("", "fib|sort"), std::pair("runtime|libx", "insert"),
          std::pair("file\\.cc$", "recurse"), std::pair("(?i)MAIN\\.", "")}) {
      std::string arguments = "-top -focus='" + std::string(focus) + "' -ignore='" + ignore + "' ";
      auto theirs = lines_behind(pprof(peers.programs[0], arguments + file), kTopMarker);
      auto mine = lines_behind(our_report(about({file},
                                                [&](ReportOptions& o) {
                                                  o.focus = focus;
                                                  o.ignore = ignore;
                                                })),
                               kTopMarker);
      EXPECT_EQ(mine, theirs) << file << " " << focus << " " << ignore;
    }
}

TEST_F(PprofDifferential, DroppedFramesAreTheSameToTheLetter) {
  for (const auto& [drop, keep] : {std::pair("fib|recurse", ""), std::pair(".*", "main.*"),
                                   std::pair("operator<<|std::.*", ""), std::pair("[", "")})
    for (const std::string& original : ours) {
      proto::Profile profile = *read_profile(original);
      profile.set_drop_frames(profile.string_table_size());
      profile.add_string_table(drop);
      profile.set_keep_frames(profile.string_table_size());
      profile.add_string_table(keep);
      std::string file = write("dropped", profile);
      EXPECT_EQ(lines_behind(our_report(about({file})), kTopMarker),
                lines_behind(pprof(peers.programs[0], "-top " + file), kTopMarker))
          << drop << " " << keep;
    }
}

// {stack, root first: value}
using Stacks = std::map<std::string, int64_t>;

Stacks stacks_of_traces(const std::string& traces) {
  Stacks stacks;
  int64_t value = 0;
  std::string stack;
  std::istringstream in(traces);
  for (std::string line; std::getline(in, line);) {
    bool separator = line.starts_with("-----------+");
    if (separator && !stack.empty())
      stacks[stack] += value;
    if (separator)
      stack.clear();
    // Ten columns of value, three blanks, the name; labels have a colon in column eleven.
    if (separator || line.size() < 13 || line.compare(10, 3, "   ") != 0)
      continue;
    std::string number = line.substr(0, 10);
    if (stack.empty())
      value = std::strtoll(number.c_str(), nullptr, 10);
    std::string name = line.substr(13);
    if (name.ends_with(" (inline)"))
      name.resize(name.size() - std::string(" (inline)").size());
    stack.insert(0, name + (stack.empty() ? "" : ";"));
  }
  return stacks;
}

Stacks stacks_of_folded(const std::string& folded) {
  Stacks stacks;
  std::istringstream in(folded);
  for (std::string line; std::getline(in, line);) {
    size_t space = line.rfind(' ');
    stacks[line.substr(0, space)] += std::strtoll(line.c_str() + space, nullptr, 10);
  }
  return stacks;
}

TEST_F(PprofDifferential, FoldedStacksAreItsTraces) {
  for (const std::string& file : all()) {
    auto profile = read_profile(file);
    ASSERT_TRUE(profile);
    std::string index = "-sample_index=0";
    const auto& type = profile->sample_type(0);
    std::string unit = profile->string_table(static_cast<int>(type.unit()));
    Stacks theirs = stacks_of_traces(
        pprof(peers.programs[0], "-traces -unit=" + unit + " " + index + " " + file));
    Stacks mine = stacks_of_folded(our_report(about({file}, [&](ReportOptions& o) {
      o.view = ReportView::kFolded;
      o.sample_type = "0";
    })));
    std::erase_if(theirs, [](const auto& stack) { return stack.second == 0; });
    ASSERT_FALSE(mine.empty());
    EXPECT_EQ(mine, theirs) << file;
  }
}

TEST_F(PprofDifferential, ChangesAreThoseOfABaseProfile) {
  for (const auto& [base, now] : {std::pair(peers.profiles[0], peers.profiles[1]),
                                  std::pair(ours[0], ours[1]), std::pair(ours[1], ours[0])}) {
    std::map<std::string, std::pair<int64_t, int64_t>> mine, theirs;
    auto before = read_profile(base), after = read_profile(now);
    for (const FunctionChange& change : function_changes(*before, *after, 1))
      mine[change.name] = {change.flat_after - change.flat_before,
                           change.cum_after - change.cum_before};
    std::string table = pprof(peers.programs[0],
                              "-top -unit=nanoseconds -sample_index=1 -base=" + base + " " + now);
    for (const std::string& line : lines_behind(table, kTopMarker)) {
      std::istringstream in(line);
      std::string flat, flat_share, sum_share, cum, cum_share, name;
      in >> flat >> flat_share >> sum_share >> cum >> cum_share >> std::ws;
      std::getline(in, name);
      ASSERT_FALSE(name.empty()) << line;
      if (size_t note = name.rfind(" ("); name.ends_with("inline)"))
        name.resize(note);
      theirs[name] = {std::stoll(flat), std::stoll(cum)};
    }
    EXPECT_EQ(mine, theirs) << base << " " << now;
  }
}

TEST_F(PprofDifferential, WhatItReadsAndWritesAgainIsWhatWeWrote) {
  for (const std::string& program : peers.programs)
    for (const std::string& file : ours) {
      std::string copy = temporary / "copy";
      pprof(program, "-proto -output=" + copy + " " + file);
      auto mine = read_merged({file, file});
      auto theirs = read_merged({copy, copy});
      ASSERT_TRUE(mine && theirs);
      EXPECT_TRUE(check_valid(*mine));
      // Merging puts strings and entries into one order.
      EXPECT_TRUE(MessageDifferencer::Equals(*mine, *theirs)) << program << " " << file;
    }
}

TEST_F(PprofDifferential, ItReadsWhateverWeRead) {
  std::string message = read_profile(ours[0])->SerializeAsString();
  std::mt19937 random(7);
  std::string names;
  int accepted = 0;
  for (int i = 0; i < 3000; i++) {
    std::string changed = message;
    for (auto n = random() % 2 + 1; n > 0; n--)
      changed[random() % changed.size()] = static_cast<char>(random());
    if (!parse_profile(changed))
      continue;
    std::string name = temporary / ("changed" + std::to_string(accepted++));
    write_file(name, changed);
    names += " " + name;
  }
  ASSERT_GT(accepted, 100);
  std::string answers = run(peers.folder + "/accept" + names);
  std::istringstream in(answers);
  int line_number = 0;
  for (std::string line; std::getline(in, line); line_number++)
    EXPECT_EQ(line, "ok") << "changed" << line_number;
  EXPECT_EQ(line_number, accepted);
}

TEST_F(PprofDifferential, OurMessagesAreTheOfficialOnes) {
  std::string set = temporary / "official.pb";
  std::string errors = run("protoc -I " + peers.folder +
                           "/module/proto --descriptor_set_out=" + set + " profile.proto");
  google::protobuf::FileDescriptorSet official;
  ASSERT_TRUE(official.ParseFromString(read_file(set))) << errors;
  ASSERT_EQ(official.file_size(), 1);
  google::protobuf::FileDescriptorProto theirs = official.file(0);
  google::protobuf::FileDescriptorProto mine;
  proto::Profile::descriptor()->file()->CopyTo(&mine);
  // Neither the file's name nor another language's options say anything about the format.
  for (auto* file : {&mine, &theirs}) {
    file->clear_name();
    file->clear_options();
  }
  for (auto& message : *theirs.mutable_message_type())
    for (auto& field : *message.mutable_field())
      field.clear_json_name();
  EXPECT_GT(mine.message_type_size(), 0);
  EXPECT_TRUE(MessageDifferencer::Equals(mine, theirs)) << mine.DebugString() << "\n---\n"
                                                        << theirs.DebugString();
}

} // namespace
} // namespace pprofd
