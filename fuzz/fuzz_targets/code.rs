//! Codes: what a person typed is 6 to 8 ASCII digits, spaces and hyphens aside, or it
//! is no code. `Code::parse` is all that stands before the verifier. Recovery codes: 16
//! letters and digits of base32.

#![no_main]

use lambdatotp::otp::{Code, RecoveryCode};
use libfuzzer_sys::fuzz_target;

/// Look-alikes and leftovers that other parsers let through.
const STRANGERS: [char; 10] =
    ['+', '_', '.', 'e', '\0', '\n', '\t', '\u{a0}', '\u{2010}', '\u{ff11}'];

/// The same rule, said in text.
fn digits(text: &str) -> Option<String> {
    let kept = text.replace([' ', '-'], "");
    let length = kept.chars().count();
    let plain = kept.chars().all(|symbol| "0123456789".contains(symbol));
    ((6..=8).contains(&length) && plain).then_some(kept)
}

fn recovery(text: &str) -> Option<String> {
    let kept = text.replace([' ', '-'], "").to_ascii_uppercase();
    let plain = kept.chars().all(|symbol| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".contains(symbol));
    (text.len() <= 64 && kept.len() == 16 && plain).then_some(kept)
}

fuzz_target!(|text: &str| {
    let written = RecoveryCode::parse(text).map(|code| code.to_text().replace('-', ""));
    assert_eq!(written, recovery(text));

    let code = Code::parse(text);
    assert_eq!(code.as_ref().map(Code::as_str), digits(text).as_deref());
    let Some(code) = code else { return };
    assert_eq!(Code::parse(code.as_str()), Some(code));
    // No code holds a stranger, wherever it stands.
    for (at, _) in text.char_indices() {
        for stranger in STRANGERS {
            let (before, after) = text.split_at(at);
            assert_eq!(Code::parse(&format!("{before}{stranger}{after}")), None);
        }
    }
    for stranger in STRANGERS {
        assert_eq!(Code::parse(&format!("{text}{stranger}")), None);
    }
});
