//! Google Authenticator's transfers: whatever the text, no panic; what is read and written
//! reads the same.

#![no_main]

use lambdatotp::otp::{KeyUri, Migration};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(read) = Migration::parse(text) else { return };
    let keys: Vec<KeyUri> = read.keys.into_iter().flatten().collect();
    // A counter that no 64 bits with a sign hold was read from none.
    let Ok(written) = Migration::write(&keys) else { panic!("what was read can be written") };
    let Ok(again) = Migration::parse(&written) else { return assert!(keys.is_empty()) };
    assert_eq!(again.keys, keys.into_iter().map(Ok).collect::<Vec<_>>());
});
