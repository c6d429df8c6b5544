#include "daemon/kernel/kernel_names.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace pprofd {

namespace {

constexpr uint64_t kPage = 4096;

} // namespace

void KernelNames::add(std::span<const ProcessAddress> addresses, uint64_t now) {
  forget(now);
  std::vector<ProcessAddress> unknown;
  for (const ProcessAddress address : addresses) {
    if (!asked_.insert(address.value).second)
      continue;
    if (const KernelSymbol* symbol = known_around(address.value))
      note(address.value, symbol);
    else
      unknown.push_back(address);
  }
  std::ranges::sort(unknown);
  if (!unknown.empty())
    resolve(unknown);
}

void KernelNames::forget(uint64_t now) {
  const bool is_old =
      now - forgot_ >= static_cast<uint64_t>(std::chrono::nanoseconds(kKept).count());
  if (asked_.size() > kMost)
    functions_.clear();
  else if (is_old)
    std::erase_if(functions_, [](const auto& each) { return !each.second.module.empty(); });
  else
    return;
  forgot_ = now;
  asked_.clear();
  symbols_.clear();
  std::erase_if(spans_, [](const auto& each) { return !each.first.empty(); });
}

void KernelNames::resolve(std::span<const ProcessAddress> addresses) {
  KernelResolution resolution = resolve_kernel_symbols(addresses, paths_);
  failure_ = std::move(resolution.failure);
  hint_ = std::move(resolution.hint);
  if (resolution.text)
    spans_[""] = {resolution.text->start.value, resolution.text->end.value};
  for (size_t at = 0; at < addresses.size(); ++at) {
    const auto& symbol = resolution.symbols.at(at);
    if (symbol)
      functions_.insert_or_assign(symbol->start.value, *symbol);
    note(addresses[at].value, symbol ? &*symbol : nullptr);
  }
}

const KernelSymbol* KernelNames::known_around(uint64_t address) const {
  const auto behind = functions_.upper_bound(address);
  if (behind == functions_.begin())
    return nullptr;
  const KernelSymbol& symbol = std::prev(behind)->second;
  return address < symbol.end.value ? &symbol : nullptr;
}

// `symbol`: nullptr where there is none.
void KernelNames::note(uint64_t address, const KernelSymbol* symbol) {
  if (symbol != nullptr)
    symbols_.emplace(address, *symbol);
  const std::string module = symbol == nullptr ? std::string() : symbol->module;
  const uint64_t page = address & ~(kPage - 1);
  const auto [span, is_new] = spans_.try_emplace(module, page, page + kPage);
  span->second.start = std::min(span->second.start, page);
  span->second.limit = std::max(span->second.limit, page + kPage);
}

const KernelSymbol* KernelNames::find(uint64_t address) const {
  const auto found = symbols_.find(address);
  return found == symbols_.end() ? nullptr : &found->second;
}

KernelNames::Span KernelNames::span_of(const std::string& module) const {
  return spans_.at(module);
}

} // namespace pprofd
