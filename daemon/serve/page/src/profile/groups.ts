// What a function belongs to: a package (C++ namespace, Rust crate, Go package, Java package, else
// the executable) and an executable.
import { basename } from "../base/format";
import { kOther } from "./model";
import type { FunctionInfo } from "./types";

export function executableOf(info: FunctionInfo): string {
  if (info.process) return "process";
  return basename(info.mapping) || "unknown";
}

export function packageOf(info: FunctionInfo): string {
  if (info.process) return "process";
  if (info.kernel) return info.mapping.startsWith("[kernel") ? "kernel" : info.mapping;
  const name = info.short || info.name;
  if (name === kOther || isAddress(name)) return executableOf(info);
  return scopeOf(name) ?? goPackageOf(info, name) ?? javaPackageOf(name) ?? executableOf(info);
}

/** A frame without a symbol is named by file and address. */
export function isAddress(name: string): boolean {
  return /\+0x[0-9a-f]+$/.test(name);
}

// "std::vector::at" -> "std"; "<alloc::vec::Vec as core::ops::Drop>::drop" -> "alloc".
function scopeOf(name: string): string | null {
  const scope = /^(?:<?[&*\s]*(?:mut |const |dyn )?)*([A-Za-z_$][\w$]*)::/.exec(name);
  if (scope) return scope[1];
  return name.startsWith("(anonymous namespace)::") ? "(anonymous)" : null;
}

// "github.com/x/y.(*T).Do" -> "github.com/x/y"; "runtime.mallocgc" -> "runtime".
function goPackageOf(info: FunctionInfo, name: string): string | null {
  if (!info.file.endsWith(".go") && !/^[\w.-]+\/[\w./-]+\.[\w(]/.test(name)) return null;
  const slash = name.search(/[([{]/) < 0 ? name.lastIndexOf("/") : name.lastIndexOf("/", name.search(/[([{]/));
  const dot = name.indexOf(".", slash + 1);
  return dot > 0 ? name.slice(0, dot) : null;
}

// "java.util.HashMap.get" -> "java.util".
function javaPackageOf(name: string): string | null {
  const parts = /^([a-z_]\w*\.[a-z_]\w*)\.[\w.$]+/.exec(name);
  return parts ? parts[1] : null;
}
