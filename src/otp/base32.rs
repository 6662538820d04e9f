//! Base32, RFC 4648 section 6, as people and programs write secrets.

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use zeroize::Zeroizing;

/// Base32 in any case, without padding. Trailing bits are not checked, as in
/// Python's own decoder: other programs issue such secrets, and refusing them would
/// lock their owners out.
pub(crate) fn lenient_base32(ignored: &str) -> Encoding {
    let mut spec = Specification::new();
    spec.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    spec.translate.from.push_str("abcdefghijklmnopqrstuvwxyz");
    spec.translate.to.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    spec.ignore.push_str(ignored);
    spec.check_trailing_bits = false;
    spec.encoding().expect("constant, tested specifications")
}

/// As people write it, with spaces and hyphens.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| lenient_base32(" -"));

/// The value of each character of base32, and something larger for all others.
const VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < 32 {
        let symbol = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[value as usize];
        values[symbol as usize] = value;
        values[symbol.to_ascii_lowercase() as usize] = value;
        value += 1;
    }
    values
};

/// Decodes what programs write: whole groups of eight characters, nothing in between.
/// Most of the time that a code takes went into the general decoder.
fn whole_groups(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (groups, []) = text.as_chunks::<8>() else { return None };
    let mut bytes = Zeroizing::new(Vec::with_capacity(groups.len() * 5));
    for group in groups {
        let values = group.map(|symbol| VALUES[usize::from(symbol)]);
        if values.iter().fold(0, |all, value| all | value) >= 32 {
            return None;
        }
        let bits = values.iter().fold(0, |bits, &value| bits << 5 | u64::from(value));
        bytes.extend_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(bytes)
}

/// Decodes a secret in any case, with or without spaces and hyphens, without padding.
pub(super) fn decode(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    whole_groups(text).or_else(|| BASE32.decode(text).ok().map(Zeroizing::new))
}

/// Says what is wrong with a text that [`decode`] refuses.
pub(super) fn fault(text: &[u8]) -> &'static str {
    if text.iter().any(|symbol| !b" -=".contains(symbol) && VALUES[usize::from(*symbol)] >= 32) {
        "it is not base32 (letters A to Z and digits 2 to 7)"
    } else if text.contains(&b'=') {
        "it is not base32: padding (=) comes before its end"
    } else {
        "it is not base32: its length is impossible, so characters are missing or extra"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whole_groups_are_decoded_alike(text in "([A-Za-z2-7]{8}){0,8}|[A-Za-z0-9 =-]{0,40}") {
            if let Some(bytes) = whole_groups(text.as_bytes()) {
                prop_assert_eq!(Ok(bytes.to_vec()), BASE32.decode(text.as_bytes()));
            }
        }
    }
}
