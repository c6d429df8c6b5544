#include "daemon/kernel/kernel_symbols.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <memory>
#include <string_view>
#include <tuple>

#include "symbolizer/base/result.h"

namespace pprofd {
namespace {

// The kernel does not tell where the last function before a gap ends; its largest are well below.
constexpr uint64_t kMaxReach = 1 << 20;

struct Line {
  ProcessAddress address;
  char type = 0;
  std::string_view name;
  std::string_view module;
};

// "ffffffffc0401000 t nf_register\t[nf_tables]"
std::optional<Line> parse(std::string_view text) {
  Line line;
  const auto parsed =
      std::from_chars(text.data(), text.data() + text.size(), line.address.value, 16);
  const auto used = static_cast<size_t>(parsed.ptr - text.data());
  if (parsed.ec != std::errc() || text.size() < used + 4)
    return std::nullopt;
  line.type = text[used + 1];
  line.name = text.substr(used + 3);
  if (const size_t tab = line.name.find('\t'); tab != std::string_view::npos) {
    line.module = line.name.substr(tab + 1);
    line.name = line.name.substr(0, tab);
    if (line.module.starts_with('[') && line.module.ends_with(']'))
      line.module = line.module.substr(1, line.module.size() - 2);
  }
  return line;
}

bool is_text(char type) {
  return std::string_view("tTwW").find(type) != std::string_view::npos;
}

// Names of places rather than of functions.
bool is_marker(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kNames = {"_text", "_stext", "_etext",
                                                             "_sinittext", "_einittext"};
  return std::ranges::find(kNames, name) != kNames.end() || name.starts_with("__pfx_") ||
         name.starts_with("__pi_") || name.ends_with("_text_start") || name.ends_with("_text_end");
}

int binding(char type) {
  return type == 'T' ? 2 : type == 'W' || type == 'w' ? 1 : 0;
}

// Of the symbols of one address the one whose key is smallest names it; text beats data, which is
// kept because it ends the function before it.
auto preference(char type, std::string_view name) {
  return std::tuple(!is_text(type), is_marker(name), -binding(type), name.size(), name);
}

// The best symbol so far that starts at or before an address and after the address before it.
struct Slot {
  ProcessAddress address;
  ProcessAddress start;           // 0: none
  ProcessAddress end{UINT64_MAX}; // the next symbol's start
  char type = 0;
  std::string name;
  std::string module;

  void offer(const Line& line) {
    if (line.address < start ||
        (line.address == start && preference(type, name) < preference(line.type, line.name)))
      return;
    start = line.address;
    type = line.type;
    name = line.name;
    module = line.module;
  }
};

// Finds for each address the last symbol at or before it, whatever the order of the symbols.
class Matcher {
public:
  explicit Matcher(std::span<const ProcessAddress> addresses) {
    std::vector<ProcessAddress> sorted(addresses.begin(), addresses.end());
    std::ranges::sort(sorted);
    const auto [first, last] = std::ranges::unique(sorted);
    sorted.erase(first, last);
    for (const ProcessAddress address : sorted)
      slots_.push_back({.address = address, .start = {}, .name = {}, .module = {}});
  }

  void offer(const Line& line) {
    const auto slot = std::ranges::lower_bound(slots_, line.address, {}, &Slot::address);
    if (slot != slots_.end())
      slot->offer(line);
    if (slot != slots_.begin())
      std::prev(slot)->end = std::min(std::prev(slot)->end, line.address);
  }

  // After all symbols: a slot nothing came into takes what the one before has.
  void finish() {
    for (size_t i = 1; i < slots_.size(); ++i)
      if (slots_[i].start < slots_[i - 1].start) {
        const ProcessAddress address = slots_[i].address;
        const ProcessAddress end = slots_[i].end;
        slots_[i] = slots_[i - 1];
        slots_[i].address = address;
        slots_[i].end = end;
      }
    for (size_t i = slots_.size(); i-- > 1;)
      slots_[i - 1].end = std::min(slots_[i - 1].end, slots_[i].end);
  }

  std::optional<KernelSymbol> find(ProcessAddress address) const {
    const auto slot = std::ranges::lower_bound(slots_, address, {}, &Slot::address);
    if (slot == slots_.end() || slot->start.value == 0 || !is_text(slot->type) ||
        address.value - slot->start.value >= kMaxReach || slot->name == "_etext")
      return std::nullopt;
    const ProcessAddress reach{slot->start.value + kMaxReach};
    return KernelSymbol{.name = slot->name,
                        .start = slot->start,
                        .end = std::min(slot->end, reach),
                        .module = slot->module};
  }

private:
  std::vector<Slot> slots_;
};

using File = std::unique_ptr<FILE, int (*)(FILE*)>;

// Explains addresses that are all zero.
void explain_hidden(const std::string& path, KernelResolution& result) {
  std::string value = "?";
  if (const File file(std::fopen(path.c_str(), "re"), std::fclose); file) {
    std::array<char, 16> text{};
    if (std::fgets(text.data(), text.size(), file.get()) != nullptr)
      value = std::string(text.data(), std::strcspn(text.data(), "\n"));
  }
  result.failure = "the kernel hides its addresses (kernel.kptr_restrict is " + value + ")";
  result.hint = value == "2" ? "set kernel.kptr_restrict to 1 or 0"
                             : "run as root or with CAP_SYSLOG, or set kernel.kptr_restrict to 0";
}

} // namespace

KernelResolution resolve_kernel_symbols(std::span<const ProcessAddress> addresses,
                                        const KernelSymbolPaths& paths) {
  KernelResolution result;
  result.symbols.resize(addresses.size());
  const File file(std::fopen(paths.kallsyms.c_str(), "re"), std::fclose);
  if (!file) {
    const int error = errno;
    result.failure = "open " + paths.kallsyms + ": " + errno_text(error);
    if (error == ENOENT)
      result.hint = "the kernel needs CONFIG_KALLSYMS; in a service, ProcSubset=pid hides the file";
    return result;
  }
  Matcher matcher(addresses);
  KernelText text;
  bool any = false;
  std::array<char, 1024> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), file.get()) != nullptr) {
    const auto line = parse(std::string_view(buffer.data(), std::strcspn(buffer.data(), "\n")));
    if (!line || line->address.value == 0)
      continue;
    any = true;
    matcher.offer(*line);
    if (line->module.empty() && line->name == "_stext")
      text.start = line->address;
    if (line->module.empty() && line->name == "_etext")
      text.end = line->address;
  }
  if (!any) {
    explain_hidden(paths.kptr_restrict, result);
    return result;
  }
  matcher.finish();
  if (text.start < text.end)
    result.text = text;
  for (size_t i = 0; i < addresses.size(); ++i)
    result.symbols[i] = matcher.find(addresses[i]);
  return result;
}

} // namespace pprofd
