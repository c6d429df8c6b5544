// As inlined.cc; ends with the signal.
use std::hint::black_box;

#[inline(always)]
fn mix(mut x: u64) -> u64 { // mix starts
    for _ in 0..1000 {
        x = ((x ^ (x >> 7)).wrapping_mul(0x9e3779b97f4a7c15) ^ 21).wrapping_mul(0x9e3779b1).rotate_left(9).wrapping_mul(0x85ebca77); // mix works
    }
    x
}

#[inline(always)]
fn spin<T: Into<u64> + Copy>(rounds: T) -> u64 { // spin starts
    let mut sum = 1u64;
    for i in 0..rounds.into() {
        sum = mix(sum.wrapping_add(i)); // spin calls mix
    }
    sum
}

#[inline(never)]
fn outer(rounds: u32) { // outer starts
    black_box(spin(rounds)); // outer calls spin
}

fn main() {
    println!("ready");
    loop {
        outer(black_box(100));
    }
}
