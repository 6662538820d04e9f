//! The users' table: one DynamoDB item per user, changed by conditional writes only.
//!
//! The only part of the crate that names AWS.
//!
//! Every write names what it was computed from, so that a request that arrives late does
//! nothing: DESIGN.md, "What if a request arrives late?". And every write carries a fresh
//! random id. DynamoDB clients retry a write whose reply was lost, and the retry fails its
//! condition: when the item that fails it carries our id, the first try had arrived, and the
//! failure is our own success.
//!
//! Each verb has a file: its question, its answer and its write. The futures of the SDK
//! hold kilobytes of state, so they are boxed.

mod accept;
#[cfg(feature = "admin")]
pub mod admin;
mod change;
mod client;
mod delete;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod item;
mod recovery;
mod register;
mod reserve;
mod rotation;
mod seal;
mod settings;
#[cfg(feature = "simulation")]
mod simulation;
mod status;
mod unlock;
mod warm_up;

pub use accept::{Acceptance, Accepted};
pub use client::embedded;
pub use delete::Deleted;
pub use error::StoreError;
pub use item::{Enrolled, Record, Standing};
pub use recovery::{Redeemed, Redemption};
pub use register::{NewUser, Registered};
pub use reserve::{Attempt, Reserved};
pub use rotation::{Confirmation, Rotating, Rotation};
pub use seal::KeyRing;
pub use settings::Settings;
pub(crate) use settings::{WAITS, WAITS_IN_WORDS};
pub use status::Status;
pub use unlock::{Unlocking, furthest_step};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::config_error::ConfigError;
use client::Connection;

/// How often a write is made again before it is given up: each time means that another write
/// of the same user came in between.
const MAX_TURNS: usize = 16;

/// The answer after so many.
fn too_many_changes<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("too many changes to this user at once".to_owned()))
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
    /// [`ConfigError`] for settings that can never work.
    pub fn new(table: &str, settings: Settings) -> Result<Self, ConfigError> {
        settings::check_table(table)?;
        settings.check()?;
        if settings.embedded.is_some() {
            embedded::available()?;
        }
        let keys = settings.keys.clone();
        Ok(Self { table: table.to_owned(), keys, connection: Connection::new(table, settings) })
    }

    /// What keeps requests waiting, where that is known.
    pub(crate) fn obstacle(&self) -> Option<String> {
        self.connection.obstacle()
    }

    /// Sorts an SDK error.
    fn failed<E>(&self, error: &SdkError<E>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        StoreError::of(error, &self.table, &self.connection.source())
    }
}
