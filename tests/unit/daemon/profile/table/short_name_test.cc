#include <gtest/gtest.h>

#include <utility>

#include "daemon/profile/table/short_name.h"

namespace pprofd {
namespace {

struct Case {
  const char* name;
  const char* shown;
};

void expect_short(std::initializer_list<Case> cases) {
  for (const Case& c : cases)
    EXPECT_EQ(short_name(c.name), c.shown) << c.name;
}

void expect_unchanged(std::initializer_list<const char*> names) {
  for (const char* name : names)
    EXPECT_EQ(short_name(name), name);
}

TEST(ShortName, CppFunctionsLoseParametersTemplateArgumentsAndReturnType) {
  expect_short({
      {"f(int)", "f"},
      {"ns::f(std::vector<int, std::allocator<int> > const&) const", "ns::f"},
      {"std::vector<int, std::allocator<int>>::push_back(int&&)", "std::vector::push_back"},
      {"void std::sort<int*>(int*, int*)", "std::sort"},
      {"unsigned long foo<int>(int)", "foo"},
      {"decltype(x.begin()) begin<std::vector<int>>(std::vector<int>&)", "begin"},
      {"decltype (f({parm#1})) g<int>(int)", "g"},
      {"std::function<void (int)>::operator()(int) const", "std::function::operator()"},
      {"f(void (*)(int))", "f"},
      {"A<(B)1, (3>2)>::f()", "A::f"},
      {"(anonymous namespace)::f(int)", "(anonymous namespace)::f"},
      {"ns::(anonymous namespace)::C::f(int)", "ns::(anonymous namespace)::C::f"},
      {"outer(int)::Local::method() &&", "outer::Local::method"},
      {"f[abi:cxx11](int)", "f[abi:cxx11]"},
      {"C<int>::~C()", "C::~C"},
      {"C::f() const volatile &", "C::f"},
      {"constant()", "constant"},
      {"f() constant", "f constant"},
  });
}

TEST(ShortName, OperatorsKeepTheirSymbols) {
  expect_short({
      {"operator new(unsigned long)", "operator new"},
      {"operator delete[](void*)", "operator delete[]"},
      {"A::operator bool() const", "A::operator bool"},
      {"A::operator std::vector<int>() const", "A::operator std::vector"},
      {"A::operator()(int) const", "A::operator()"},
      {"void A::operator()<int>(int) const", "A::operator()"},
      {"operator<(A const&, A const&)", "operator<"},
      {"operator<<(std::ostream&, A)", "operator<<"},
      {"bool operator< <int>(A<int>, A<int>)", "operator<"},
      {"bool operator<<int>(A<int>, A<int>)", "operator<"},
      {"std::ostream& operator<<<char>(std::ostream&, char)", "operator<<"},
      {"std::ostream& std::operator<< <char>(std::ostream&, char)", "std::operator<<"},
      {"operator<=>(A, A)", "operator<=>"},
      {"A<int>::operator->() const", "A::operator->"},
      {"A::operator->*(int)", "A::operator->*"},
      {"A::operator>>=(int)", "A::operator>>="},
      {"A::operator[](unsigned long)", "A::operator[]"},
      {"A::operator,(B)", "A::operator,"},
      {"operator\"\" _km(long double)", "operator\"\" _km"},
      {"f<&A::operator< >(int)", "f"},
      {"my_operator(int)", "my_operator"},
      {"operators::f(int)", "operators::f"},
  });
}

TEST(ShortName, LambdasKeepTheirNumber) {
  expect_short({
      {"main::{lambda(int)#1}::operator()(int) const", "main::{lambda(int)#1}::operator()"},
      {"app::run()::{lambda(auto:1)#2}::operator()<int>(int) const",
       "app::run::{lambda(auto:1)#2}::operator()"},
      {"f() const::{lambda()#1}::operator()() const", "f::{lambda()#1}::operator()"},
      {"main::'lambda'(int)::operator()(int) const", "main::'lambda'::operator()"},
      {"auto main::'lambda0'(auto)::operator()<int>(auto) const", "main::'lambda0'::operator()"},
      {"main::<lambda(int)>::operator()(int) const", "main::<lambda(int)>::operator()"},
      {"std::for_each<int*, main::{lambda(int)#1}>(int*, int*, main::{lambda(int)#1})",
       "std::for_each"},
  });
}

TEST(ShortName, ThunksAndClonesSayWhatTheyAre) {
  expect_short({
      {"non-virtual thunk to A<int>::f(int)", "non-virtual thunk to A::f"},
      {"virtual thunk to A::f()", "virtual thunk to A::f"},
      {"f(int) [clone .cold]", "f [clone .cold]"},
      {"f(int) (.part.0)", "f (.part.0)"},
  });
}

TEST(ShortName, RustPathsKeepTypesAndTraits) {
  expect_short({
      {"<A as B>::c", "<A as B>::c"},
      {"<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop",
       "<alloc::vec::Vec as core::ops::drop::Drop>::drop"},
      {"<alloc::vec::Vec<u8>>::push", "<alloc::vec::Vec>::push"},
      {"<<A as B>::C as D<E>>::f::<G>", "<<A as B>::C as D>::f"},
      {"core::ptr::drop_in_place::<alloc::string::String>", "core::ptr::drop_in_place"},
      {"core::ops::function::FnOnce::call_once{{vtable.shim}}",
       "core::ops::function::FnOnce::call_once{{vtable.shim}}"},
      {"app::run::<u32>::{closure#0}", "app::run::{closure#0}"},
      {"app::run::{{closure}}", "app::run::{{closure}}"},
      {"core::fmt::num::<impl core::fmt::Display for u32>::fmt",
       "core::fmt::num::<impl core::fmt::Display for u32>::fmt"},
      {"<&mut dyn core::ops::FnMut(u8) -> bool as T>::f::<X>",
       "<&mut dyn core::ops::FnMut(u8) -> bool as T>::f"},
      {"<[T] as core::fmt::Debug>::fmt", "<[T] as core::fmt::Debug>::fmt"},
      {"foo::<fn(u8) -> u16>::bar", "foo::bar"},
  });
}

TEST(ShortName, GoNamesKeepReceivers) {
  expect_short({
      {"main.(*List[go.shape.int]).Push", "main.(*List[...]).Push"},
      {"main.Map[go.shape.int,go.shape.struct { x int }]", "main.Map[...]"},
      {"main.(*List[...]).Push", "main.(*List[...]).Push"},
  });
  expect_unchanged({"main.(*T).f", "main.main.func1", "github.com/a/b.(*T).f-fm",
                    "runtime.mallocgc", "type:.eq.main.T", "main.glob..func1"});
}

TEST(ShortName, OtherNamesStayAsTheyAre) {
  expect_unchanged({"",
                    "main",
                    "__x64_sys_read",
                    "do_syscall_64",
                    "tcp_v4_rcv.isra.0",
                    "libx.so.1+0x1234",
                    "[unknown]+0xbeef",
                    "com.foo.Bar.<init>",
                    "<module>",
                    "<genexpr>",
                    "(anonymous)",
                    "(garbage collector)",
                    "get size",
                    "handle (server.js:12)",
                    "-[NSObject init]",
                    "a < b",
                    "f(int",
                    "A<int",
                    "f)",
                    "operator",
                    "{",
                    "f{(}"});
}

TEST(ShortName, AHostileNameTakesNoTimeAndNoStack) {
  for (char c : {'<', '(', '{', '['}) {
    std::string deep(1 << 20, c);
    EXPECT_EQ(short_name(deep), deep);
  }
  std::string closed = std::string(1 << 19, '<') + std::string(1 << 19, '>');
  EXPECT_EQ(short_name(closed), closed);
  std::string many;
  for (int i = 0; i < 100'000; i++)
    many += "::<";
  EXPECT_EQ(short_name(many), many);
  std::string thunks;
  for (int i = 0; i < 100'000; i++)
    thunks += "virtual thunk to ";
  EXPECT_LE(short_name(thunks + "f(int)").size(), thunks.size() + 1);
}

} // namespace
} // namespace pprofd
