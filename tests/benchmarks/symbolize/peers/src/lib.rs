//! What both drivers have in common: addresses in, chains of functions out, as pprofd prints them.
use std::io::{BufRead, BufWriter, Write};
use std::time::Instant;

/// Hexadecimal addresses of standard input, a line each.
pub fn read_addresses() -> Vec<u64> {
    std::io::stdin()
        .lock()
        .lines()
        .map(|line| line.expect("a line"))
        .map(|line| u64::from_str_radix(line.trim().trim_start_matches("0x"), 16).expect("a hexadecimal address"))
        .collect()
}

pub fn out() -> BufWriter<std::io::StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 20, std::io::stdout().lock())
}

pub fn write_frame(out: &mut impl Write, function: &str, file: Option<&str>, line: u32, column: u32) {
    writeln!(out, "{function}\n{}:{line}:{column}", file.unwrap_or("??")).expect("standard output takes it");
}

/// Calls `pass` as often as the argument `--passes N` says, and tells what the last took on standard error.
pub fn run_passes(addresses: usize, mut pass: impl FnMut(bool)) {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.iter().position(|argument| argument == "--passes");
    let passes = given.map_or(1, |at| arguments[at + 1].parse::<u32>().expect("a number of passes"));
    for number in 0..passes {
        let begun = Instant::now();
        pass(number == 0);
        if number > 0 && number + 1 == passes {
            eprintln!("{:.3} us an address", begun.elapsed().as_secs_f64() * 1e6 / addresses.max(1) as f64);
        }
    }
}
