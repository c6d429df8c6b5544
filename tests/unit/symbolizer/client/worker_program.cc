// A program that can be nothing but the worker.
#include <string_view>

#include "symbolizer/worker/worker_main.h"

int main(int argc, char** argv) {
  using namespace pprofd::symbolizer;
  if (argc != 2 || std::string_view(argv[1]) != kWorkerArgument)
    return 2;
  return worker_main(kWorkerSocket);
}
