#include <string>
#include <vector>
#include "daemon/cli/message.h"
#include "daemon/cli/record_command.h"
#include "symbolizer/worker/worker_main.h"
using namespace pprofd;
int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0] == "__worker") return symbolizer::worker_main(3);
  if (words.empty() || words[0] != "record") return 2;
  words.erase(words.begin());
  auto options = parse_record_options(words);
  if (!options) { print_error(options.error()); return 2; }
  return run_record(*options);
}
