# Functions with names as compilers mangle them, each a loop of about 30 us with a frame.
  .intel_syntax noprefix
  .macro spinning_function name
  .globl \name
  .type \name, @function
\name:
  push rbp
  mov rbp, rsp
  mov ecx, 100000
1:
  dec ecx
  jnz 1b
  pop rbp
  ret
  .size \name, . - \name
  .endm

  .text
  # C++: shop::Basket<int>::total(std::vector<int> const&) is written in names.cc; these are Rust's.
  # v0: <mycrate::Cart as mycrate::Total>::total, legacy: mycrate::cart::total::h0123456789abcdef
  spinning_function "_RNvXCs1234_7mycrateNtB2_4CartNtB2_5Total5total"
  spinning_function "_ZN7mycrate4cart5total17h0123456789abcdefE"
  # What no demangler knows stays as it is.
  spinning_function "_Znot_a_mangled_name"
  .section .note.GNU-stack,"",@progbits
