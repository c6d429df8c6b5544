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

std::vector<NmSymbol> nm(const std::string& file, const std::string& options) {
  std::vector<NmSymbol> symbols;
  for (const std::string& line :
       lines_of(run("nm --defined-only --without-symbol-versions --format=posix " + options + " " +
                    file + " 2>/dev/null"))) {
    std::istringstream fields(line);
    NmSymbol symbol;
    fields >> symbol.name >> symbol.type >> std::hex >> symbol.address >> symbol.size;
    symbol.name = symbol.name.substr(0, symbol.name.find('@', 1));
    if (std::string_view("tTwWi").find(symbol.type) != std::string_view::npos)
      symbols.push_back(symbol);
  }
  return symbols;
}

std::map<uint64_t, std::set<std::string>> names_by_address(const std::vector<NmSymbol>& symbols) {
  std::map<uint64_t, std::set<std::string>> names;
  for (const NmSymbol& symbol : symbols)
    names[symbol.address].insert(symbol.name);
  return names;
}

} // namespace pprofd::test
