#include "tests/unit/symbolizer/support/fixtures.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

namespace pprofd::test {

Scratch::Scratch() {
  const char* parent = std::getenv("TMPDIR");
  folder_ = std::string(parent != nullptr ? parent : "/tmp") + "/pprofd-symbolizer-XXXXXX";
  if (::mkdtemp(folder_.data()) == nullptr || ::chmod(folder_.c_str(), 0755) != 0)
    ADD_FAILURE() << "no scratch folder " << folder_;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Scratch::write(std::string_view name, std::string_view content) const {
  std::ofstream(path(name), std::ios::binary) << content;
  return path(name);
}

std::string run(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "re"),
                                                   [](FILE*) { return 0; });
  std::string output;
  std::array<char, 65536> buffer{};
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    output.append(buffer.data(), got);
  EXPECT_EQ(::pclose(pipe.get()), 0) << command;
  return output;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

Fd open_file(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(file) << path;
  return file;
}

std::set<std::string> code_sections(const std::string& file) {
  std::set<std::string> names;
  for (const std::string& line : lines_of(run("readelf -SW " + file)))
    if (line.find(" AX ") != std::string::npos) {
      std::istringstream fields(line.substr(line.find(']') + 1));
      std::string name;
      fields >> name;
      names.insert(name);
    }
  return names;
}

// "name |value|class|type|size|line|section", padded with blanks.
std::vector<NmSymbol> nm(const std::string& file, const std::string& options) {
  const std::set<std::string> code = code_sections(file);
  std::vector<NmSymbol> symbols;
  for (const std::string& line :
       lines_of(run("nm --defined-only --without-symbol-versions --format=sysv " + options + " " +
                    file + " 2>/dev/null"))) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, '|');) {
      std::erase(field, ' ');
      fields.push_back(field);
    }
    if (fields.size() < 7 || !code.contains(fields[6].substr(0, fields[6].find('\t'))))
      continue;
    const std::string& type = fields[3];
    if (type != "FUNC" && type != "NOTYPE" && type != "IFUNC" && !type.starts_with('<'))
      continue;
    symbols.push_back({.address = std::stoull(fields[1], nullptr, 16),
                       .size = fields[4].empty() ? 0 : std::stoull(fields[4], nullptr, 16),
                       .name = fields[0].substr(0, fields[0].find('@', 1))});
  }
  return symbols;
}

std::map<uint64_t, std::set<std::string>> names_by_address(const std::vector<NmSymbol>& symbols) {
  std::map<uint64_t, std::set<std::string>> names;
  for (const NmSymbol& symbol : symbols)
    names[symbol.address].insert(symbol.name);
  return names;
}

std::string exploding_name(int levels) {
  static constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  // Each level makes two substitutions: the template, then the template with its arguments.
  std::string name = "_Z1f1AIiiE";
  for (int level = 0; level < levels; ++level) {
    const int number = 2 * level; // S0_ is the second of all
    std::string before = "S";
    if (number >= 36)
      before += kDigits[static_cast<size_t>(number / 36)];
    before += kDigits[static_cast<size_t>(number % 36)];
    before += '_';
    name += "1BI" + before + before + "E";
  }
  return name;
}

} // namespace pprofd::test
