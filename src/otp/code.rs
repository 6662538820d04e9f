//! A one-time password, as counters and clocks make them.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

use super::{Digits, typed};

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
    pub(super) fn from_number(number: u32, digits: Digits) -> Self {
        let number = last_digits(number, digits);
        let (mut bytes, mut left) = ([0; 8], number);
        for byte in bytes[..usize::from(digits.get())].iter_mut().rev() {
            *byte = b'0' + (left % 10) as u8;
            left /= 10;
        }
        Self { bytes, digits, number }
    }

    pub(super) const fn digits(&self) -> Digits {
        self.digits
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
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
pub(super) const fn last_digits(number: u32, digits: Digits) -> u32 {
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
}
