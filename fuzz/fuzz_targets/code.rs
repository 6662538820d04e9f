//! Codes: what a person typed is 6 to 8 decimal digits, separators aside, or it is not a
//! code. `Code::parse` is all that stands before the verifier. Recovery codes: 16 letters
//! and digits of base32.

#![no_main]

use lambdatotp::otp::{Code, RecoveryCode};
use libfuzzer_sys::fuzz_target;

/// Look-alikes and leftovers that other parsers let through.
const STRANGERS: [char; 10] =
    ['+', '_', '.', 'e', '\0', '\u{b9}', '\u{bd}', '\u{2160}', '\u{4e00}', '\u{ff0b}'];

/// What never matters, wherever it stands.
const SEPARATORS: [char; 10] =
    [' ', '-', '\n', '\t', '\u{a0}', '\u{ad}', '\u{200b}', '\u{2011}', '\u{2212}', '\u{feff}'];

/// The rule for ASCII, said in text. `None` for texts that only the crate's own tables can read.
fn plain(text: &str) -> Option<String> {
    let kept = text.chars().filter(|symbol| *symbol != '-' && !symbol.is_ascii_whitespace());
    let kept: String = kept.filter(|symbol| *symbol != '\u{b}').collect();
    kept.is_ascii().then_some(kept)
}

fuzz_target!(|text: &str| {
    let (code, recovery) = (Code::parse(text), RecoveryCode::parse(text));
    let written = recovery.as_ref().map(|code| code.to_text().replace('-', ""));
    if let Some(kept) = plain(text) {
        let digits = kept.bytes().all(|byte| byte.is_ascii_digit());
        let expected = ((6..=8).contains(&kept.len()) && digits).then_some(kept.as_str());
        assert_eq!(code.as_ref().map(Code::as_str), expected);
        let kept = kept.to_ascii_uppercase();
        let base32 = kept.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
        assert_eq!(written, (kept.len() == 16 && base32).then_some(kept));
    }
    for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
        let (before, after) = text.split_at(at);
        for separator in SEPARATORS {
            let pasted = format!("{before}{separator}{after}");
            assert_eq!(Code::parse(&pasted), code);
            assert_eq!(RecoveryCode::parse(&pasted), recovery);
        }
        for stranger in STRANGERS {
            assert_eq!(Code::parse(&format!("{before}{stranger}{after}")), None);
        }
    }
});
