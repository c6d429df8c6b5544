// Writes what page_files.cc includes: the files themselves, an assembler source that takes their
// bytes into the program, and the table of them.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

function declaration(index) {
  return `extern "C" const char pprofd_page_bytes_${index}[];`;
}

function view(index, contents) {
  return `{pprofd_page_bytes_${index}, ${contents.length}}`;
}

function row({ path, type, contents }, index) {
  const etag = createHash("sha256").update(contents).digest("hex").slice(0, 32);
  return `    PageFile{"${path}", "${type}",\n             ${view(index, contents)}, "\\"${etag}\\""},`;
}

function assembly(path, index) {
  return [
    `\t.global pprofd_page_bytes_${index}`,
    `\t.hidden pprofd_page_bytes_${index}`,
    `pprofd_page_bytes_${index}:`,
    `\t.incbin "${path}"`,
  ].join("\n");
}

export function embed(out, { files, template }) {
  const all = [...files.map((file) => file.contents), template];
  const names = all.map((_, index) => join(out, `bytes-${index}`));
  all.forEach((contents, index) => writeFileSync(names[index], contents));
  const hashes = all.map((contents) => createHash("sha256").update(contents).digest("hex"));
  writeFileSync(
    join(out, "page_bytes.S"),
    [
      // A build cache knows this file's text only: it changes whenever the bytes do.
      ...hashes.map((hash) => `/* ${hash} */`),
      "\t.section .rodata",
      ...names.map(assembly),
      '\t.section .note.GNU-stack,"",%progbits',
      "",
    ].join("\n"),
  );
  // For tests that serve the files themselves.
  writeFileSync(join(out, "manifest.json"), JSON.stringify(files.map(({ path, type }) => ({ path, type }))));
  writeFileSync(
    join(out, "page_table.inc"),
    [
      ...all.map((_, index) => declaration(index)),
      `constexpr std::array kPageFiles{`,
      ...files.map(row),
      `};`,
      `constexpr std::string_view kFlameGraphTemplate${view(files.length, template)};`,
      "",
    ].join("\n"),
  );
}
