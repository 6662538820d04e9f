//! HMAC-based one-time passwords, RFC 4226, and the code type both factors share.

use std::fmt;
use std::ops::RangeInclusive;

use hmac::{Hmac, KeyInit, Mac};
use sha1::block_api::compress;
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::{Algorithm, Digits, Secret, typed};

/// A one-time password: 6 to 8 ASCII digits.
///
/// `Debug` does not show it, comparison takes constant time.
#[derive(Clone, Copy)]
pub struct Code {
    /// ASCII digits, then zeros.
    bytes: [u8; 8],
    digits: Digits,
    /// The same as a number.
    number: u32,
}

impl Code {
    /// Reads what a person typed or pasted: 6 to 8 decimal digits, of any script. White
    /// space, dashes and characters that show nothing are dropped. `None` for anything else.
    ///
    /// ```
    /// use lambdatotp::otp::Code;
    /// assert_eq!(Code::parse("123 456").expect("a code").as_str(), "123456");
    /// assert_eq!(Code::parse("\u{feff}123\u{2013}456\n").expect("a code").as_str(), "123456");
    /// assert!(Code::parse("+123456").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 8];
        let (mut count, mut number) = (0, 0);
        for byte in text.bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
            if !byte.is_ascii_digit() {
                return Self::parse_translated(text);
            }
            *bytes.get_mut(count)? = byte;
            number = 10 * number + u32::from(byte - b'0');
            count += 1;
        }
        let digits = Digits::new(count as u64).ok()?;
        Some(Self { bytes, digits, number })
    }

    /// The same for a text that is not plain ASCII: apart, so that the usual one stays short.
    #[cold]
    fn parse_translated(text: &str) -> Option<Self> {
        let mut bytes = [0; 8];
        let mut count = 0;
        for byte in typed::ascii(text) {
            *bytes.get_mut(count)? = byte.filter(u8::is_ascii_digit)?;
            count += 1;
        }
        std::str::from_utf8(&bytes[..count]).ok().and_then(Self::parse)
    }

    /// The last `digits` decimal digits of `number`, padded with zeros on the left.
    fn from_number(number: u32, digits: Digits) -> Self {
        let number = last_digits(number, digits);
        let (mut bytes, mut left) = ([0; 8], number);
        for byte in bytes[..usize::from(digits.get())].iter_mut().rev() {
            *byte = b'0' + (left % 10) as u8;
            left /= 10;
        }
        Self { bytes, digits, number }
    }

    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII digits ever get in.
        std::str::from_utf8(&self.bytes[..usize::from(self.digits.get())]).unwrap_or_default()
    }
}

/// The last decimal digits of a number. By constants, since a division by a variable may
/// take longer for some numbers than for others.
const fn last_digits(number: u32, digits: Digits) -> u32 {
    match digits.get() {
        6 => number % 1_000_000,
        7 => number % 10_000_000,
        _ => number % 100_000_000,
    }
}

impl ConstantTimeEq for Code {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.number.ct_eq(&other.number) & self.digits.get().ct_eq(&other.digits.get())
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

/// HMAC-SHA-1 of a counter, with the key already mixed in. Zeroed on drop.
///
/// The general HMAC pads and buffers texts of every length, and wipes those buffers; a
/// counter always fills one block, so this is the two compressions and little else.
#[derive(Clone)]
pub(crate) struct Sha1Mac {
    inner: Zeroizing<[u32; 5]>,
    outer: Zeroizing<[u32; 5]>,
}

impl Sha1Mac {
    const BLOCK: usize = 64;
    /// FIPS 180-4, section 5.3.1.
    const START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

    /// RFC 2104: a key longer than a block is hashed first.
    fn new(key: &[u8]) -> Self {
        let mut block = [0; Self::BLOCK];
        let length = if key.len() > Self::BLOCK {
            let hashed = Zeroizing::new(<[u8; 20]>::from(Sha1::digest(key)));
            block[..20].copy_from_slice(&*hashed);
            20
        } else {
            block[..key.len()].copy_from_slice(key);
            key.len()
        };
        let mut keyed = |pad: u8| {
            let mut state = Zeroizing::new(Self::START);
            for byte in &mut block {
                *byte ^= pad;
            }
            compress(&mut state, std::slice::from_ref(&block));
            state
        };
        let (inner, outer) = (keyed(0x36), keyed(0x36 ^ 0x5c));
        // The rest of the block never held any of the key.
        block[..length].zeroize();
        Self { inner, outer }
    }

    /// What is hashed after the key's block, at most 55 bytes, padded as SHA-1 does it.
    fn finish<const N: usize>(state: &mut [u32; 5], text: [u8; N]) {
        let mut block = [0; Self::BLOCK];
        block[..N].copy_from_slice(&text);
        block[N] = 0x80;
        let bits = 8 * (Self::BLOCK + N) as u64;
        block[Self::BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
        compress(state, &[block]);
    }

    fn bytes(state: &[u32; 5]) -> [u8; 20] {
        let mut bytes = [0; 20];
        for (four, word) in bytes.chunks_exact_mut(4).zip(state) {
            four.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    fn mac(&self, counter: u64) -> [u8; 20] {
        let mut inner = self.inner.clone();
        Self::finish(&mut inner, counter.to_be_bytes());
        let mut outer = self.outer.clone();
        Self::finish(&mut outer, Self::bytes(&inner));
        Self::bytes(&outer)
    }
}

/// HMAC with the key already mixed in. Zeroed on drop.
#[derive(Clone)]
pub(crate) enum KeyedMac {
    Sha1(Sha1Mac),
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
            Algorithm::Sha1 => Self::Sha1(Sha1Mac::new(key)),
            Algorithm::Sha256 => Self::Sha256(keyed(key)),
            Algorithm::Sha512 => Self::Sha512(Box::new(keyed(key))),
        }
    }

    /// RFC 4226 section 5.3: HMAC of the counter, dynamically truncated to 31 bits.
    pub(crate) fn truncated(&self, counter: u64) -> u32 {
        fn mac<M: Mac + Clone>(keyed: &M, counter: u64) -> u32 {
            let mut mac = keyed.clone();
            mac.update(&counter.to_be_bytes());
            word(&mac.finalize().into_bytes())
        }
        fn word(digest: &[u8]) -> u32 {
            let offset = usize::from(digest[digest.len() - 1] & 0xf);
            let word = [digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]];
            u32::from_be_bytes(word) & 0x7fff_ffff
        }
        match self {
            Self::Sha1(keyed) => word(&keyed.mac(counter)),
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
        let same_length = self.digits.get().ct_eq(&code.digits.get());
        for counter in counters {
            let number = last_digits(self.mac.truncated(counter), self.digits);
            let equal = number.ct_eq(&code.number) & same_length;
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
            ("123456\0", None),
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
    fn our_hmac_is_the_general_one() {
        let counters = [0, 1, 58_799_588, u64::from(u32::MAX), u64::MAX];
        for length in 0..=130_u8 {
            let key: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37) ^ length).collect();
            let ours = Sha1Mac::new(&key);
            let general = <Hmac<Sha1> as KeyInit>::new_from_slice(&key).expect("any length");
            for counter in counters {
                let expected = general.clone().chain_update(counter.to_be_bytes()).finalize();
                assert_eq!(ours.mac(counter)[..], expected.into_bytes()[..], "{length} bytes");
            }
        }
    }

    #[test]
    fn debug_shows_neither_code_nor_secret() {
        let hotp = Hotp::new(Secret::from_bytes(b"12345678901234567890").expect("160 bits"));
        let shown = format!("{:?} {:?}", hotp, hotp.code(0));
        assert!(!shown.contains("755224") && !shown.contains("GEZD") && !shown.contains("49, 50"));
    }
}
