//! Secrets: text is read exactly as a decoder of a few lines reads it, and every key
//! survives being written.

#![no_main]

use lambdatotp::otp::Secret;
use libfuzzer_sys::fuzz_target;

/// RFC 4648 base32, as `Secret` promises to read it, bit by bit.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches(['=', ' ']);
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for symbol in text.chars().filter(|symbol| !matches!(symbol, ' ' | '-')) {
        let value = match symbol.to_ascii_uppercase() {
            letter @ 'A'..='Z' => letter as u32 - 'A' as u32,
            digit @ '2'..='7' => digit as u32 - '2' as u32 + 26,
            _ => return None,
        };
        bits = bits << 5 | value;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    // A whole symbol left over belongs to no byte: no encoder ends like that.
    (held < 5 && text.len() <= 512 && (10..=128).contains(&bytes.len())).then_some(bytes)
}

fn written_reads_the_same(secret: &Secret) {
    let text = secret.to_base32();
    assert!(text.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7')), "{}", *text);
    assert_eq!(text.parse().as_ref(), Ok(secret));
}

fuzz_target!(|data: &[u8]| {
    let key = Secret::from_bytes(data);
    assert_eq!(key.is_ok(), (10..=128).contains(&data.len()));
    if let Ok(key) = key {
        assert_eq!(key.as_bytes(), data);
        written_reads_the_same(&key);
    }

    let Ok(text) = str::from_utf8(data) else { return };
    let secret = text.parse::<Secret>().ok();
    assert_eq!(secret.as_ref().map(Secret::as_bytes), decode(text).as_deref());
    if let Some(secret) = secret {
        written_reads_the_same(&secret);
    }
});
