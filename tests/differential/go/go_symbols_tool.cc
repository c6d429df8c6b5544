// go_symbols_tool FILE < ADDRESSES    frames of a Go program's addresses, by its own table
//
// For each hexadecimal address: "name<TAB>file:line<TAB>start line" of each frame, the innermost
// first, then an empty line. Notes go to stderr.
#include <fcntl.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "symbolizer/base/fd.h"
#include "symbolizer/go/symbols.h"

namespace {

using namespace pprofd;
using namespace pprofd::symbolizer;

int complain(const char* path, const Error& error) {
  std::fprintf(stderr, "%s: %s\n", path, text_of(error).c_str());
  return 1;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: go_symbols_tool FILE < ADDRESSES\n");
    return 2;
  }
  const Fd file(::open(argv[1], O_RDONLY | O_CLOEXEC));
  const auto source = ByteSource::of_file(file.get());
  if (!source)
    return complain(argv[1], source.error());
  const auto image = ElfImage::open(*source);
  if (!image)
    return complain(argv[1], image.error());
  auto symbols = go::Symbols::open(*source, *image);
  if (!symbols)
    return complain(argv[1], symbols.error());
  for (const std::string& note : symbols->notes())
    std::fprintf(stderr, "%s: %s\n", argv[1], note.c_str());
  for (std::string line; std::getline(std::cin, line);) {
    for (const go::Frame& frame : symbols->find({std::strtoull(line.c_str(), nullptr, 16)}))
      std::printf("%s\t%s:%u\t%u\n", frame.name.c_str(), frame.file.c_str(), frame.line,
                  frame.start_line);
    std::printf("\n");
  }
  return 0;
}
