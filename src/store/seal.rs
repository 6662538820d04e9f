//! Secrets at rest: AES-256-GCM (NIST SP 800-38D) under a ring of named keys.
//!
//! A sealed secret opens for its own user and enrollment only, with its own parameters: all
//! are authenticated with it. Anyone who can write to the table still cannot give one user
//! another's secret, nor make a code of it shorter or last longer. They can put a whole
//! earlier item back: SECURITY.md.
//!
//! The codes that users write down are stored as HMACs under a key derived from the first.

use std::fmt;
use std::sync::Arc;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hmac;
use zeroize::Zeroizing;

use super::StoreError;
use crate::otp::{Algorithm, Digits, Period, RecoveryCode, Secret, Totp};
use crate::random::{self, RandomError};

/// 256 bits.
const KEY_BYTES: usize = 32;
/// Says what is sealed, and how: authenticated with it.
const CONTEXT: &[u8] = b"lambdatotp sealed secret 2";
const FIRST_CONTEXT: &[u8] = b"lambdatotp sealed secret 1";
/// Of a pending secret: nobody who can write to the table makes it the secret by moving it.
const PENDING_CONTEXT: &[u8] = b"lambdatotp pending secret 1";
/// What keys of recovery codes are derived by.
const RECOVERY_CONTEXT: &[u8] = b"lambdatotp recovery codes 1";
/// What a version knows that cannot open the second form: that it lacks the key. So it
/// charges nobody an attempt.
const SECOND_FORM: &str = "/2";

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

/// What is authenticated with a sealed secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// The key's name, the user and the enrollment.
    First,
    /// These, and the parameters of its codes.
    Second,
}

impl Form {
    /// What `sealed_by` says: the key's name, and the form.
    pub(super) fn read(written_by: &str) -> (&str, Self) {
        match written_by.strip_suffix(SECOND_FORM) {
            Some(by) => (by, Self::Second),
            None => (written_by, Self::First),
        }
    }
}

/// A sealed secret, and the name of the key that did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) by: String,
    pub(super) form: Form,
    /// Nonce, ciphertext, tag.
    pub(super) bytes: Vec<u8>,
}

impl Sealed {
    /// What `sealed_by` says.
    pub(super) fn written_by(&self) -> String {
        match self.form {
            Form::First => self.by.clone(),
            Form::Second => format!("{}{SECOND_FORM}", self.by),
        }
    }
}

/// Whose secret it is, and how codes are made of it.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) user: &'a str,
    pub(super) enrollment_id: &'a str,
    pub(super) algorithm: Algorithm,
    pub(super) digits: Digits,
    pub(super) period: Period,
    /// Whether it is the pending secret of a rotation.
    pub(super) pending: bool,
}

impl<'a> Owner<'a> {
    pub(super) fn of(user: &'a str, enrollment_id: &'a str, totp: &Totp) -> Self {
        Self {
            user,
            enrollment_id,
            algorithm: totp.algorithm(),
            digits: totp.digits(),
            period: totp.period(),
            pending: false,
        }
    }

    /// The same, of a secret that is pending.
    pub(super) const fn pending(self) -> Self {
        Self { pending: true, ..self }
    }
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
                return Err("two keys have the same name");
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

    /// What `sealed_by` says of the secrets that these keys open.
    pub(super) fn written_by(&self) -> impl Iterator<Item = String> {
        self.ids().flat_map(|id| [format!("{id}{SECOND_FORM}"), id.to_owned()])
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What to store of a recovery code: under the first key, where there is one.
    pub(crate) fn recovery_hash(&self, user: &str, code: &RecoveryCode) -> String {
        self.0.first().map_or_else(|| code.hash(user), |key| key.recovery_hash(user, code))
    }

    /// All that may be stored of a recovery code, whenever it was made.
    pub(super) fn recovery_hashes(&self, user: &str, code: &RecoveryCode) -> Vec<String> {
        let keyed = self.0.iter().map(|key| key.recovery_hash(user, code));
        keyed.chain([code.hash(user)]).collect()
    }

    /// Whether a stored hash is of a key that we do not hold.
    pub(super) fn lacks(&self, hash: &str) -> bool {
        hash.split_once(KEYED).is_some_and(|(tag, _)| self.0.iter().all(|key| key.tag() != tag))
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
        let aad = Aad::from(key.context(owner, Form::Second));
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        let tag = key
            .cipher()
            .seal_in_place_separate_tag(nonce_used, aad, &mut text)
            .map_err(|_| StoreError::Configuration("a secret could not be sealed".to_owned()))?;
        let bytes = [nonce.as_slice(), text.as_slice(), tag.as_ref()].concat();
        Ok(Some(Sealed { by: key.id.clone(), form: Form::Second, bytes }))
    }

    /// Opens what one of the keys has sealed.
    pub(super) fn open(&self, owner: Owner<'_>, sealed: &Sealed) -> Result<Secret, StoreError> {
        let Some(key) = self.0.iter().find(|key| key.id == sealed.by) else {
            return Err(missing(owner.user, &sealed.by));
        };
        let refused = || {
            StoreError::Configuration(format!(
                "key {:?} cannot decrypt the secret of user {:?}: LAMBDATOTP_KEYS has a \
                 different key under that name, or the item was changed",
                sealed.by, owner.user
            ))
        };
        let (nonce, text) = sealed.bytes.split_at_checked(NONCE_LEN).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut text = Zeroizing::new(text.to_vec());
        let aad = Aad::from(key.context(owner, sealed.form));
        let opened = key.cipher().open_in_place(nonce, aad, &mut text).map_err(|_| refused())?;
        Secret::from_bytes(opened).map_err(|_| refused())
    }
}

/// Between a key's tag and a hash: neither has it.
const KEYED: char = '.';
/// As much as guessing a recovery code takes, and more.
const HASH_BYTES: usize = 16;

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
    fn context(&self, owner: Owner<'_>, form: Form) -> Vec<u8> {
        let (digits, period) = (owner.digits.get().to_string(), owner.period.seconds().to_string());
        let parts = [
            self.id.as_str(),
            owner.user,
            owner.enrollment_id,
            owner.algorithm.as_str(),
            &digits,
            &period,
        ];
        let (context, parts) = match form {
            _ if owner.pending => (PENDING_CONTEXT, &parts[..]),
            Form::First => (FIRST_CONTEXT, &parts[..3]),
            Form::Second => (CONTEXT, &parts[..]),
        };
        let mut context = context.to_vec();
        for part in parts {
            context.extend_from_slice(&(part.len() as u64).to_be_bytes());
            context.extend_from_slice(part.as_bytes());
        }
        context
    }

    /// Stands for the key's name before a hash, where it has little room.
    fn tag(&self) -> String {
        let hash = digest(&SHA256, self.id.as_bytes());
        BASE64URL_NOPAD.encode(&hash.as_ref()[..3])
    }

    /// What is stored of a recovery code: the key's tag, and an HMAC of the code and its user
    /// under a key derived from this one.
    fn recovery_hash(&self, user: &str, code: &RecoveryCode) -> String {
        let master = hmac::Key::new(hmac::HMAC_SHA256, self.bytes.as_slice());
        let derived = hmac::sign(&master, RECOVERY_CONTEXT);
        let mut hash =
            hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()));
        hash.update(&(user.len() as u64).to_be_bytes());
        hash.update(user.as_bytes());
        hash.update(code.as_bytes());
        let hash = BASE64URL_NOPAD.encode(&hash.sign().as_ref()[..HASH_BYTES]);
        format!("{}{KEYED}{hash}", self.tag())
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

    fn ana() -> Owner<'static> {
        Owner {
            user: "ana",
            enrollment_id: "first",
            algorithm: Algorithm::Sha1,
            digits: Digits::default(),
            period: Period::default(),
            pending: false,
        }
    }

    fn ring(ids: &[&str]) -> KeyRing {
        let text: Vec<_> =
            ids.iter().map(|id| format!("{id}:{}", BASE64.encode(&[7; 32]))).collect();
        KeyRing::parse(&text.join(",")).expect("a ring")
    }

    #[test]
    fn it_opens_for_its_owner_alone() {
        let (keys, secret) = (ring(&["k1"]), Secret::generate().expect("randomness"));
        let sealed = keys.seal(ana(), &secret).expect("sealed").expect("by a key");
        assert_eq!(sealed.bytes.len(), NONCE_LEN + 20 + 16);
        assert_eq!(keys.open(ana(), &sealed), Ok(secret.clone()));
        for other in [
            Owner { user: "bob", ..ana() },
            Owner { enrollment_id: "second", ..ana() },
            Owner { algorithm: Algorithm::Sha256, ..ana() },
            Owner { digits: Digits::new(8).expect("8"), ..ana() },
            Owner { period: Period::new(60).expect("60"), ..ana() },
            ana().pending(),
            // The same bytes in a row, divided elsewhere.
            Owner { user: "anaf", enrollment_id: "irst", ..ana() },
        ] {
            keys.open(other, &sealed).expect_err("another owner");
        }
        let pending = keys.seal(ana().pending(), &secret).expect("sealed").expect("by a key");
        keys.open(ana(), &pending).expect_err("a pending secret is not the secret");
        assert_eq!(keys.open(ana().pending(), &pending), Ok(secret));
        for place in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[place] ^= 1;
            keys.open(ana(), &changed).expect_err("a changed byte");
            changed.bytes.truncate(place);
            keys.open(ana(), &changed).expect_err("a missing end");
        }
    }

    #[test]
    fn the_first_form_opens_as_before() {
        let keys = ring(&["k1"]);
        // Written by version 0.1: the key's bytes are all 7, the nonce's all 1.
        let key = &keys.0[0];
        let mut text = b"twenty bytes, secret".to_vec();
        let aad = Aad::from(key.context(ana(), Form::First));
        let nonce = Nonce::assume_unique_for_key([1; NONCE_LEN]);
        let tag = key.cipher().seal_in_place_separate_tag(nonce, aad, &mut text).expect("sealed");
        let bytes = [[1; NONCE_LEN].as_slice(), &text, tag.as_ref()].concat();
        let first = Sealed { by: "k1".to_owned(), form: Form::First, bytes };
        let opened = keys.open(ana(), &first).expect("opened");
        assert_eq!(opened.as_bytes(), b"twenty bytes, secret");
        // Its parameters were never authenticated; it cannot pass for one whose are.
        keys.open(Owner { period: Period::new(60).expect("60"), ..ana() }, &first).expect("opened");
        keys.open(ana(), &Sealed { form: Form::Second, ..first.clone() })
            .expect_err("the other form");
        assert_eq!(Form::read(&first.written_by()), ("k1", Form::First));
        let second = keys.seal(ana(), &opened).expect("sealed").expect("by k1");
        assert_eq!(Form::read(&second.written_by()), ("k1", Form::Second));
        keys.open(ana(), &Sealed { form: Form::First, ..second }).expect_err("the other form");
    }

    #[test]
    fn recovery_codes_are_hashed_under_the_first_key() {
        let code = RecoveryCode::parse("AAAA-AAAA-AAAA-AAAA").expect("the form of one");
        let (old, both) = (ring(&["k1"]), ring(&["k2", "k1"]));
        let (plain, keyed) = (code.hash("ana"), old.recovery_hash("ana", &code));
        assert_eq!(KeyRing::default().recovery_hash("ana", &code), plain);
        assert_eq!((keyed.find(KEYED), keyed.len()), (Some(4), 5 + 22), "{keyed}");
        assert!(!keyed.contains(&plain));
        assert_ne!(old.recovery_hash("bob", &code), keyed);
        assert_ne!(both.recovery_hash("ana", &code), keyed);
        // Those of before keep working.
        let all = both.recovery_hashes("ana", &code);
        assert!(all.contains(&plain) && all.contains(&keyed) && all.len() == 3);
        assert!(ring(&["k2"]).lacks(&keyed));
        assert!(!both.lacks(&keyed) && !both.lacks(&plain));
    }

    #[test]
    fn the_first_seals_and_all_open() {
        let secret = Secret::generate().expect("randomness");
        let old = ring(&["k1"]).seal(ana(), &secret).expect("sealed").expect("by k1");
        let keys = ring(&["k2", "k1"]);
        assert_eq!(keys.open(ana(), &old), Ok(secret.clone()));
        let new = keys.seal(ana(), &secret).expect("sealed").expect("by k2");
        assert_eq!(new.by, "k2");
        assert_ne!(new.bytes, keys.seal(ana(), &secret).expect("sealed").expect("again").bytes);
        // The same key under another name is another key.
        let renamed = Sealed { by: "k1".to_owned(), ..new };
        keys.open(ana(), &renamed).expect_err("sealed as k2");
        let error = ring(&["k3"]).open(ana(), &old).expect_err("no k1").to_string();
        assert!(error.contains("\"k1\"") && error.contains("\"ana\""), "{error}");
        assert_eq!(KeyRing::default().seal(ana(), &secret), Ok(None));
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
