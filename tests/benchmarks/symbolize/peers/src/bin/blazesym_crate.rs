//! blazesym_crate elf|gsym FILE [--passes N] < ADDRESSES: the crate blazesym, by DWARF or by a converted GSYM file.
use blazesym::symbolize::source::{Elf, Gsym, GsymFile, Source};
use blazesym::symbolize::{CodeInfo, Input, Symbolized, Symbolizer};
use std::io::Write;
use symbolize_peers::{out, read_addresses, run_passes, write_frame};

fn write(out: &mut impl Write, function: &str, code: Option<&CodeInfo>) {
    let path = code.map(|code| code.to_path().display().to_string());
    let line = code.and_then(|code| code.line).unwrap_or(0);
    let column = code.and_then(|code| code.column).unwrap_or(0);
    write_frame(out, function, path.as_deref(), line, u32::from(column));
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let source = match arguments[1].as_str() {
        "elf" => Source::Elf(Elf::new(&arguments[2])),
        _ => Source::Gsym(Gsym::File(GsymFile::new(&arguments[2]))),
    };
    let addresses = read_addresses();
    let symbolizer = Symbolizer::builder().enable_code_info(true).enable_inlined_fns(true).enable_auto_reload(false).enable_demangling(true).build();
    let mut out = out();
    run_passes(addresses.len(), |print| {
        let answers = symbolizer.symbolize(&source, Input::VirtOffset(&addresses)).expect("answers");
        for answer in answers.iter().filter(|_| print) {
            if let Symbolized::Sym(symbol) = answer {
                for inlined in symbol.inlined.iter().rev() {
                    write(&mut out, &inlined.name, inlined.code_info.as_ref());
                }
                write(&mut out, &symbol.name, symbol.code_info.as_deref());
            } else {
                write(&mut out, "??", None);
            }
            writeln!(out).expect("standard output takes it");
        }
    });
}
