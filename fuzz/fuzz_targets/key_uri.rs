//! Key URIs: whatever the text, no panic; what is read and written reads the same.

#![no_main]

use lambdatotp::otp::KeyUri;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(read) = text.parse::<KeyUri>() else { return };
    let written = read.to_uri();
    assert!(written.is_ascii() && !written.contains(['+', ' ', '#']), "{}", *written);
    assert_eq!(written.parse().as_ref(), Ok(&read), "{}", *written);
});
