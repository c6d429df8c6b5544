// functions LIBRARY…: calls the libraries' functions at random, 40 deep, until it is killed.
#include <dlfcn.h>

#include <cstdio>
#include <vector>

#include "functions.h"

namespace {

constexpr unsigned kDepth = 40;
volatile uint64_t sink;

} // namespace

int main(int argc, char** argv) {
  std::vector<Functions::Call> calls;
  for (int i = 1; i < argc; ++i) {
    void* library = dlopen(argv[i], RTLD_NOW);
    const void* found = library != nullptr ? dlsym(library, "functions") : nullptr;
    if (found == nullptr) {
      std::fprintf(stderr, "%s\n", dlerror());
      return 1;
    }
    const auto* first = static_cast<const Functions::Call*>(found);
    calls.insert(calls.end(), first, first + kFunctionsOfLibrary);
  }
  const Functions all{calls.data(), calls.size()};
  for (uint64_t round = 0;; ++round)
    sink = all.next(kDepth - 1, sink + round * 11400714819323198485U);
}
