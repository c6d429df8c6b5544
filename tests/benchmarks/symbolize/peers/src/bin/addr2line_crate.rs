//! addr2line_crate ELF [--passes N] < ADDRESSES: the crate addr2line.
use addr2line::{demangle_auto, Loader};
use std::borrow::Cow;
use std::io::Write;
use symbolize_peers::{out, read_addresses, run_passes, write_frame};

fn main() {
    let file = std::env::args().nth(1).expect("an ELF file");
    let addresses = read_addresses();
    let loader = Loader::new(&file).expect("a file with debug information");
    let mut out = out();
    run_passes(addresses.len(), |print| {
        for &address in &addresses {
            let symbol = || {
                loader.find_symbol(address).map(|name| demangle_auto(Cow::from(name), None).into_owned()).unwrap_or_else(|| "??".into())
            };
            let mut any = false;
            if let Ok(mut frames) = loader.find_frames(address) {
                while let Ok(Some(frame)) = frames.next() {
                    any = true;
                    let name = frame.function.as_ref().and_then(|function| function.demangle().ok().map(Cow::into_owned)).unwrap_or_else(symbol);
                    let place = frame.location;
                    if print {
                        let (file, line, column) = place.map_or((None, 0, 0), |place| (place.file, place.line.unwrap_or(0), place.column.unwrap_or(0)));
                        write_frame(&mut out, &name, file, line, column);
                    }
                }
            }
            if print {
                if !any {
                    write_frame(&mut out, &symbol(), None, 0, 0);
                }
                writeln!(out).expect("standard output takes it");
            }
        }
    });
}
