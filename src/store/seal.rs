//! Secrets at rest: AES-256-GCM (NIST SP 800-38D) under a ring of named keys.
//!
//! A sealed secret opens for its own user and enrollment only: both are authenticated
//! with it. So whoever can write to the table still cannot give one user another's
//! secret, nor bring back an earlier one.

use std::fmt;
use std::sync::Arc;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::StoreError;
use crate::otp::Secret;
use crate::random::{self, RandomError};

/// 256 bits.
const KEY_BYTES: usize = 32;
/// Says what is sealed, and how: authenticated with it.
const CONTEXT: &[u8] = b"lambdatotp sealed secret 1";

/// The keys that open secrets; the first also seals. Empty: secrets stay as they are.
///
/// `Debug` shows the keys' names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyRing(Arc<[Key]>);

#[derive(PartialEq, Eq)]
struct Key {
    id: String,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

/// A sealed secret, and the name of the key that did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) by: String,
    /// Nonce, ciphertext, tag.
    pub(super) bytes: Vec<u8>,
}

/// Whose secret it is.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) user: &'a str,
    pub(super) enrollment_id: &'a str,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing")?;
        f.debug_list().entries(self.ids()).finish()
    }
}

impl KeyRing {
    /// Reads `name:key, name:key`, keys of 32 bytes in base64, or `file:` and the path
    /// of a file that says so.
    ///
    /// # Errors
    /// What is wrong, without any of it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let read;
        let mut text = text.trim();
        if let Some(path) = text.strip_prefix("file:") {
            read = Zeroizing::new(
                std::fs::read_to_string(path).map_err(|_| "the file cannot be read")?,
            );
            text = read.as_str();
        }
        let mut keys: Vec<Key> = Vec::new();
        for entry in text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty()) {
            let (id, key) = entry.split_once(':').ok_or("each key is name:base64")?;
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            if !(1..=32).contains(&id.len()) || !id.bytes().all(legal) {
                return Err("a key's name has 1 to 32 letters, digits, '_' and '-'");
            }
            if keys.iter().any(|key| key.id == id) {
                return Err("two keys have one name");
            }
            let bytes = decode(key.trim()).ok_or("a key is 32 bytes in base64")?;
            keys.push(Key { id: id.to_owned(), bytes });
        }
        if keys.is_empty() {
            return Err("it holds no key");
        }
        Ok(Self(keys.into()))
    }

    /// A new key as [`parse`](Self::parse) reads it: 256 bits from the operating system.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn new_key(id: &str) -> Result<Zeroizing<String>, RandomError> {
        let bytes = Zeroizing::new(random::bytes::<KEY_BYTES>()?);
        Ok(Zeroizing::new(format!("{id}:{}", BASE64.encode(bytes.as_slice()))))
    }

    /// The names of the keys, the sealing one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Seals under the first key; `None` where there is none.
    pub(super) fn seal(
        &self,
        owner: Owner<'_>,
        secret: &Secret,
    ) -> Result<Option<Sealed>, StoreError> {
        let Some(key) = self.0.first() else { return Ok(None) };
        let nonce = random::bytes::<NONCE_LEN>()?;
        let mut text = Zeroizing::new(secret.as_bytes().to_vec());
        let aad = Aad::from(key.context(owner));
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        let tag = key
            .cipher()
            .seal_in_place_separate_tag(nonce_used, aad, &mut text)
            .map_err(|_| StoreError::Configuration("a secret could not be sealed".to_owned()))?;
        let bytes = [nonce.as_slice(), text.as_slice(), tag.as_ref()].concat();
        Ok(Some(Sealed { by: key.id.clone(), bytes }))
    }

    /// Opens what one of the keys has sealed.
    pub(super) fn open(&self, owner: Owner<'_>, sealed: &Sealed) -> Result<Secret, StoreError> {
        let Some(key) = self.0.iter().find(|key| key.id == sealed.by) else {
            return Err(missing(owner.user, &sealed.by));
        };
        let refused = || {
            StoreError::Configuration(format!(
                "key {:?} does not open the secret of user {:?}: LAMBDATOTP_KEYS has another key \
                 under that name, or the item was changed",
                sealed.by, owner.user
            ))
        };
        let (nonce, text) = sealed.bytes.split_at_checked(NONCE_LEN).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut text = Zeroizing::new(text.to_vec());
        let aad = Aad::from(key.context(owner));
        let opened = key.cipher().open_in_place(nonce, aad, &mut text).map_err(|_| refused())?;
        Secret::from_bytes(opened).map_err(|_| refused())
    }
}

/// No verdict can be given, and no attempt is charged.
pub(super) fn missing(user: &str, id: &str) -> StoreError {
    StoreError::Configuration(format!(
        "the secret of user {user:?} is sealed by key {id:?}, which LAMBDATOTP_KEYS does not hold"
    ))
}

impl Key {
    fn cipher(&self) -> LessSafeKey {
        match UnboundKey::new(&AES_256_GCM, self.bytes.as_slice()) {
            Ok(key) => LessSafeKey::new(key),
            Err(_) => unreachable!("AES-256 takes 32 bytes"),
        }
    }

    /// What is authenticated with the secret, each part with its length before it.
    fn context(&self, owner: Owner<'_>) -> Vec<u8> {
        let parts = [self.id.as_str(), owner.user, owner.enrollment_id];
        let mut context = CONTEXT.to_vec();
        for part in parts {
            context.extend_from_slice(&(part.len() as u64).to_be_bytes());
            context.extend_from_slice(part.as_bytes());
        }
        context
    }
}

fn decode(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let encodings = [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD];
    let mut decoded = encodings.iter().filter_map(|encoding| encoding.decode(text.as_bytes()).ok());
    let bytes = Zeroizing::new(decoded.next()?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: Owner<'_> = Owner { user: "ana", enrollment_id: "first" };

    fn ring(ids: &[&str]) -> KeyRing {
        let text: Vec<_> =
            ids.iter().map(|id| format!("{id}:{}", BASE64.encode(&[7; 32]))).collect();
        KeyRing::parse(&text.join(",")).expect("a ring")
    }

    #[test]
    fn it_opens_for_its_owner_alone() {
        let (keys, secret) = (ring(&["k1"]), Secret::generate().expect("randomness"));
        let sealed = keys.seal(ANA, &secret).expect("sealed").expect("by a key");
        assert_eq!(sealed.bytes.len(), NONCE_LEN + 20 + 16);
        assert_eq!(keys.open(ANA, &sealed), Ok(secret));
        for other in [
            Owner { user: "bob", ..ANA },
            Owner { enrollment_id: "second", ..ANA },
            // The same bytes in a row, divided elsewhere.
            Owner { user: "anaf", enrollment_id: "irst" },
        ] {
            keys.open(other, &sealed).expect_err("another owner");
        }
        for place in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[place] ^= 1;
            keys.open(ANA, &changed).expect_err("a changed byte");
            changed.bytes.truncate(place);
            keys.open(ANA, &changed).expect_err("a missing end");
        }
    }

    #[test]
    fn the_first_seals_and_all_open() {
        let secret = Secret::generate().expect("randomness");
        let old = ring(&["k1"]).seal(ANA, &secret).expect("sealed").expect("by k1");
        let keys = ring(&["k2", "k1"]);
        assert_eq!(keys.open(ANA, &old), Ok(secret.clone()));
        let new = keys.seal(ANA, &secret).expect("sealed").expect("by k2");
        assert_eq!(new.by, "k2");
        assert_ne!(new.bytes, keys.seal(ANA, &secret).expect("sealed").expect("again").bytes);
        // The same key under another name is another key.
        let renamed = Sealed { by: "k1".to_owned(), ..new };
        keys.open(ANA, &renamed).expect_err("sealed as k2");
        let error = ring(&["k3"]).open(ANA, &old).expect_err("no k1").to_string();
        assert!(error.contains("\"k1\"") && error.contains("\"ana\""), "{error}");
        assert_eq!(KeyRing::default().seal(ANA, &secret), Ok(None));
    }

    #[test]
    fn rings_are_read_strictly_and_shown_by_name() {
        let key = BASE64.encode(&[7; 32]);
        let fine = format!(" k1:{key} ,\n k-2:{} ", BASE64URL_NOPAD.encode(&[8; 32]));
        let keys = KeyRing::parse(&fine).expect("two keys");
        assert_eq!(format!("{keys:?}"), r#"KeyRing["k1", "k-2"]"#);
        for bad in [
            "",
            ",",
            "k1",
            "k1:",
            "k1:c2hvcnQ=",
            "file:/nowhere/at/all",
            &key,
            &format!(":{key}"),
            &format!("k 1:{key}"),
            &format!("k1:{key},k1:{key}"),
            &format!("k1:{key}=="),
        ] {
            let error = KeyRing::parse(bad).expect_err(bad);
            assert!(!error.contains(&key), "{error}");
        }
        let made = KeyRing::new_key("fresh").expect("randomness");
        assert_eq!(KeyRing::parse(&made).expect("own key").ids().collect::<Vec<_>>(), ["fresh"]);
    }
}
