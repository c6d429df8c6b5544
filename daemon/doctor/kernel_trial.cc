#include "daemon/doctor/kernel_trial.h"

#include <linux/bpf.h>
#include <linux/btf.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <span>
#include <vector>

namespace pprofd {
namespace {

constexpr bpf_insn kReturnZero = {
    .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0};
constexpr bpf_insn kExit = {
    .code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};
constexpr std::array kNothing = {kReturnZero, kExit};
constexpr std::string_view kLicense = "GPL";

uint64_t address_of(const void* pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}

Trial descriptor(long result) {
  if (result < 0)
    return std::unexpected(static_cast<int>(-result));
  return Fd(static_cast<int>(result));
}

Trial create_map(const KernelCalls& calls, bpf_map_type type, uint32_t key, uint32_t value,
                 uint32_t entries) {
  bpf_attr attr{};
  attr.map_type = type;
  attr.key_size = key;
  attr.value_size = value;
  attr.max_entries = entries;
  return descriptor(calls.bpf(BPF_MAP_CREATE, attr));
}

bpf_attr program(bpf_prog_type type, std::span<const bpf_insn> instructions) {
  bpf_attr attr{};
  attr.prog_type = type;
  attr.insns = address_of(instructions.data());
  attr.insn_cnt = static_cast<uint32_t>(instructions.size());
  attr.license = address_of(kLicense.data());
  return attr;
}

std::vector<char> contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Bytes behind a btf_type, by its kind; nothing for a kind that is not known.
std::optional<size_t> tail_size(uint32_t kind, uint32_t elements) {
  switch (kind) {
  case BTF_KIND_INT:
    return sizeof(uint32_t);
  case BTF_KIND_ARRAY:
    return sizeof(btf_array);
  case BTF_KIND_STRUCT:
  case BTF_KIND_UNION:
    return elements * sizeof(btf_member);
  case BTF_KIND_ENUM:
    return elements * sizeof(btf_enum);
  case BTF_KIND_ENUM64:
    return elements * sizeof(btf_enum64);
  case BTF_KIND_FUNC_PROTO:
    return elements * sizeof(btf_param);
  case BTF_KIND_VAR:
    return sizeof(btf_var);
  case BTF_KIND_DATASEC:
    return elements * sizeof(btf_var_secinfo);
  case BTF_KIND_DECL_TAG:
    return sizeof(btf_decl_tag);
  case BTF_KIND_PTR:
  case BTF_KIND_FWD:
  case BTF_KIND_TYPEDEF:
  case BTF_KIND_VOLATILE:
  case BTF_KIND_CONST:
  case BTF_KIND_RESTRICT:
  case BTF_KIND_FUNC:
  case BTF_KIND_FLOAT:
  case BTF_KIND_TYPE_TAG:
    return 0;
  default:
    return std::nullopt;
  }
}

// The text at `offset`, ended by the first zero or the table's end.
std::string_view text_at(std::span<const char> strings, size_t offset) {
  if (offset >= strings.size())
    return {};
  const std::span<const char> rest = strings.subspan(offset);
  return {rest.data(), ::strnlen(rest.data(), rest.size())};
}

struct BtfSections {
  std::span<const char> types;
  std::span<const char> strings;
};

std::optional<BtfSections> btf_sections(std::span<const char> file) {
  btf_header header{};
  if (file.size() < sizeof(header))
    return std::nullopt;
  std::memcpy(&header, file.data(), sizeof(header));
  if (header.magic != BTF_MAGIC || header.hdr_len < sizeof(header) || header.hdr_len > file.size())
    return std::nullopt;
  const std::span<const char> body = file.subspan(header.hdr_len);
  const auto fits = [&](uint64_t offset, uint64_t size) { return offset + size <= body.size(); };
  if (!fits(header.type_off, header.type_len) || !fits(header.str_off, header.str_len))
    return std::nullopt;
  return BtfSections{body.subspan(header.type_off, header.type_len),
                     body.subspan(header.str_off, header.str_len)};
}

} // namespace

KernelCalls KernelCalls::real() {
  const auto failed_as_errno = [](long result) { return result < 0 ? -long{errno} : result; };
  return {.bpf =
              [=](int command, bpf_attr& attr) {
                return failed_as_errno(::syscall(SYS_bpf, command, &attr, sizeof(attr)));
              },
          .perf_event_open =
              [=](perf_event_attr& attr, pid_t pid, int cpu) {
                return failed_as_errno(
                    ::syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC));
              },
          .attach =
              [=](int event, int program) {
                return failed_as_errno(::ioctl(event, PERF_EVENT_IOC_SET_BPF, program));
              }};
}

Trial create_ring_buffer(const KernelCalls& calls, uint32_t bytes) {
  return create_map(calls, BPF_MAP_TYPE_RINGBUF, 0, 0, bytes);
}

Trial create_array(const KernelCalls& calls, uint32_t bytes) {
  return create_map(calls, BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), bytes, 1);
}

Trial load_perf_program(const KernelCalls& calls) {
  bpf_attr attr = program(BPF_PROG_TYPE_PERF_EVENT, kNothing);
  return descriptor(calls.bpf(BPF_PROG_LOAD, attr));
}

std::expected<bool, int> helper_exists(const KernelCalls& calls, uint32_t helper) {
  constexpr size_t kLogBytes = 65536;
  const std::array instructions = {bpf_insn{.code = BPF_JMP | BPF_CALL,
                                            .dst_reg = 0,
                                            .src_reg = 0,
                                            .off = 0,
                                            .imm = static_cast<int32_t>(helper)},
                                   kReturnZero, kExit};
  std::vector<char> log(kLogBytes);
  bpf_attr attr = program(BPF_PROG_TYPE_PERF_EVENT, instructions);
  attr.log_level = 1;
  attr.log_buf = address_of(log.data());
  attr.log_size = static_cast<uint32_t>(log.size());
  const Trial loaded = descriptor(calls.bpf(BPF_PROG_LOAD, attr));
  const std::string_view said = text_at(log, 0);
  if (loaded)
    return true;
  if (said.empty() && loaded.error() == EINVAL)
    return false;
  if (said.empty())
    return std::unexpected(loaded.error());
  // "invalid func unknown#181", "unknown func bpf_loop#181", "program of this type cannot use …".
  for (const std::string_view refusal : {"invalid func", "unknown func", "cannot use helper"})
    if (said.find(refusal) != std::string_view::npos)
      return false;
  return true;
}

Trial attach_tracepoint(const KernelCalls& calls, uint32_t btf_type) {
  bpf_attr load = program(BPF_PROG_TYPE_TRACING, kNothing);
  load.expected_attach_type = BPF_TRACE_RAW_TP;
  load.attach_btf_id = btf_type;
  const Trial loaded = descriptor(calls.bpf(BPF_PROG_LOAD, load));
  if (!loaded)
    return std::unexpected(loaded.error());
  bpf_attr open{};
  open.raw_tracepoint.prog_fd = static_cast<uint32_t>(loaded->get());
  return descriptor(calls.bpf(BPF_RAW_TRACEPOINT_OPEN, open));
}

Trial open_sampling_event(const KernelCalls& calls, uint32_t type, uint64_t config, int cpu) {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = type;
  attr.config = config;
  attr.sample_period = 10'000'000;
  attr.disabled = 1;
  attr.exclude_idle = 1;
  attr.exclude_guest = 1;
  return descriptor(calls.perf_event_open(attr, -1, cpu));
}

Trial open_side_band(const KernelCalls& calls, bool build_ids, int cpu) {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
  attr.disabled = 1;
  attr.mmap = 1;
  attr.mmap2 = 1;
  attr.build_id = build_ids ? 1 : 0;
  attr.comm = 1;
  attr.comm_exec = 1;
  attr.task = 1;
  attr.sample_id_all = 1;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  return descriptor(calls.perf_event_open(attr, -1, cpu));
}

std::optional<uint32_t> find_tracepoint_type(const std::filesystem::path& btf,
                                             std::string_view name) {
  const std::vector<char> file = contents(btf);
  const auto sections = btf_sections(file);
  if (!sections)
    return std::nullopt;
  const std::string wanted = "btf_trace_" + std::string(name);
  std::span<const char> rest = sections->types;
  for (uint32_t number = 1; rest.size() >= sizeof(btf_type); ++number) {
    btf_type type{};
    std::memcpy(&type, rest.data(), sizeof(type));
    const uint32_t kind = BTF_INFO_KIND(type.info);
    if (kind == BTF_KIND_TYPEDEF && text_at(sections->strings, type.name_off) == wanted)
      return number;
    const auto tail = tail_size(kind, BTF_INFO_VLEN(type.info));
    if (!tail || sizeof(type) + *tail > rest.size())
      return std::nullopt;
    rest = rest.subspan(sizeof(type) + *tail);
  }
  return std::nullopt;
}

} // namespace pprofd
