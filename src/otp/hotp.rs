//! HMAC-based one-time passwords, RFC 4226.

use std::fmt;
use std::ops::RangeInclusive;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::code::last_digits;
use super::mac::KeyedMac;
use super::{Algorithm, Code, Digits, Secret};

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
        let same_length = self.digits.get().ct_eq(&code.digits().get());
        for counter in counters {
            let number = last_digits(self.mac.truncated(counter), self.digits);
            let equal = number.ct_eq(&code.number()) & same_length;
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
