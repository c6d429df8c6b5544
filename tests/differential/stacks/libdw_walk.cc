#include "tests/differential/stacks/libdw_walk.h"

#include <stdexcept>

namespace pprofd::test {
namespace {

const Dwfl_Callbacks kModules = {.find_elf = dwfl_linux_proc_find_elf,
                                 .find_debuginfo = dwfl_standard_find_debuginfo,
                                 .section_address = nullptr,
                                 .debuginfo_path = nullptr};

int take_frame(Dwfl_Frame* frame, void* argument) {
  Dwarf_Addr pc = 0;
  if (!dwfl_frame_pc(frame, &pc, nullptr))
    return DWARF_CB_ABORT;
  auto& pcs = *static_cast<std::vector<uint64_t>*>(argument);
  pcs.push_back(pc);
  return pcs.size() < PPROFD_MAX_USER_FRAMES ? DWARF_CB_OK : DWARF_CB_ABORT;
}

} // namespace

LibdwWalk::LibdwWalk(pid_t pid, TargetMemory& memory)
    : pid_(pid), memory_(&memory), dwfl_(dwfl_begin(&kModules)) {
  static const Dwfl_Thread_Callbacks callbacks = {.next_thread = next_thread,
                                                  .get_thread = nullptr,
                                                  .memory_read = read_memory,
                                                  .set_initial_registers = set_registers,
                                                  .detach = nullptr,
                                                  .thread_detach = nullptr};
  if (dwfl_linux_proc_report(dwfl_.get(), pid) != 0 ||
      dwfl_report_end(dwfl_.get(), nullptr, nullptr) != 0 ||
      !dwfl_attach_state(dwfl_.get(), nullptr, pid, &callbacks, this))
    throw std::runtime_error(std::string("libdw: ") + dwfl_errmsg(-1));
}

LibdwStack LibdwWalk::walk(const LeafRegisters& leaf) {
  leaf_ = &leaf;
  LibdwStack stack;
  if (dwfl_getthread_frames(dwfl_.get(), pid_, take_frame, &stack.pcs) == -1) {
    const char* message = dwfl_errmsg(-1);
    stack.error = message == nullptr ? "unknown" : message;
  }
  return stack;
}

pid_t LibdwWalk::next_thread(Dwfl* /*dwfl*/, void* self, void** argument) {
  if (*argument != nullptr)
    return 0;
  *argument = self;
  return static_cast<LibdwWalk*>(self)->pid_;
}

bool LibdwWalk::read_memory(Dwfl* /*dwfl*/, Dwarf_Addr address, Dwarf_Word* word, void* self) {
  return static_cast<LibdwWalk*>(self)->memory_->read(address,
                                                      std::as_writable_bytes(std::span(word, 1)));
}

bool LibdwWalk::set_registers(Dwfl_Thread* thread, void* self) {
  const LeafRegisters& leaf = *static_cast<LibdwWalk*>(self)->leaf_;
  dwfl_thread_state_register_pc(thread, leaf.pc);
  return dwfl_thread_state_registers(thread, 0, UNWIND_REGISTERS, leaf.numbered.data()) &&
         dwfl_thread_state_registers(thread, 16, 1, &leaf.pc);
}

} // namespace pprofd::test
