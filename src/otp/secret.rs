//! The shared key.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{OtpError, base32};
use crate::random::{self, RandomError};

/// The shortest key accepted, in bytes: PyOTP made 80-bit keys until 2019, and
/// their owners still log in.
const MIN_BYTES: usize = 10;
/// The longest, in bytes: one SHA-512 block; HMAC hashes longer keys down anyway.
const MAX_BYTES: usize = 128;
/// RFC 4226 section 4, requirement R6: 160 bits recommended.
const GENERATED_BYTES: usize = 20;

/// The key that an authenticator app and the verifier share.
///
/// Between 80 and 1024 bits; [`generate`](Self::generate) makes 160. Its memory is
/// zeroed on drop, its `Debug` shows nothing, and comparison takes constant time.
///
/// ```
/// use lambdatotp::otp::Secret;
/// let secret: Secret = "JBSW Y3DP EHPK 3PXP".parse()?;
/// assert_eq!(*secret.to_base32(), "JBSWY3DPEHPK3PXP");
/// assert_eq!(format!("{secret:?}"), "Secret(80 bits)");
/// # Ok::<(), lambdatotp::otp::OtpError>(())
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A new secret: 160 bits straight from the operating system.
    ///
    /// # Errors
    /// [`RandomError`] when the operating system has no randomness.
    pub fn generate() -> Result<Self, RandomError> {
        let bytes = Zeroizing::new(random::bytes::<GENERATED_BYTES>()?);
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    /// Takes raw key bytes, 10 to 128 of them.
    ///
    /// # Errors
    /// [`OtpError::InvalidSecret`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OtpError> {
        Self::owning(Zeroizing::new(bytes.to_vec()))
    }

    fn owning(bytes: Zeroizing<Vec<u8>>) -> Result<Self, OtpError> {
        match bytes.len() {
            0 => Err(OtpError::InvalidSecret("it is empty")),
            1..MIN_BYTES => Err(OtpError::InvalidSecret("it is shorter than 80 bits")),
            MIN_BYTES..=MAX_BYTES => Ok(Self(bytes)),
            _ => Err(OtpError::InvalidSecret("it is longer than 1024 bits")),
        }
    }

    /// The key itself, for HMAC.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// RFC 4648 base32 in capitals, without padding: the form to type by hand.
    #[must_use]
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.0))
    }

    /// The key's length in bits.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.0.len() * 8
    }
}

impl std::str::FromStr for Secret {
    type Err = OtpError;

    /// Reads base32 in any case; spaces, hyphens and trailing `=` are ignored.
    fn from_str(text: &str) -> Result<Self, OtpError> {
        let text = text.trim_end_matches(['=', ' ']);
        // Longer than any key, spaces and hyphens included: refuse before decoding.
        if text.len() > MAX_BYTES * 4 {
            return Err(OtpError::InvalidSecret("it is longer than 1024 bits"));
        }
        let text = text.as_bytes();
        match base32::decode(text) {
            Some(bytes) => Self::owning(bytes),
            None => Err(OtpError::InvalidSecret(base32::fault(text))),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bits)", self.bits())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn debug_and_errors_show_no_key_material() {
        let secret: Secret = "JBSWY3DPEHPK3PXP".parse().expect("80 bits");
        assert_eq!(format!("{secret:?}"), "Secret(80 bits)");
        let error = "JBSWY3DPEHPK3PX!".parse::<Secret>().expect_err("not base32");
        assert!(!error.to_string().contains("JBSW"));
    }

    #[test]
    fn generated_secrets_have_160_bits_and_differ() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            let secret = Secret::generate().expect("randomness");
            assert_eq!(secret.bits(), 160);
            assert!(seen.insert(secret.to_base32().to_string()));
        }
    }

    #[test]
    fn lengths_outside_80_to_1024_bits_are_refused() {
        for (bytes, accepted) in [(0, false), (9, false), (10, true), (128, true), (129, false)] {
            assert_eq!(Secret::from_bytes(&vec![7; bytes]).is_ok(), accepted, "{bytes} bytes");
        }
        assert!("A".repeat(100_000).parse::<Secret>().is_err());
    }

    #[test]
    fn reads_base32_as_people_write_it() {
        let expected = Secret::from_bytes(b"12345678901").expect("88 bits");
        for text in [
            "GEZDGNBVGY3TQOJQGE",
            "gezd gnbv-gy3t qojq ge",
            "GEZDGNBVGY3TQOJQGE======",
            "gezdgnbvgy3tqojqgf",
        ] {
            assert_eq!(text.parse::<Secret>().expect(text), expected);
        }
        for text in
            ["", "GEZDGNBVGY3TQOJ1", "GEZDGNBVGY3TQOJQG", "GEZDGNBVGY3TQOJQ=GE", "ÄEZDGNBVGY3TQOJQ"]
        {
            assert!(text.parse::<Secret>().is_err(), "{text}");
        }
        for (text, fault) in [
            ("GEZDGNBVGY3TQOJ1", "letters A to Z"),
            ("GEZDGNBVGY3TQOJQ=GE", "padding"),
            ("GEZDGNBVGY3TQOJQG", "length"),
            ("GEZDGNBVGY3TQOJQGEZ", "length"),
        ] {
            let error = text.parse::<Secret>().expect_err(text).to_string();
            assert!(error.contains(fault) && error.contains("not base32"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn base32_round_trips(bytes in prop::collection::vec(any::<u8>(), MIN_BYTES..=MAX_BYTES)) {
            let secret = Secret::from_bytes(&bytes).expect("a valid length");
            prop_assert_eq!(&secret.to_base32().parse::<Secret>().expect("own base32"), &secret);
        }
    }
}
