//! HMAC-based one-time passwords, RFC 4226, and the code type both factors share.

use std::fmt;
use std::ops::RangeInclusive;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::{Algorithm, Digits, Secret};

/// A one-time password: 6 to 8 ASCII digits.
///
/// `Debug` does not show it, comparison takes constant time.
#[derive(Clone, Copy)]
pub struct Code {
    /// ASCII digits, then zeros.
    bytes: [u8; 8],
    digits: Digits,
}

impl Code {
    /// Reads what a person typed: spaces and hyphens are dropped, and what is left
    /// must be 6 to 8 ASCII digits. `None` for anything else, full-width digits,
    /// signs and line ends included.
    ///
    /// ```
    /// use lambdatotp::otp::Code;
    /// assert_eq!(Code::parse("123 456").expect("a code").as_str(), "123456");
    /// assert!(Code::parse("+123456").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 8];
        let mut count = 0;
        for byte in text.bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
            if !byte.is_ascii_digit() {
                return None;
            }
            *bytes.get_mut(count)? = byte;
            count += 1;
        }
        let digits = Digits::new(count as u64).ok()?;
        Some(Self { bytes, digits })
    }

    /// The last `digits` decimal digits of `number`, padded with zeros on the left.
    fn from_number(mut number: u32, digits: Digits) -> Self {
        let mut bytes = [0; 8];
        for byte in bytes[..usize::from(digits.get())].iter_mut().rev() {
            *byte = b'0' + (number % 10) as u8;
            number /= 10;
        }
        Self { bytes, digits }
    }

    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII digits ever get in.
        std::str::from_utf8(&self.bytes[..usize::from(self.digits.get())]).unwrap_or_default()
    }
}

impl ConstantTimeEq for Code {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.bytes.ct_eq(&other.bytes)
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Code {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({} digits)", self.digits.get())
    }
}

/// HMAC with the key already mixed in. Zeroed on drop.
#[derive(Clone)]
pub(crate) enum KeyedMac {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    // Boxed: it is three times as large as the other two, which would be moved about
    // at its size.
    Sha512(Box<Hmac<Sha512>>),
}

impl KeyedMac {
    pub(crate) fn new(key: &[u8], algorithm: Algorithm) -> Self {
        // HMAC takes keys of every length: the error type is there for other MACs.
        fn keyed<M: KeyInit>(key: &[u8]) -> M {
            M::new_from_slice(key).expect("HMAC accepts every key length")
        }
        match algorithm {
            Algorithm::Sha1 => Self::Sha1(keyed(key)),
            Algorithm::Sha256 => Self::Sha256(keyed(key)),
            Algorithm::Sha512 => Self::Sha512(Box::new(keyed(key))),
        }
    }

    /// RFC 4226 section 5.3: HMAC of the counter, dynamically truncated to 31 bits.
    pub(crate) fn truncated(&self, counter: u64) -> u32 {
        fn mac<M: Mac + Clone>(keyed: &M, counter: u64) -> u32 {
            let mut mac = keyed.clone();
            mac.update(&counter.to_be_bytes());
            let digest = mac.finalize().into_bytes();
            let offset = usize::from(digest[digest.len() - 1] & 0xf);
            let word = [digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]];
            u32::from_be_bytes(word) & 0x7fff_ffff
        }
        match self {
            Self::Sha1(keyed) => mac(keyed, counter),
            Self::Sha256(keyed) => mac(keyed, counter),
            Self::Sha512(keyed) => mac(&**keyed, counter),
        }
    }
}

/// A counter-based generator and checker of codes, RFC 4226.
///
/// ```
/// use lambdatotp::otp::{Hotp, Secret};
/// let hotp = Hotp::new(Secret::from_bytes(b"12345678901234567890")?);
/// assert_eq!(hotp.code(0).as_str(), "755224");
/// # Ok::<(), lambdatotp::otp::OtpError>(())
/// ```
#[derive(Clone)]
pub struct Hotp {
    secret: Secret,
    algorithm: Algorithm,
    digits: Digits,
    /// The secret once more, as HMAC wants it: half of the work of every code.
    mac: KeyedMac,
}

impl fmt::Debug for Hotp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret, algorithm, digits, mac: _ } = self;
        write!(f, "Hotp({secret:?}, {algorithm}, {} digits)", digits.get())
    }
}

impl PartialEq for Hotp {
    fn eq(&self, other: &Self) -> bool {
        self.secret == other.secret
            && self.algorithm == other.algorithm
            && self.digits == other.digits
    }
}

impl Eq for Hotp {}

impl Hotp {
    /// SHA-1 and 6 digits, as in RFC 4226.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self::with(secret, Algorithm::default(), Digits::default())
    }

    /// The same with another hash or length.
    #[must_use]
    pub fn with(secret: Secret, algorithm: Algorithm, digits: Digits) -> Self {
        let mac = KeyedMac::new(secret.as_bytes(), algorithm);
        Self { secret, algorithm, digits, mac }
    }

    /// The code for one value of the counter.
    #[must_use]
    pub fn code(&self, counter: u64) -> Code {
        Code::from_number(self.mac.truncated(counter), self.digits)
    }

    /// Looks for `code` among `counter` and the `look_ahead` values after it (RFC
    /// 4226 section 7.4), and returns the value it belongs to. The caller must
    /// store that value plus one and never accept a smaller one again.
    #[must_use]
    pub fn verify(&self, code: &Code, counter: u64, look_ahead: u64) -> Option<u64> {
        self.search(code, counter..=counter.saturating_add(look_ahead))
    }

    /// The last counter of the range whose code is `code`. Takes the same time
    /// wherever the match is. The last rather than the first: should two counters
    /// of one window share a code, taking the first would leave that code good for
    /// a second login.
    pub(super) fn search(&self, code: &Code, counters: RangeInclusive<u64>) -> Option<u64> {
        let mut found = Choice::from(0);
        let mut matched = 0;
        for counter in counters {
            let equal = Code::from_number(self.mac.truncated(counter), self.digits).ct_eq(code);
            matched.conditional_assign(&counter, equal);
            found |= equal;
        }
        bool::from(found).then_some(matched)
    }

    /// The shared key.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The hash.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The code's length.
    #[must_use]
    pub const fn digits(&self) -> Digits {
        self.digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_grammar() {
        for (text, expected) in [
            ("123456", Some("123456")),
            (" 123 456 ", Some("123456")),
            ("1234-5678", Some("12345678")),
            ("12345", None),
            ("123456789", None),
            ("", None),
            ("-", None),
            ("+12345", None),
            ("1_23456", None),
            ("123456\n", None),
            ("123456\0", None),
            ("\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}", None),
            ("\u{b9}23456", None),
        ] {
            assert_eq!(Code::parse(text).as_ref().map(Code::as_str), expected, "{text:?}");
        }
    }

    #[test]
    fn a_code_of_another_length_never_matches() {
        let hotp = Hotp::new(Secret::from_bytes(b"12345678901234567890").expect("160 bits"));
        // Counter 0 gives 1284755224: its six digits, and its last eight.
        assert_eq!(hotp.verify(&Code::parse("755224").expect("a code"), 0, 0), Some(0));
        assert_eq!(hotp.verify(&Code::parse("84755224").expect("a code"), 0, 0), None);
    }

    #[test]
    fn the_last_of_two_equal_codes_is_taken() {
        // Found by search: two neighbours of this key that share a code.
        let hotp = Hotp::new(Secret::from_bytes(b"12345678901234567890").expect("160 bits"));
        let code = hotp.code(910_737);
        assert_eq!(code, hotp.code(910_738));
        assert_eq!(hotp.search(&code, 910_736..=910_739), Some(910_738));
    }

    #[test]
    fn debug_shows_neither_code_nor_secret() {
        let hotp = Hotp::new(Secret::from_bytes(b"12345678901234567890").expect("160 bits"));
        let shown = format!("{:?} {:?}", hotp, hotp.code(0));
        assert!(!shown.contains("755224") && !shown.contains("GEZD") && !shown.contains("49, 50"));
    }
}
