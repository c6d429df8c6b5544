// One small source, compiled in every flavour of debug information there is. Addresses are pinned
// by labels in the source, so that names, lines and chains are written down here and not recorded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "symbolizer/dwarf/lookup.h"
#include "symbolizer/elf/mapped_file.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer::dwarf {
namespace {

namespace files = pprofd::test;
using testing::ElementsAreArray;

// Each line of interest stands where `Expected` below says.
constexpr std::string_view kSource = R"(
#define LABEL(name) asm volatile(".globl " #name "\n" #name ": nop")
#define ALWAYS inline __attribute__((always_inline))
namespace nest {
volatile int sink;
ALWAYS int inner(int a) {
  LABEL(in_inner);
  return a + sink;
}
ALWAYS int middle(int a) {
  return inner(a + 1) * 2;
}
__attribute__((noinline, noclone)) int outer(int a) {
  int b = middle(a) + 3;
  LABEL(in_outer);
  return b + sink;
}
struct Shape {
  __attribute__((noinline, noclone)) int area(int a) {
    LABEL(in_area);
    return a + sink;
  }
};
} // namespace nest
extern "C" __attribute__((noinline, noclone)) int plain(int a) {
  LABEL(in_plain);
  return a + nest::sink;
}
int main() {
  nest::Shape shape;
  return nest::outer(nest::sink) + plain(1) + shape.area(2);
}
)";
// clang knows no noclone.
constexpr std::string_view kClangFlags = " -Wno-unknown-attributes -Wno-attributes";

struct Line {
  std::string linkage;
  std::string plain; // in tables of lines only: where nothing is inlined, the symbol table has it
  uint32_t line = 0;
  uint32_t start_line = 0;
};
const std::map<std::string, std::vector<Line>> kExpected = {
    {"in_inner",
     {{"_ZN4nest5innerEi", "inner", 7, 6},
      {"_ZN4nest6middleEi", "middle", 11, 10},
      {"_ZN4nest5outerEi", "outer", 14, 13}}},
    {"in_outer", {{"_ZN4nest5outerEi", "outer", 15, 13}}},
    {"in_area", {{"_ZN4nest5Shape4areaEi", "", 20, 19}}},
    {"in_plain", {{"plain", "", 26, 25}}},
};

enum class Names { kLinkage, kPlain };

struct Flavour {
  std::string name;
  std::string compiler;
  std::string flags;
  std::string link = {};  // further flags of the linker
  std::string after = {}; // a command on the program, as %s
  Names names = Names::kLinkage;
};
void PrintTo(const Flavour& value, std::ostream* out) {
  *out << value.compiler << " " << value.flags;
}

std::vector<Flavour> flavours() {
  std::vector<Flavour> all;
  for (const std::string compiler : {"g++", "clang++-19"}) {
    const std::string name = compiler.starts_with('g') ? "gcc" : "clang";
    for (const char* version : {"2", "3", "4", "5"})
      for (const char* level : {"0", "2"})
        all.push_back({.name = name + "_dwarf" + version + "_O" + level,
                       .compiler = compiler,
                       .flags = std::string("-gdwarf-") + version + " -O" + level});
    all.push_back({.name = name + "_lto",
                   .compiler = compiler,
                   .flags = "-g -O2 -flto",
                   .link = name == "clang" ? "-fuse-ld=lld" : ""});
    for (const char* version : {"4", "5"})
      all.push_back({.name = name + "_split" + version,
                     .compiler = compiler,
                     .flags = std::string("-O2 -gsplit-dwarf -gdwarf-") + version});
    all.push_back({.name = name + "_wide", .compiler = compiler, .flags = "-g -O2 -gdwarf64"});
    all.push_back({.name = name + "_sections",
                   .compiler = compiler,
                   .flags = "-g -O2 -ffunction-sections",
                   .link = "-Wl,--gc-sections"});
    for (const char* packing : {"zlib", "zstd", "zlib-gnu"})
      all.push_back({.name = name + "_" + std::string(packing).substr(0, 4) +
                             (std::string(packing).ends_with("gnu") ? "_gnu" : ""),
                     .compiler = compiler,
                     .flags = "-g -O2",
                     .after = packing == std::string_view("zlib-gnu")
                                  ? "objcopy --compress-debug-sections=zlib-gnu %s"
                                  : "llvm-objcopy-19 --compress-debug-sections=" +
                                        std::string(packing) + " %s"});
    all.push_back(
        {.name = name + "_dwz", .compiler = compiler, .flags = "-gdwarf-4 -O2", .after = "dwz %s"});
    all.push_back({.name = name + "_type_units",
                   .compiler = compiler,
                   .flags = "-g -O2 -fdebug-types-section"});
  }
  all.push_back({.name = "clang_lines_only",
                 .compiler = "clang++-19",
                 .flags = "-O2 -gline-tables-only",
                 .names = Names::kPlain});
  return all;
}

std::vector<Flavour> split_flavours() {
  std::vector<Flavour> all = flavours();
  std::erase_if(all, [](const Flavour& each) { return !each.flags.contains("-gsplit-dwarf"); });
  return all;
}

struct OpenFile {
  std::unique_ptr<ElfImage> image;
  std::unique_ptr<MappedFile> mapping;
  SectionFile sections;
};

OpenFile open_file(const std::string& path, bool split = false) {
  const Fd fd = files::open_file(path);
  const auto source = ByteSource::of_file(fd.get());
  auto image = ElfImage::open(*source);
  auto mapping = MappedFile::open(fd.get());
  SectionOptions options;
  options.split = split;
  OpenFile file{std::make_unique<ElfImage>(std::move(*image)),
                std::make_unique<MappedFile>(std::move(*mapping)),
                {}};
  file.sections = SectionFile::read(*file.image, file.mapping->bytes(), options);
  EXPECT_THAT(file.sections.notes(), testing::IsEmpty());
  return file;
}

SplitSections open_split(const std::string& path) {
  auto file = std::make_shared<OpenFile>(open_file(path, true));
  const Sections& sections = file->sections.sections();
  return {std::move(file), &sections};
}

std::string path_of(const SplitReference& reference) {
  const std::string name(reference.name);
  return name.starts_with('/') ? name : std::string(reference.folder) + "/" + name;
}

std::map<std::string, uint64_t> labels(const std::string& path) {
  std::map<std::string, uint64_t> found;
  for (const std::string& line : files::lines_of(files::run("nm " + path))) {
    std::istringstream fields(line);
    std::string address, type, name;
    fields >> address >> type >> name;
    if (name.starts_with("in_"))
      found[name] = std::stoull(address, nullptr, 16);
  }
  return found;
}

// What frames say, a line each, so that a difference reads well.
std::vector<std::string> texts(std::span<const Frame> frames) {
  std::vector<std::string> lines;
  for (const Frame& frame : frames)
    lines.push_back(std::string(frame.system_name) + " " + std::string(frame.file) + ":" +
                    std::to_string(frame.line) + " from " + std::to_string(frame.start_line));
  return lines;
}

class EveryFlavour : public testing::TestWithParam<Flavour> {
protected:
  // The program, built in a folder of its own, with its objects beside it.
  std::string build() {
    const Flavour& flavour = GetParam();
    const std::string source = scratch_.write("nest.cc", kSource);
    const std::string object = scratch_.path("nest.o");
    const std::string program = scratch_.path("nest");
    const std::string compile = "cd " + scratch_.path("") + " && " + flavour.compiler + " " +
                                flavour.flags + std::string(kClangFlags);
    files::run(compile + " -c " + source + " -o " + object);
    files::run(compile + " " + object + " " + flavour.link + " -o " + program);
    if (const size_t at = flavour.after.find("%s"); at != std::string::npos)
      files::run(std::string(flavour.after).replace(at, 2, program));
    return program;
  }

  void expect_all(const std::string& program, const LookupOptions& options) {
    const OpenFile file = open_file(program);
    DwarfLookup lookup(file.sections.sections(), file.image->code(), options);
    const auto addresses = labels(program);
    ASSERT_EQ(addresses.size(), kExpected.size());
    for (const auto& [label, expected] : kExpected) {
      std::vector<std::string> lines;
      const bool plain = GetParam().names == Names::kPlain;
      for (const Line& line : expected)
        lines.push_back((plain ? line.plain : line.linkage) + " " + scratch_.path("nest.cc") + ":" +
                        std::to_string(line.line) + " from " +
                        std::to_string(plain ? 0 : line.start_line));
      EXPECT_THAT(texts(lookup.find({addresses.at(label)})), ElementsAreArray(lines)) << label;
    }
  }

  files::Scratch scratch_;
};

INSTANTIATE_TEST_SUITE_P(Dwarf, EveryFlavour, testing::ValuesIn(flavours()),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(EveryFlavour, HasTheChainsOfTheSource) {
  const std::string program = build();
  LookupOptions options;
  options.split_files = [&](const SplitReference& reference) {
    return std::vector{open_split(path_of(reference))};
  };
  expect_all(program, options);
}

using Split = EveryFlavour;
INSTANTIATE_TEST_SUITE_P(Dwarf, Split, testing::ValuesIn(split_flavours()),
                         [](const auto& instance) { return instance.param.name; });

// What was read from a file that is held no longer is not shown again.
TEST_P(Split, FilesThatAreLetGoAreReadAnew) {
  const std::string program = build();
  size_t opened = 0;
  LookupOptions options;
  options.split_files = [&](const SplitReference& reference) {
    ++opened;
    return std::vector{open_split(path_of(reference))};
  };
  const OpenFile file = open_file(program);
  DwarfLookup lookup(file.sections.sections(), file.image->code(), options);
  EXPECT_TRUE(lookup.has_split_units());
  const ElfAddress address{labels(program).at("in_inner")};
  const auto first = texts(lookup.find(address));
  EXPECT_GT(first.size(), 1U);
  EXPECT_EQ(texts(lookup.find(address)), first);
  EXPECT_EQ(opened, 1U);
  lookup.forget();
  EXPECT_EQ(texts(lookup.find(address)), first);
  EXPECT_EQ(opened, 2U);
}

// The line is in the program itself; what is inlined there is not.
TEST_P(Split, FilesOfOtherBuildsAreNotTaken) {
  const std::string program = build();
  LookupOptions options;
  const OpenFile file = open_file(program);
  const ElfAddress address{labels(program).at("in_inner")};
  const auto find = [&] {
    DwarfLookup lookup(file.sections.sections(), file.image->code(), options);
    return std::pair(texts(lookup.find(address)), lookup.missing_split_file());
  };
  const auto [without, missing] = find();
  EXPECT_THAT(without, testing::SizeIs(1));
  EXPECT_THAT(missing, testing::EndsWith(".dwo"));
  // Another id, in the unit's header or its first entry, is all that is different.
  options.split_files = [&](const SplitReference& reference) {
    std::string content = files::read_file(path_of(reference));
    const size_t at = content.find(
        std::string_view(reinterpret_cast<const char*>(&reference.id), sizeof reference.id));
    EXPECT_NE(at, std::string::npos);
    content[at] = static_cast<char>(content[at] ^ 1);
    return std::vector{open_split(scratch_.write("other", content))};
  };
  EXPECT_EQ(find(), std::pair(without, missing));
  // The right one is found behind it.
  options.split_files = [&](const SplitReference& reference) {
    return std::vector{open_split(scratch_.path("other")), open_split(path_of(reference))};
  };
  EXPECT_GT(find().first.size(), 1U);
  EXPECT_EQ(find().second, "");
}

using Package = EveryFlavour;
INSTANTIATE_TEST_SUITE_P(Dwarf, Package,
                         testing::Values(Flavour{.name = "gcc_4",
                                                 .compiler = "g++",
                                                 .flags = "-O2 -gsplit-dwarf -gdwarf-4"},
                                         Flavour{.name = "clang_4",
                                                 .compiler = "clang++-19",
                                                 .flags = "-O2 -gsplit-dwarf -gdwarf-4"},
                                         Flavour{.name = "clang_5",
                                                 .compiler = "clang++-19",
                                                 .flags = "-O2 -gsplit-dwarf -gdwarf-5"}),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(Package, HasTheChainsOfTheSource) {
  const std::string program = build();
  const std::string package = scratch_.path("nest.dwp");
  files::run("cd " + scratch_.path("") + " && llvm-dwp-19 -e " + program + " -o " + package);
  LookupOptions options;
  options.split_files = [&](const SplitReference&) { return std::vector{open_split(package)}; };
  expect_all(program, options);
}

// dwz puts what two programs share into a third file: there the names are then.
TEST(Supplementary, HoldsNamesOfInlinedFunctions) {
  const files::Scratch scratch;
  const std::string shared = R"(
    #include <map>
    #include <string>
    inline __attribute__((always_inline)) int shared_one(int a) {
      asm volatile(".globl in_shared\nin_shared: nop");
      return a * 3;
    }
    int with_map(std::map<std::string, int>& m, int a) { return m["x"] + shared_one(a); }
  )";
  static_cast<void>(scratch.write("shared.h", shared));
  std::string programs;
  for (const std::string name : {"one", "two"}) {
    const std::string source = scratch.write(
        name + ".cc", "#include \"shared.h\"\nint main(int c, char**) { std::map<std::string, int> "
                      "m; return with_map(m, c) + " +
                          std::to_string(name.size()) + "; }\n");
    files::run("g++ -gdwarf-4 -O2 " + source + " -o " + scratch.path(name));
    programs += " " + scratch.path(name);
  }
  files::run("dwz -m " + scratch.path("common") + programs);
  const OpenFile common = open_file(scratch.path("common"));
  const OpenFile file = open_file(scratch.path("two"));
  const uint64_t address = labels(scratch.path("two")).at("in_shared");
  const auto names = [&](const Sections* supplementary) {
    LookupOptions options;
    options.supplementary = supplementary;
    DwarfLookup lookup(file.sections.sections(), file.image->code(), options);
    std::vector<std::string> found;
    for (const Frame& frame : lookup.find({address}))
      found.emplace_back(frame.name);
    return found;
  };
  const auto whole = names(&common.sections.sections());
  ASSERT_GE(whole.size(), 2U);
  EXPECT_EQ(whole[0], "shared_one(int)");
  // The chain is known without, its names are not.
  EXPECT_EQ(names(nullptr).size(), whole.size());
  EXPECT_NE(names(nullptr), whole);
}

TEST(MissingSplitFile, LeavesTheLines) {
  const files::Scratch scratch;
  const std::string source = scratch.write("nest.cc", kSource);
  files::run("cd " + scratch.path("") + " && clang++-19 -O2 -gsplit-dwarf -gdwarf-5 " +
             std::string(kClangFlags) + " -fno-split-dwarf-inlining " + source + " -o nest");
  const OpenFile file = open_file(scratch.path("nest"));
  DwarfLookup lookup(file.sections.sections(), file.image->code());
  const auto frames = lookup.find({labels(scratch.path("nest")).at("in_inner")});
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].name, "");
  EXPECT_EQ(frames[0].file, source);
  EXPECT_EQ(frames[0].line, 7U);
  EXPECT_EQ(lookup.counts().split_missing, 1U);
}

} // namespace
} // namespace pprofd::symbolizer::dwarf
