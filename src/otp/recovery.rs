//! Recovery codes: each lets a user log in once without their authenticator.

use std::fmt;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::typed;
use crate::random::{self, RandomError};

/// 80 bits, so 16 characters of base32.
const BYTES: usize = 10;
const CHARACTERS: usize = 16;
/// What is kept of the hash: as much as guessing the code takes, and more.
const HASH_BYTES: usize = 16;

/// A code of 80 random bits, to be written down: `ABCD-EFGH-IJKL-MNOP`.
///
/// Only its hash is stored. At 80 bits no salt and no slow hash is needed to keep it
/// from being guessed, although NIST SP 800-63B-4 section 3.1.2.2 asks for both below 112
/// bits. The user id is in the hash, so that one search is good for one user.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(Zeroizing<[u8; BYTES]>);

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

impl RecoveryCode {
    /// A new one, straight from the operating system.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn generate() -> Result<Self, RandomError> {
        Ok(Self(Zeroizing::new(random::bytes()?)))
    }

    /// Reads what a user typed or pasted: 16 letters and digits of base32, in any case, also
    /// full-width ones. White space, dashes and characters that show nothing are dropped.
    /// `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut typed = Zeroizing::new([0; CHARACTERS]);
        let mut count = 0;
        for byte in typed::ascii(text) {
            *typed.get_mut(count)? = byte?.to_ascii_uppercase();
            count += 1;
        }
        let bytes = Zeroizing::new(BASE32_NOPAD.decode(&typed[..count]).ok()?);
        bytes.as_slice().try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The form to write down, in groups of four.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let text = Zeroizing::new(BASE32_NOPAD.encode(self.0.as_slice()));
        let mut grouped = Zeroizing::new(String::with_capacity(CHARACTERS + 3));
        for (number, character) in text.chars().enumerate() {
            if number > 0 && number % 4 == 0 {
                grouped.push('-');
            }
            grouped.push(character);
        }
        grouped
    }

    /// Its 80 bits.
    #[cfg(feature = "dynamodb")]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// What is stored of it for this user, if there is no key to hash it with.
    #[must_use]
    pub fn hash(&self, user: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(b"lambdatotp recovery code 1\0");
        hash.update((user.len() as u64).to_be_bytes());
        hash.update(user);
        hash.update(self.0.as_slice());
        BASE64URL_NOPAD.encode(&hash.finalize()[..HASH_BYTES])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read_back() {
        let code = RecoveryCode::generate().expect("randomness");
        let text = code.to_text();
        assert_eq!(text.len(), 19);
        let spaced = text.replace('-', " ");
        for typed in [text.as_str(), &text.to_lowercase(), &spaced, &text.replace('-', "")] {
            assert_eq!(RecoveryCode::parse(typed).as_ref(), Some(&code));
        }
        assert_eq!(format!("{code:?}"), "RecoveryCode(..)");
    }

    #[test]
    fn other_forms_are_no_code() {
        for text in [
            "",
            "123456",
            "ABCD-EFGH-IJKL-MNO",
            "ABCD-EFGH-IJKL-MNOPQ",
            "ABCD-EFGH-IJKL-MNO1",
            "ABCD_EFGH_IJKL_MNOP",
            "ABCD-EFGH-IJKL-MNO\0",
        ] {
            assert_eq!(RecoveryCode::parse(text), None, "{text:?}");
        }
        assert_eq!(RecoveryCode::parse(&"-".repeat(1 << 20)), None);
    }

    #[test]
    fn a_hash_is_for_one_user() {
        let code = RecoveryCode::parse("AAAA-AAAA-AAAA-AAAA").expect("the form of one");
        assert_eq!(code.hash("ana"), code.hash("ana"));
        assert_ne!(code.hash("ana"), code.hash("bob"));
        assert_eq!(code.hash("ana").len(), 22);
    }
}
