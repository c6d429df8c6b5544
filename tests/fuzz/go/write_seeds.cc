// write_seeds FOLDER    small programs in each form that Go has given their tables: whole, with
//                       their pointers in relocations, and the table alone
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>

#include "tests/unit/symbolizer/go/table_assembler.h"

namespace {

using namespace pprofd::symbolizer::go::test;

void write(const std::string& path, char shape, const Bytes& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.put(shape);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_seeds FOLDER\n");
    return 2;
  }
  for (int i = 0; i <= static_cast<int>(Release::kGo127); ++i) {
    const auto release = static_cast<Release>(i);
    const std::string stem = std::string(argv[1]) + "/form" + std::to_string(i);
    write(stem + "-whole", 0, sample(release).elf().build());
    write(stem + "-relocated", 0, sample(release).relocated().elf().build());
    write(stem + "-table", 1, sample(release).table());
  }
  return 0;
}
