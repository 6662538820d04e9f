//! What Google Authenticator's "Transfer accounts" shows: several keys in one QR code.
//!
//! `otpauth-migration://offline?data=` and a Protocol Buffers message in base64. Google
//! has published no description; the fields are those that the app writes and reads.

use std::fmt;

use data_encoding::{BASE64, Encoding, Specification};
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use prost::Message;
use std::sync::LazyLock;
use zeroize::{Zeroize, Zeroizing};

use super::uri::{ESCAPED, invalid, split_label};
use super::{Algorithm, Digits, Factor, KeyUri, OtpError, Period, Secret};

/// How many keys the app puts into one QR code.
pub const KEYS_A_PAYLOAD: usize = 10;

const PREFIX: &str = "otpauth-migration://offline?";

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct Payload {
    #[prost(message, repeated, tag = "1")]
    keys: Vec<Key>,
    #[prost(int32, tag = "2")]
    version: i32,
    /// How many payloads belong together, and which of them this one is.
    #[prost(int32, tag = "3")]
    batch_size: i32,
    #[prost(int32, tag = "4")]
    batch_index: i32,
    #[prost(int32, tag = "5")]
    batch_id: i32,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct Key {
    #[prost(bytes = "vec", tag = "1")]
    secret: Vec<u8>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    issuer: String,
    /// 1 SHA-1, 2 SHA-256, 3 SHA-512, 4 MD5.
    #[prost(int32, tag = "4")]
    algorithm: i32,
    /// 1 for 6 digits, 2 for 8.
    #[prost(int32, tag = "5")]
    digits: i32,
    /// 1 counter-based, 2 time-based.
    #[prost(int32, tag = "6")]
    factor: i32,
    #[prost(int64, tag = "7")]
    counter: i64,
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} keys)", self.keys.len())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A parsed payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its keys; for one that cannot make codes, the reason.
    pub keys: Vec<Result<KeyUri, OtpError>>,
    /// Which of the transfer's payloads this is, from 0.
    pub batch_index: u32,
    /// How many payloads the transfer has.
    pub batch_size: u32,
    /// The number that the payloads of one transfer share.
    pub batch_id: i32,
}

/// Base64 as the app writes it and as web pages do, padded or not. It tells apart
/// nothing, so trailing bits do not matter.
static BASE64_OF_ANY_KIND: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec: Specification = BASE64.specification();
    spec.padding = None;
    spec.check_trailing_bits = false;
    spec.translate.from.push_str("-_ ");
    // A plus that some reader of forms took for a space.
    spec.translate.to.push_str("+/+");
    spec.encoding().expect("a constant, tested specification")
});

fn without_padding(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
    &text[..end]
}

impl Migration {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`OtpError::InvalidUri`] when it is none.
    pub fn parse(text: &str) -> Result<Self, OtpError> {
        let query = match text.split_at_checked(PREFIX.len()) {
            Some((start, query)) if start.eq_ignore_ascii_case(PREFIX) => query,
            _ => return invalid("it does not start with otpauth-migration://offline?"),
        };
        let Some(data) = query.split('&').find_map(|pair| pair.strip_prefix("data=")) else {
            return invalid("it has no data");
        };
        let data = Zeroizing::new(percent_decode_str(data).collect::<Vec<u8>>());
        let data = without_padding(data.trim_ascii());
        let Ok(bytes) = BASE64_OF_ANY_KIND.decode(data).map(Zeroizing::new) else {
            return invalid("its data is not base64");
        };
        let Ok(payload) = Payload::decode(bytes.as_slice()) else {
            return invalid("its data is not what Google Authenticator writes");
        };
        if payload.keys.is_empty() {
            return invalid("it holds no key");
        }
        let count = |number: i32| u32::try_from(number).unwrap_or(0);
        Ok(Self {
            batch_index: count(payload.batch_index),
            batch_size: count(payload.batch_size).max(1),
            batch_id: payload.batch_id,
            keys: payload.keys.into_iter().map(KeyUri::try_from).collect(),
        })
    }

    /// Writes keys as one payload, complete by itself.
    ///
    /// # Errors
    /// [`OtpError::InvalidUri`] for a key that the format cannot hold: 7 digits, or a
    /// period other than 30 seconds.
    pub fn write(keys: &[KeyUri]) -> Result<Zeroizing<String>, OtpError> {
        let payload = Payload {
            keys: keys.iter().map(Key::try_from).collect::<Result<_, _>>()?,
            version: 1,
            batch_size: 1,
            batch_index: 0,
            batch_id: 0,
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(payload.encoded_len()));
        // A Vec grows; nothing else could fail.
        let _ = payload.encode(&mut *bytes);
        let data = Zeroizing::new(BASE64.encode(&bytes));
        Ok(Zeroizing::new(format!("{PREFIX}data={}", utf8_percent_encode(&data, ESCAPED))))
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl TryFrom<Key> for KeyUri {
    type Error = OtpError;

    fn try_from(key: Key) -> Result<Self, OtpError> {
        let algorithm = match key.algorithm {
            0 | 1 => Algorithm::Sha1,
            2 => Algorithm::Sha256,
            3 => Algorithm::Sha512,
            _ => return Err(OtpError::InvalidAlgorithm),
        };
        let digits = match key.digits {
            0 | 1 => Digits::default(),
            2 => Digits::new(8)?,
            _ => return invalid("its number of digits is unknown"),
        };
        let factor = match key.factor {
            0 | 2 => Factor::Totp(Period::default()),
            1 => match u64::try_from(key.counter) {
                Ok(counter) => Factor::Hotp(counter),
                Err(_) => return invalid("its counter is negative"),
            },
            _ => return invalid("it is neither totp nor hotp"),
        };
        // The app writes labels as they stood in the key URI: the issuer first, often.
        let colon = key.name.find(':');
        let (issuer, account_name) = split_label(Some(key.issuer.clone()), &key.name, colon);
        Ok(Self {
            factor,
            issuer,
            account_name,
            secret: Secret::from_bytes(&key.secret)?,
            algorithm,
            digits,
        })
    }
}

impl TryFrom<&KeyUri> for Key {
    type Error = OtpError;

    fn try_from(uri: &KeyUri) -> Result<Self, OtpError> {
        let digits = match uri.digits.get() {
            6 => 1,
            8 => 2,
            _ => {
                return invalid(
                    "a Google Authenticator transfer can hold only codes of 6 or 8 digits",
                );
            }
        };
        let (factor, counter) = match uri.factor {
            Factor::Totp(period) if period == Period::default() => (2, 0),
            Factor::Totp(_) => {
                return invalid(
                    "a Google Authenticator transfer can hold only periods of 30 seconds",
                );
            }
            Factor::Hotp(counter) => match i64::try_from(counter) {
                Ok(counter) => (1, counter),
                Err(_) => return invalid("its counter is too large"),
            },
        };
        let algorithm = match uri.algorithm {
            Algorithm::Sha1 => 1,
            Algorithm::Sha256 => 2,
            Algorithm::Sha512 => 3,
        };
        let name = match &uri.issuer {
            Some(issuer) => format!("{issuer}:{}", uri.account_name),
            // An empty issuer, or the name's first half would be taken for one.
            None if uri.account_name.contains(':') => format!(":{}", uri.account_name),
            None => uri.account_name.clone(),
        };
        Ok(Self {
            secret: uri.secret.as_bytes().to_vec(),
            name,
            issuer: uri.issuer.clone().unwrap_or_default(),
            algorithm,
            digits,
            factor,
            counter,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXAMPLE: &str = "otpauth-migration://offline?data=\
        CjEKCkhlbGxvId6tvu8SGEV4YW1wbGU6YWxpY2VAZ29vZ2xlLmNvbRoHRXhhbXBsZTAC";

    fn example() -> KeyUri {
        "otpauth://totp/Example:alice%40google.com?secret=JBSWY3DPEHPK3PXP&issuer=Example"
            .parse()
            .expect("a key URI")
    }

    #[test]
    fn reads_what_the_app_writes() {
        let read = Migration::parse(EXAMPLE).expect("a payload");
        assert_eq!(read.keys, [Ok(example())]);
        assert_eq!((read.batch_index, read.batch_size), (0, 1));
        // As forms and web pages change it.
        let data = &EXAMPLE[PREFIX.len() + 5..];
        for text in [
            format!("OTPAUTH-MIGRATION://offline?x=1&data={data}%3D%3D"),
            format!("{PREFIX}data={}", data.replace('+', " ").replace('/', "_")),
        ] {
            assert_eq!(Migration::parse(&text).expect(&text).keys, read.keys);
        }
    }

    #[test]
    fn what_no_code_can_be_made_of_is_told_by_itself() {
        let key = |change: fn(&mut Key)| {
            let mut key = Key::try_from(&example()).expect("it fits");
            change(&mut key);
            KeyUri::try_from(key)
        };
        assert_eq!(key(|_| ()), Ok(example()));
        assert_eq!(key(|key| key.algorithm = 4), Err(OtpError::InvalidAlgorithm));
        assert!(key(|key| key.digits = 3).is_err());
        // The same rule for colons as in a key URI.
        let named = key(|key| {
            key.name = "localhost:3000:ana".to_owned();
            key.issuer = "localhost:3000".to_owned();
        });
        assert_eq!(named.map(|key| key.account_name), Ok("ana".to_owned()));
        assert!(key(|key| key.factor = 3).is_err());
        assert!(key(|key| key.secret.truncate(9)).is_err());
        assert_eq!(key(|key| key.factor = 1).map(|key| key.factor), Ok(Factor::Hotp(0)));
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP",
            "otpauth-migration://offline?",
            "otpauth-migration://offline?data=",
            "otpauth-migration://offline?data=!!!",
            "otpauth-migration://offline?data=SGVsbG8",
        ] {
            assert!(Migration::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_format_cannot_hold_everything() {
        for parameter in ["digits=7", "period=60"] {
            let uri = format!("otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&{parameter}");
            let uri: KeyUri = uri.parse().expect("a key URI");
            assert!(Migration::write(&[uri]).is_err(), "{parameter}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            names in prop::collection::vec(
                (prop::option::of("[a-zA-Z0-9 é]{0,6}[a-z]"), "[a-z:@+ ]{0,10}[a-z]"), 1..12),
            bytes in prop::collection::vec(any::<u8>(), 10..=64),
            algorithm in prop::sample::select(vec![Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512]),
            digits in prop::sample::select(vec![6_u64, 8]),
            counter in prop::option::of(0..=i64::MAX.unsigned_abs()),
        ) {
            let keys: Vec<_> = names.into_iter().map(|(issuer, name)| KeyUri {
                factor: counter.map_or(Factor::Totp(Period::default()), Factor::Hotp),
                issuer: issuer.map(|issuer| issuer.trim().to_owned()),
                account_name: name.trim_start_matches(' ').to_owned(),
                secret: Secret::from_bytes(&bytes).expect("a valid length"),
                algorithm,
                digits: Digits::new(digits).expect("6 or 8"),
            }).collect();
            let text = Migration::write(&keys).expect("it fits");
            let read = Migration::parse(&text).expect("own payload");
            prop_assert_eq!(read.keys, keys.into_iter().map(Ok).collect::<Vec<_>>());
        }

        #[test]
        fn no_text_panics(text in "(otpauth-migration://offline\\?data=)?[A-Za-z0-9+/_ %=-]{0,80}") {
            let _ = Migration::parse(&text);
        }
    }
}
