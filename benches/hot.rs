//! The pure hot paths, one at a time: `hot OPERATION TIMES` prints nanoseconds a run.
//!
//! `benches/instructions.py` runs it under callgrind, whose counts do not depend on the
//! machine's load; `benches/calls.py` takes its times for what a call from Python cannot
//! go below. `hot features` prints what of the processor the libraries would use.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use lambdatotp::otp::{Code, KeyUri, Secret, Totp};
use lambdatotp::qr::Qr;
use sha1::{Digest, Sha1};

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const URI: &str = "otpauth://totp/ACME%20Co:ana%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
                   &issuer=ACME%20Co";
const AT: u64 = 1_700_000_000;
const SCALE: u64 = 8;
const SHARES: u32 = 10;

/// The nanoseconds that one of so many calls takes, by the best of ten shares of them:
/// this is a floor, and a shared machine only ever adds to it.
#[expect(clippy::cast_precision_loss, reason = "a time, to be printed")]
fn timed<T>(times: u32, mut call: impl FnMut() -> T) -> f64 {
    let share = times.div_ceil(SHARES);
    let mut best = f64::INFINITY;
    for _ in 0..SHARES {
        let began = Instant::now();
        for _ in 0..share {
            black_box(call());
        }
        best = best.min(began.elapsed().as_nanos() as f64 / f64::from(share));
    }
    best
}

fn secret() -> Secret {
    black_box(SECRET).parse().expect("160 bits")
}

fn nanoseconds(operation: &str, times: u32) -> Option<f64> {
    let totp = Totp::new(secret());
    let wrong = Code::parse("000000").expect("six digits");
    let uri: KeyUri = URI.parse().expect("a key URI");
    let qr = Qr::new(URI).expect("short");
    let mut hash = Sha1::new();
    Some(match operation {
        "sha1" => timed(times, || hash.update(black_box([7; 64]))),
        "code" => timed(times, || totp.code_at(black_box(AT))),
        "new_code" => timed(times, || Totp::new(secret()).code_at(black_box(AT))),
        "verify" => timed(times, || totp.verify(black_box(&wrong), black_box(AT), 1)),
        "secret" => timed(times, || Secret::generate().expect("randomness").to_base32()),
        "uri_write" => timed(times, || black_box(&uri).to_uri()),
        "uri_parse" => timed(times, || black_box(URI).parse::<KeyUri>()),
        "qr_matrix" => timed(times, || Qr::new(black_box(URI))),
        "qr_png" => timed(times, || black_box(&qr).png(SCALE)),
        "qr_svg" => timed(times, || black_box(&qr).svg()),
        _ => return None,
    })
}

/// What the hash, the checksums and the compression look for.
fn features() -> Vec<&'static str> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! look {
            ($($name:tt)*) => { $(if is_x86_feature_detected!($name) { found.push($name); })* };
        }
        look!("sha" "ssse3" "sse4.1" "avx2" "avx512f" "pclmulqdq" "vpclmulqdq" "bmi2");
    }
    #[cfg(target_arch = "aarch64")]
    found.push("aarch64");
    found.sort_unstable();
    found
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = io::stdout();
    let [operation, times @ ..] = &arguments[..] else {
        return Err(io::Error::other("usage: hot OPERATION TIMES, or hot features"));
    };
    if operation == "features" {
        return writeln!(out, "{}", features().join(" "));
    }
    let times = times.first().and_then(|times| times.parse().ok()).unwrap_or(SHARES);
    match nanoseconds(operation, times) {
        Some(time) => writeln!(out, "{time:.2}"),
        None => Err(io::Error::other(format!("no such operation: {operation}"))),
    }
}
