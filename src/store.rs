//! The users' table: one DynamoDB item per user, changed by conditional writes only.
//!
//! The only part of the crate that names AWS. Every write carries a fresh random id
//! in an attribute that only its own kind of write sets. DynamoDB clients repeat a
//! write whose reply was lost, and the repetition fails its condition: when the item
//! that fails it carries our id, the first try had arrived, and the failure is our
//! own success.

mod client;
mod dynamodb;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod item;
#[cfg(feature = "admin")]
mod moving;
mod recovery;
#[cfg(feature = "admin")]
mod reseal;
mod reserve;
#[cfg(feature = "admin")]
mod scan;
mod seal;
mod settings;
mod status;
#[cfg(feature = "admin")]
mod table;
mod warm_up;

use std::time::Duration;

use crate::otp::Totp;
use crate::policy::Policy;
use crate::random::{self, RandomError};

pub use client::embedded;
pub use error::StoreError;
#[cfg(feature = "admin")]
pub use item::History;
pub use item::{Enrolled, Record};
#[cfg(feature = "admin")]
pub use moving::{Imported, Newcomer};
#[cfg(feature = "admin")]
pub use reseal::Resealed;
#[cfg(feature = "admin")]
pub use scan::{Page, Part};
pub use seal::KeyRing;
pub use settings::Settings;
pub use status::Status;
#[cfg(feature = "admin")]
pub use table::{Switch, Table, creation_requests};

use client::Connection;

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The user is new, and stored.
    Created,
    /// The user exists; nothing changed.
    Exists,
}

/// What became of an attempt's reservation.
#[derive(Debug)]
pub enum Reserved<T> {
    /// The attempt is charged, and this is what there is to check it against.
    Granted(T),
    /// There is no such user.
    NotFound,
    /// Nothing was charged; the next attempt is free after this time.
    Throttled(Duration),
    /// Too many misses in a row: no attempt is granted until an unlock.
    Locked,
}

impl<T> Reserved<T> {
    fn and_then<U>(
        self,
        read: impl FnOnce(T) -> Result<U, StoreError>,
    ) -> Result<Reserved<U>, StoreError> {
        Ok(match self {
            Self::Granted(granted) => Reserved::Granted(read(granted)?),
            Self::NotFound => Reserved::NotFound,
            Self::Throttled(wait) => Reserved::Throttled(wait),
            Self::Locked => Reserved::Locked,
        })
    }
}

/// What became of the acceptance of a right code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// The step is used up, by this call.
    Stored,
    /// The step, or a later one, was used up by another call.
    Replayed,
    /// The user was deleted, or registered anew, while the code was checked.
    Superseded,
}

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The user is gone, by this call.
    Deleted,
    /// There was no such user.
    NotFound,
}

/// The table, and the one client that speaks to it.
#[derive(Debug)]
pub struct Store {
    table: String,
    keys: KeyRing,
    connection: Connection,
}

impl Store {
    /// Checks the settings; no I/O happens before the first call.
    ///
    /// # Errors
    /// [`StoreError::Configuration`] for settings that can never work.
    pub fn new(table: &str, settings: Settings) -> Result<Self, StoreError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if !(3..=255).contains(&table.len()) || !table.bytes().all(legal) {
            return Err(StoreError::Configuration(format!(
                "invalid table_name {table:?}: DynamoDB takes 3 to 255 letters, digits, '_', '-' and '.'"
            )));
        }
        let keys = settings.keys.clone();
        Ok(Self { table: table.to_owned(), keys, connection: Connection::new(table, settings)? })
    }

    /// A store whose requests go to `http_client`, wherever that takes them.
    #[cfg(feature = "admin")]
    fn with_http_client(
        table: &str,
        http_client: aws_sdk_dynamodb::config::SharedHttpClient,
    ) -> Result<Self, StoreError> {
        let store = Self::new(table, Settings::default())?;
        store.connection.use_http_client(http_client);
        Ok(store)
    }
}

/// A new user, about to be stored.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// Hash key of the table.
    pub user: &'a str,
    /// The secret and how codes are made of it.
    pub totp: &'a Totp,
    /// Seconds since 1970.
    pub registered_at: u64,
    /// When the registration lapses unless a code is accepted before, in seconds since
    /// 1970.
    pub expires_at: Option<u64>,
    /// The hashes of their recovery codes.
    pub recovery: Vec<String>,
}

/// An attempt to check a code.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Whose code.
    pub user: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// How many attempts there may be.
    pub policy: &'a Policy,
}

/// A right code, about to be used up.
#[derive(Debug, Clone, Copy)]
pub struct Acceptance<'a> {
    /// Whose code.
    pub user: &'a str,
    /// What it was checked against.
    pub record: &'a Record,
    /// The step it belongs to.
    pub step: u64,
    /// What the reservation added to `throttle_at`, in milliseconds: given back.
    pub refund_ms: i64,
    /// Seconds since 1970.
    pub now: u64,
}

/// A right recovery code, about to be used up.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// Whose code.
    pub user: &'a str,
    /// Its hash.
    pub hash: &'a str,
    /// What the reservation added to `recovery_at`, in milliseconds: given back.
    pub refund_ms: i64,
    /// Seconds since 1970.
    pub now: u64,
}

/// 128 random bits: no two writes ever share one.
fn write_id() -> Result<String, RandomError> {
    Ok(data_encoding::BASE64URL_NOPAD.encode(&random::bytes::<16>()?))
}
