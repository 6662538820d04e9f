//! One-time passwords: [`Secret`], [`Hotp`] (RFC 4226), [`Totp`] (RFC 6238) and the
//! [`KeyUri`] an authenticator app scans.
//!
//! A pure leaf: nothing here reads a clock, opens a file or a socket. The only
//! outside thing it touches is the operating system's random number generator, in
//! [`Secret::generate`].

mod base32;
mod code;
mod hotp;
mod mac;
#[cfg(feature = "admin")]
mod migration;
mod recovery;
mod secret;
mod totp;
mod typed;
mod uri;

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "python")]
pub(crate) use base32::lenient_base32;
pub use code::Code;
pub use hotp::Hotp;
#[cfg(feature = "python")]
pub(crate) use mac::KeyedMac;
#[cfg(feature = "admin")]
pub use migration::{KEYS_A_PAYLOAD, Migration};
pub use recovery::RecoveryCode;
pub use secret::Secret;
pub use totp::Totp;
pub use uri::{Factor, KeyUri};

/// Why a one-time password parameter was refused. No message ever holds a secret
/// or a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OtpError {
    /// The secret is not base32, or is shorter than 80 or longer than 1024 bits.
    #[error("invalid secret: {0}")]
    InvalidSecret(&'static str),
    /// RFC 4226 section 5.3 allows 6 to 8 digits.
    #[error("invalid digits: {0} is not 6, 7 or 8")]
    InvalidDigits(u64),
    /// The period, in seconds, is not in `1..=120` (NIST SP 800-63B allows at most
    /// two minutes).
    #[error("invalid period: {0} is not between 1 and 120 seconds")]
    InvalidPeriod(u64),
    /// The hash is none of RFC 6238's three.
    #[error("invalid algorithm: use SHA1, SHA256 or SHA512")]
    InvalidAlgorithm,
    /// The text is not a key URI that an authenticator app would understand.
    #[error("invalid key URI: {0}")]
    InvalidUri(&'static str),
}

/// The hash below HMAC: RFC 6238 section 1.2. SHA-1 is the default, and the one
/// every authenticator app implements; its weakness to collisions does not touch
/// HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Algorithm {
    /// HMAC-SHA-1, RFC 4226's own.
    #[default]
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name key URIs use: `SHA1`, `SHA256` or `SHA512`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = OtpError;

    /// Reads `SHA1`, `SHA256`, `SHA512` in any case, with or without a hyphen.
    fn from_str(text: &str) -> Result<Self, OtpError> {
        if text == Self::default().as_str() {
            return Ok(Self::default());
        }
        [Self::Sha1, Self::Sha256, Self::Sha512]
            .into_iter()
            .find(|algorithm| {
                let plain = text.bytes().filter(|&byte| byte != b'-');
                plain.map(|byte| byte.to_ascii_uppercase()).eq(algorithm.as_str().bytes())
            })
            .ok_or(OtpError::InvalidAlgorithm)
    }
}

/// How many digits a code has: 6, 7 or 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digits(u8);

impl Digits {
    /// # Errors
    /// [`OtpError::InvalidDigits`] for anything but 6, 7 and 8.
    pub fn new(digits: u64) -> Result<Self, OtpError> {
        match u8::try_from(digits) {
            Ok(count @ 6..=8) => Ok(Self(count)),
            _ => Err(OtpError::InvalidDigits(digits)),
        }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Digits {
    fn default() -> Self {
        Self(6)
    }
}

/// How long a code is shown, in seconds: RFC 6238 calls it the time step X.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period(u8);

impl Period {
    /// # Errors
    /// [`OtpError::InvalidPeriod`] outside `1..=120`.
    pub fn new(seconds: u64) -> Result<Self, OtpError> {
        match u8::try_from(seconds) {
            Ok(period @ 1..=120) => Ok(Self(period)),
            _ => Err(OtpError::InvalidPeriod(seconds)),
        }
    }

    /// The length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 as u64
    }
}

impl Default for Period {
    fn default() -> Self {
        Self(30)
    }
}
