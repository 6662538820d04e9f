//! Items to records and back: pure, and strict about what it reads.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use zeroize::Zeroizing;

use super::seal::{Form, KeyRing, Owner, Sealed};
use super::{NewUser, StoreError};
use crate::otp::{Algorithm, Digits, Period, Secret, Totp};
use crate::random::{self, RandomError};

/// The table's attributes. `user_id` and `secret` are the original application's.
pub(super) mod field {
    pub(in crate::store) const USER_ID: &str = "user_id";
    pub(in crate::store) const SECRET: &str = "secret";
    pub(in crate::store) const ALGORITHM: &str = "algorithm";
    pub(in crate::store) const DIGITS: &str = "digits";
    pub(in crate::store) const PERIOD: &str = "period";
    pub(in crate::store) const REGISTERED_AT: &str = "registered_at";
    pub(in crate::store) const LAST_STEP: &str = "last_step";
    pub(in crate::store) const THROTTLE_AT: &str = "throttle_at";
    pub(in crate::store) const MISSES: &str = "misses";
    pub(in crate::store) const ENROLLMENT_ID: &str = "enrollment_id";
    pub(in crate::store) const RESERVE_ID: &str = "reserve_id";
    pub(in crate::store) const ACCEPT_ID: &str = "accept_id";
    pub(in crate::store) const SEALED: &str = "sealed";
    pub(in crate::store) const SEALED_BY: &str = "sealed_by";
    pub(in crate::store) const CONFIRMED_AT: &str = "confirmed_at";
    pub(in crate::store) const RECOVERY: &str = "recovery";
    #[cfg(feature = "admin")]
    pub(in crate::store) const RECOVERY_AT: &str = "recovery_at";
    pub(in crate::store) const EXPIRES_AT: &str = "expires_at";
    /// Of a tombstone only.
    pub(in crate::store) const DELETED_AT: &str = "deleted_at";
    /// The id of the deletion that ended the last enrollment, whatever tombstones came since.
    pub(in crate::store) const DELETED_BY: &str = "deleted_by";
    /// The `enrollment_id` of what this enrollment took the place of; of a tombstone, the
    /// last enrollment's, whatever tombstones came since.
    pub(in crate::store) const REPLACED_ID: &str = "replaced_id";
    /// Set fresh by each operator's write.
    pub(in crate::store) const CHANGE_ID: &str = "change_id";
    pub(in crate::store) const UNLOCK_ID: &str = "unlock_id";
    /// The ids of the writes that used recovery codes up.
    pub(in crate::store) const REDEEMED: &str = "redeemed";
    /// There where the secret was made here, and not brought along.
    pub(in crate::store) const GENERATED: &str = "generated";
    /// The secret of a rotation that nobody has confirmed: a map of such attributes.
    pub(in crate::store) const PENDING: &str = "pending";
}

/// A number, as DynamoDB takes it.
pub(super) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A string, as DynamoDB takes it.
pub(super) fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// 128 random bits: no two writes ever share one.
pub(super) fn write_id() -> Result<String, RandomError> {
    Ok(data_encoding::BASE64URL_NOPAD.encode(&random::bytes::<16>()?))
}

/// Which enrollment a code was checked against: it must still be the one there
/// when the code is accepted, or a delete and a new registration in between would
/// inherit the old one's last step.
#[derive(Clone, PartialEq, Eq)]
pub enum Enrolled {
    /// The random id that the registration wrote.
    Id(String),
    /// The original application wrote none: its item is known by its secret, as
    /// stored.
    Legacy(Zeroizing<String>),
}

impl fmt::Debug for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id(_) => "Id(..)",
            Self::Legacy(_) => "Legacy(..)",
        })
    }
}

/// The secret as it is stored, sealed or not: what a write that seals it was computed
/// from.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Stored {
    Plain(Zeroizing<String>),
    Sealed(Vec<u8>),
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain(..)",
            Self::Sealed(_) => "Sealed(..)",
        })
    }
}

/// A pending secret as it is stored, sealed or not.
#[cfg(feature = "admin")]
#[derive(Clone, PartialEq)]
pub(super) struct StoredPending(pub(super) AttributeValue);

#[cfg(feature = "admin")]
impl Eq for StoredPending {}

#[cfg(feature = "admin")]
impl fmt::Debug for StoredPending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredPending(..)")
    }
}

/// How a user stands: what a verdict tells besides whether the code was right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Which enrollment this is; `None` for one of the original application.
    pub enrollment_id: Option<String>,
    /// Whether a code was accepted before.
    pub confirmed: bool,
    /// When the attempt budget is full again, in milliseconds since 1970.
    pub throttle_at: Option<i64>,
    /// Misses since the last success.
    pub misses: u64,
    /// Recovery codes left.
    pub recovery_codes: usize,
}

/// A user, as far as checking a code needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The secret and how codes are made of it.
    pub totp: Totp,
    /// Which enrollment this is.
    pub enrolled: Enrolled,
    /// The last step accepted.
    pub last_step: Option<u64>,
    /// How the user stands.
    pub standing: Standing,
    /// The key that the secret is sealed with, where it is stored; `None` for one that
    /// is not sealed.
    pub sealed_by: Option<String>,
    /// The secret as it is stored.
    pub(super) stored: Stored,
    /// The pending secret of a rotation as it is stored, if there is one.
    #[cfg(feature = "admin")]
    pub(super) pending: Option<StoredPending>,
    /// Whether it is sealed in the form of today, with its parameters authenticated.
    pub(super) form: Option<Form>,
    /// Who unlocked the user last.
    pub(super) unlock_id: Option<String>,
}

/// An item as it came from DynamoDB. `Debug` shows none of it.
#[derive(Clone)]
pub(super) struct Item {
    user: String,
    attributes: HashMap<String, AttributeValue>,
    /// Whether this is the pending secret within an item.
    is_pending: bool,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({} attributes)", self.attributes.len())
    }
}

impl Item {
    pub(super) fn new(user: &str, attributes: HashMap<String, AttributeValue>) -> Self {
        Self { user: user.to_owned(), attributes, is_pending: false }
    }

    /// The item that a failed condition returned, where there was one.
    pub(super) fn returned(
        user: &str,
        old: Option<&HashMap<String, AttributeValue>>,
    ) -> Option<Self> {
        old.filter(|old| !old.is_empty()).map(|old| Self::new(user, old.clone()))
    }

    fn corrupt<T>(&self, field: &'static str, problem: &'static str) -> Result<T, StoreError> {
        Err(StoreError::Corrupt { user: self.user.clone(), field, problem })
    }

    /// A string attribute, `None` where it is absent.
    pub(super) fn string(&self, field: &'static str) -> Result<Option<&str>, StoreError> {
        match self.attributes.get(field) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => self.corrupt(field, "is not a string"),
        }
    }

    /// A whole number, `None` where it is absent.
    pub(super) fn number<N: std::str::FromStr>(
        &self,
        field: &'static str,
    ) -> Result<Option<N>, StoreError> {
        match self.attributes.get(field) {
            None => Ok(None),
            Some(AttributeValue::N(text)) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => self.corrupt(field, "is out of range"),
            },
            Some(_) => self.corrupt(field, "is not a number"),
        }
    }

    /// Whether the attribute is this very write id.
    pub(super) fn carries(&self, field: &'static str, id: &str) -> bool {
        matches!(self.string(field), Ok(Some(stored)) if stored == id)
    }

    /// An attribute as it is.
    pub(super) fn attribute(&self, name: &str) -> Option<&AttributeValue> {
        self.attributes.get(name)
    }

    /// Whether a deletion left it: there is no such user.
    pub(super) fn is_tombstone(&self) -> bool {
        self.attributes.contains_key(field::DELETED_AT)
    }

    /// The condition that this is still the enrollment, or the tombstone, that is there;
    /// without an item, that there is none. The value belongs to `:seen`.
    pub(super) fn still_there(seen: Option<&Self>) -> (String, Option<AttributeValue>) {
        let Some(seen) = seen else { return ("attribute_not_exists(user_id)".to_owned(), None) };
        let value = |name| seen.attributes.get(name).cloned();
        if let Some(id) = value(field::ENROLLMENT_ID) {
            return ("enrollment_id = :seen".to_owned(), Some(id));
        }
        // The original application's, or damaged.
        let nameless = "attribute_not_exists(enrollment_id)";
        match value(field::SECRET) {
            Some(secret) => (format!("{nameless} AND secret = :seen"), Some(secret)),
            None => (
                format!(
                    "attribute_exists(user_id) AND {nameless} AND attribute_not_exists(secret)"
                ),
                None,
            ),
        }
    }

    /// The condition that an attribute is as it is here; the value, if any, belongs to
    /// `:name`.
    pub(super) fn unchanged(
        &self,
        name: &'static str,
    ) -> (String, Option<(String, AttributeValue)>) {
        match self.attributes.get(name) {
            None => (format!("attribute_not_exists({name})"), None),
            Some(value) => (format!("{name} = :{name}"), Some((format!(":{name}"), value.clone()))),
        }
    }

    /// Whether an attribute is the same in both.
    pub(super) fn agrees(&self, other: &Self, name: &'static str) -> bool {
        self.attributes.get(name) == other.attributes.get(name)
    }

    /// Whether a set of strings holds this one.
    pub(super) fn has(&self, field: &'static str, id: &str) -> bool {
        matches!(self.attributes.get(field), Some(AttributeValue::Ss(set)) if set.iter().any(|one| one == id))
    }

    /// Whether this is an enrollment that lapsed before any code of it was accepted.
    pub(super) fn has_lapsed(&self, now: u64) -> Result<bool, StoreError> {
        let confirmed = self.attributes.contains_key(field::CONFIRMED_AT);
        let expires_at = self.number::<u64>(field::EXPIRES_AT)?;
        Ok(!confirmed && expires_at.is_some_and(|at| at <= now))
    }

    /// Whether this is an enrollment whose secret was made here, and no code of it was ever
    /// accepted.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.attributes.contains_key(field::GENERATED)
            && !self.attributes.contains_key(field::CONFIRMED_AT)
    }

    /// The pending secret of a rotation, lapsed or not.
    pub(super) fn pending(&self) -> Result<Option<Self>, StoreError> {
        match self.attributes.get(field::PENDING) {
            None => Ok(None),
            Some(AttributeValue::M(pending)) => Ok(Some(Self {
                user: self.user.clone(),
                attributes: pending.clone(),
                is_pending: true,
            })),
            Some(_) => self.corrupt(field::PENDING, "is not a map"),
        }
    }

    /// The pending secret, unless it has lapsed.
    pub(super) fn live_pending(&self, now: u64) -> Result<Option<Self>, StoreError> {
        let lives = self.pending_until()?.is_some_and(|at| at > now);
        if lives { self.pending() } else { Ok(None) }
    }

    /// When the pending secret lapses, in seconds since 1970.
    pub(super) fn pending_until(&self) -> Result<Option<u64>, StoreError> {
        Ok(match self.pending()? {
            Some(pending) => Some(pending.number(field::EXPIRES_AT)?.unwrap_or(0)),
            None => None,
        })
    }

    /// How the user stands.
    pub(super) fn standing(&self) -> Result<Standing, StoreError> {
        Ok(Standing {
            enrollment_id: self.string(field::ENROLLMENT_ID)?.map(str::to_owned),
            confirmed: self.attributes.contains_key(field::CONFIRMED_AT),
            throttle_at: self.number(field::THROTTLE_AT)?,
            misses: self.number(field::MISSES)?.unwrap_or(0),
            recovery_codes: self.recovery()?.len(),
        })
    }

    /// The period of its codes.
    pub(super) fn period(&self) -> Result<Period, StoreError> {
        match self.number(field::PERIOD)?.map(Period::new) {
            None => Ok(Period::default()),
            Some(Ok(period)) => Ok(period),
            Some(Err(_)) => self.corrupt(field::PERIOD, "is out of range"),
        }
    }

    /// The hashes of the recovery codes that are left.
    pub(super) fn recovery(&self) -> Result<&[String], StoreError> {
        match self.attributes.get(field::RECOVERY) {
            None => Ok(&[]),
            Some(AttributeValue::Ss(hashes)) => Ok(hashes),
            Some(_) => self.corrupt(field::RECOVERY, "is not a set of strings"),
        }
    }

    /// The secret as it is sealed, if it is.
    pub(super) fn sealed(&self) -> Result<Option<Sealed>, StoreError> {
        let bytes = match self.attributes.get(field::SEALED) {
            None => return Ok(None),
            Some(AttributeValue::B(bytes)) => bytes.as_ref().to_vec(),
            Some(_) => return self.corrupt(field::SEALED, "is not binary"),
        };
        match self.string(field::SEALED_BY)? {
            Some(by) => {
                let (by, form) = Form::read(by);
                Ok(Some(Sealed { by: by.to_owned(), form, bytes }))
            }
            None => self.corrupt(field::SEALED_BY, "is missing"),
        }
    }

    /// Everything that checking a code needs.
    pub(super) fn record(&self, keys: &KeyRing) -> Result<Record, StoreError> {
        let (sealed, stored) = (self.sealed()?, self.string(field::SECRET)?);
        let enrollment_id = self.string(field::ENROLLMENT_ID)?;
        let algorithm = match self.string(field::ALGORITHM)?.map(str::parse::<Algorithm>) {
            None => Algorithm::default(),
            Some(Ok(algorithm)) => algorithm,
            Some(Err(_)) => return self.corrupt(field::ALGORITHM, "is unknown"),
        };
        let digits = match self.number(field::DIGITS)?.map(Digits::new) {
            None => Digits::default(),
            Some(Ok(digits)) => digits,
            Some(Err(_)) => return self.corrupt(field::DIGITS, "is out of range"),
        };
        let period = self.period()?;
        let (secret, enrolled) = match (&sealed, stored, enrollment_id) {
            (Some(sealed), _, Some(enrollment_id)) => {
                let owner = Owner {
                    user: &self.user,
                    enrollment_id,
                    algorithm,
                    digits,
                    period,
                    pending: self.is_pending,
                };
                (keys.open(owner, sealed)?, Enrolled::Id(enrollment_id.to_owned()))
            }
            (Some(_), _, None) => return self.corrupt(field::ENROLLMENT_ID, "is missing"),
            (None, None, _) => return self.corrupt(field::SECRET, "is missing"),
            (None, Some(stored), id) => {
                let Ok(secret) = stored.parse::<Secret>() else {
                    return self
                        .corrupt(field::SECRET, "is not a base32 secret of 80 bits or more");
                };
                let enrolled = id.map_or_else(
                    || Enrolled::Legacy(Zeroizing::new(stored.to_owned())),
                    |id| Enrolled::Id(id.to_owned()),
                );
                (secret, enrolled)
            }
        };
        let unlock_id = self.string(field::UNLOCK_ID)?.map(str::to_owned);
        let form = sealed.as_ref().map(|sealed| sealed.form);
        let sealed_by = sealed.as_ref().map(|sealed| sealed.by.clone());
        let stored = match (sealed, stored) {
            (Some(sealed), _) => Stored::Sealed(sealed.bytes),
            (None, stored) => Stored::Plain(Zeroizing::new(stored.unwrap_or_default().to_owned())),
        };
        Ok(Record {
            totp: Totp::with(secret, algorithm, digits, period),
            enrolled,
            last_step: self.number(field::LAST_STEP)?,
            standing: self.standing()?,
            sealed_by,
            stored,
            #[cfg(feature = "admin")]
            pending: self.attribute(field::PENDING).cloned().map(StoredPending),
            form,
            unlock_id,
        })
    }
}

/// How a secret is stored, and how codes are made of it. Parameters are stored only where
/// they differ from what an absent attribute means.
pub(super) fn secret_attributes(
    owner: Owner<'_>,
    totp: &Totp,
    keys: &KeyRing,
) -> Result<HashMap<String, AttributeValue>, StoreError> {
    let mut attributes = HashMap::from([(field::ENROLLMENT_ID.to_owned(), s(owner.enrollment_id))]);
    match keys.seal(owner, totp.secret())? {
        Some(sealed) => {
            attributes.insert(field::SEALED_BY.to_owned(), AttributeValue::S(sealed.written_by()));
            attributes.insert(field::SEALED.to_owned(), AttributeValue::B(sealed.bytes.into()));
        }
        None => {
            attributes.insert(field::SECRET.to_owned(), s(&totp.secret().to_base32()));
        }
    }
    if totp.algorithm() != Algorithm::default() {
        attributes.insert(field::ALGORITHM.to_owned(), s(totp.algorithm().as_str()));
    }
    if totp.digits() != Digits::default() {
        attributes.insert(field::DIGITS.to_owned(), n(totp.digits().get()));
    }
    if totp.period() != Period::default() {
        attributes.insert(field::PERIOD.to_owned(), n(totp.period().seconds()));
    }
    Ok(attributes)
}

/// A pending secret, bound to an id of its own.
pub(super) fn pending(
    user: &str,
    id: &str,
    totp: &Totp,
    expires_at: u64,
    keys: &KeyRing,
) -> Result<AttributeValue, StoreError> {
    let mut pending = secret_attributes(Owner::of(user, id, totp).pending(), totp, keys)?;
    pending.insert(field::EXPIRES_AT.to_owned(), n(expires_at));
    Ok(AttributeValue::M(pending))
}

/// The attributes of a new item.
pub(super) fn attributes(
    user: &NewUser<'_>,
    enrollment_id: &str,
    keys: &KeyRing,
) -> Result<HashMap<String, AttributeValue>, StoreError> {
    let owner = Owner::of(user.user, enrollment_id, user.totp);
    let mut attributes = secret_attributes(owner, user.totp, keys)?;
    attributes.insert(field::USER_ID.to_owned(), s(user.user));
    attributes.insert(field::REGISTERED_AT.to_owned(), n(user.registered_at));
    if user.generated {
        attributes.insert(field::GENERATED.to_owned(), AttributeValue::Bool(true));
    }
    if let Some(at) = user.expires_at {
        attributes.insert(field::EXPIRES_AT.to_owned(), n(at));
    }
    if !user.recovery.is_empty() {
        attributes.insert(field::RECOVERY.to_owned(), AttributeValue::Ss(user.recovery.clone()));
    }
    Ok(attributes)
}

/// The item that failed the condition, where that is what happened.
#[expect(clippy::option_option, reason = "no such failure, and no such item, are two answers")]
pub(super) fn failed_condition<R>(
    error: &SdkError<UpdateItemError, R>,
) -> Option<Option<&HashMap<String, AttributeValue>>> {
    match error.as_service_error()? {
        UpdateItemError::ConditionalCheckFailedException(failed) => Some(failed.item()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(extra: &[(&str, AttributeValue)]) -> Item {
        let mut attributes = HashMap::from([(
            field::SECRET.to_owned(),
            AttributeValue::S("JBSWY3DPEHPK3PXP".to_owned()),
        )]);
        attributes.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Item::new("ana", attributes)
    }

    #[test]
    fn the_original_applications_items_are_read() {
        let record = item(&[]).record(&KeyRing::default()).expect("a legacy item");
        assert_eq!(record.totp, Totp::new("JBSWY3DPEHPK3PXP".parse().expect("80 bits")));
        assert_eq!(record.last_step, None);
        let Enrolled::Legacy(stored) = record.enrolled else { panic!("no enrollment id") };
        assert_eq!(*stored, "JBSWY3DPEHPK3PXP");
    }

    #[test]
    fn what_register_writes_is_read_back() {
        let secret = Secret::generate().expect("randomness");
        for (algorithm, digits, period) in
            [(Algorithm::Sha1, 6, 30), (Algorithm::Sha256, 8, 60), (Algorithm::Sha512, 7, 120)]
        {
            let digits = Digits::new(digits).expect("6 to 8");
            let period = Period::new(period).expect("up to 120");
            let totp = Totp::with(secret.clone(), algorithm, digits, period);
            let user = NewUser {
                user: "ana",
                totp: &totp,
                registered_at: 1,
                expires_at: None,
                generated: false,
                recovery: Vec::new(),
            };
            let written = attributes(&user, "id", &KeyRing::default()).expect("nothing to seal");
            assert_eq!(written.len(), if algorithm == Algorithm::Sha1 { 4 } else { 7 });
            let record = Item::new("ana", written).record(&KeyRing::default()).expect("own item");
            assert_eq!(record.totp, totp);
            assert_eq!(record.enrolled, Enrolled::Id("id".to_owned()));
        }
    }

    #[test]
    fn damage_is_named_and_never_quoted() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let number = |text: &str| AttributeValue::N(text.to_owned());
        for (name, value) in [
            ("secret", text("JBSWY3DPEHPK3PX!")),
            ("secret", number("5")),
            ("algorithm", text("MD5")),
            ("digits", number("9")),
            ("digits", text("6")),
            ("period", number("0")),
            ("period", number("-30")),
            ("last_step", number("1E40")),
            ("last_step", AttributeValue::Bool(true)),
            ("enrollment_id", AttributeValue::Null(true)),
            ("sealed", text("JBSW")),
        ] {
            let error =
                item(&[(name, value)]).record(&KeyRing::default()).expect_err(name).to_string();
            assert!(error.contains(name) && error.contains("ana"), "{error}");
            assert!(!error.contains("JBSW"), "{error}");
        }
        assert!(!format!("{:?}", item(&[])).contains("JBSW"));
    }
}
