#include <gtest/gtest.h>
#include <unistd.h>

#include "symbolizer/worker/index_maker.h"
#include "symbolizer/worker/index_names.h"
#include "symbolizer/worker/name_finder.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using test::Scratch;

constexpr uint64_t kMemory = 150'000'000;
constexpr std::string_view kKey = "key";

constexpr std::string_view kSource = R"(
#include <algorithm>
#include <string>
#include <vector>
struct Shape { virtual ~Shape() = default; virtual int area(int) const { return 1; } };
template <int N> struct Box : Shape { int area(int a) const override { return a * N; } };
static std::vector<std::string> words;
int main(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) words.push_back(argv[i]);
  std::sort(words.begin(), words.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  Box<3> box;
  const Shape& shape = box;
  return shape.area(static_cast<int>(words.size()));
}
)";

std::string text_of(const FoundNames& names) {
  std::string text = std::to_string(names.start.value);
  for (const dwarf::Frame& frame : names.frames)
    text += "\n" + std::string(frame.name) + " " + std::string(frame.system_name) + " " +
            std::string(frame.file) + ":" + std::to_string(frame.line) + ":" +
            std::to_string(frame.column) + " @" + std::to_string(frame.start_line);
  return text;
}

// The index of a program, in a file; empty: there is none.
Fd index_of(const Scratch& scratch, const ParsedFile& parsed, const ByteSource& source) {
  std::vector<std::byte> room(8 << 20);
  const auto size = make_index(parsed, source, room, kKey);
  if (!size)
    return {};
  return test::open_file(
      scratch.write("index", std::string_view(reinterpret_cast<const char*>(room.data()), *size)));
}

class IndexMakerTest : public testing::TestWithParam<const char*> {};

TEST_P(IndexMakerTest, AnswersAreThoseWithoutIndex) {
  const Scratch scratch;
  const std::string program = scratch.path("program");
  test::run(std::string(GetParam()) + " " + scratch.write("program.cc", kSource) + " -o " +
            program);
  const Fd fd = test::open_file(program);
  const auto source = ByteSource::of_file(fd.get()).value();
  FileCache cache(kMemory);
  const ParsedFile& parsed = cache.get_lines(1, source, NameStyle::kFull, {.file = fd.get()});
  const Fd index = index_of(scratch, parsed, source);
  ASSERT_TRUE(index);
  const auto names = IndexNames::open(index.get(), kKey, NameStyle::kFull, kMaxMangled);
  ASSERT_NE(names, nullptr);
  std::vector<ElfAddress> addresses;
  for (const AddressRange& range : parsed.image->code())
    for (uint64_t address = range.start.value; address < range.end.value; ++address)
      addresses.push_back({address});
  NameFinder finder(parsed, true, source, Demangler(NameStyle::kFull, kMaxMangled));
  size_t inlined = 0;
  finder.find_all(addresses, [&](size_t i, const FoundNames& expected) {
    const auto found = names->find(addresses[i]);
    ASSERT_TRUE(found);
    ASSERT_EQ(text_of(*found), text_of(expected)) << std::hex << addresses[i].value;
    inlined += expected.frames.size() > 1;
  });
  EXPECT_EQ(inlined > 100, !std::string_view(GetParam()).ends_with(" -s"));
}

INSTANTIATE_TEST_SUITE_P(Programs, IndexMakerTest,
                         testing::Values("g++ -g -O2", "g++ -gdwarf-4 -O2 -gz",
                                         "g++ -gdwarf-2 -gstrict-dwarf -O2", "g++ -O2 -s",
                                         "clang++-19 -g -O2 -ffunction-sections"));

} // namespace
} // namespace pprofd::symbolizer
