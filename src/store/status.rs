//! Looking at a user: for the operator who helps them, not for logins.

use aws_sdk_dynamodb::operation::get_item::GetItemInput;

use super::item::{Item, field, s};
use super::seal::Form;
use super::{Store, StoreError};
use crate::otp::Period;

/// What can be said of a user without their secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Names the enrollment, as the verdict on a code does; `None` for users of the original
    /// application.
    pub enrollment_id: Option<String>,
    /// Seconds since 1970; `None` for users of the original application.
    pub registered_at: Option<u64>,
    /// When a code was first accepted, in seconds since 1970.
    pub confirmed_at: Option<u64>,
    /// When the registration expires unless a code is accepted first.
    pub expires_at: Option<u64>,
    /// Misses since the last success.
    pub misses: u64,
    /// When the attempt budget is full again, in milliseconds since 1970.
    pub throttle_at: Option<i64>,
    /// Recovery codes left.
    pub recovery_codes: usize,
    /// The key that seals the secret; `None` for one in plaintext.
    pub sealed_by: Option<String>,
    /// The last step accepted.
    pub last_step: Option<u64>,
    /// The length of a step.
    pub period: Period,
    /// When the pending secret expires, in seconds since 1970.
    pub rotation_expires_at: Option<u64>,
}

impl Store {
    /// Reads a user, strongly consistently.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn status(&self, user: &str) -> Result<Option<Status>, StoreError> {
        self.read(user).await?.map(|item| item.status()).transpose()
    }

    /// Reads a user's item. No login does: its writes return what they saw.
    pub(super) async fn read(&self, user: &str) -> Result<Option<Item>, StoreError> {
        Ok(self.read_any(user).await?.filter(|item| !item.is_tombstone()))
    }

    /// Reads an item, be it a tombstone.
    pub(super) async fn read_any(&self, user: &str) -> Result<Option<Item>, StoreError> {
        let turn = self.connection.turn().await?;
        let request = GetItemInput::builder()
            .table_name(&self.table)
            .key(field::USER_ID, s(user))
            .consistent_read(true);
        match turn.send(request).await {
            Ok(reply) => Ok(reply.item.map(|attributes| Item::new(user, attributes))),
            Err(error) => Err(self.failed(&error)),
        }
    }
}

impl Item {
    /// What can be said of the user without their secret.
    pub(super) fn status(&self) -> Result<Status, StoreError> {
        Ok(Status {
            enrollment_id: self.string(field::ENROLLMENT_ID)?.map(str::to_owned),
            registered_at: self.number(field::REGISTERED_AT)?,
            confirmed_at: self.number(field::CONFIRMED_AT)?,
            expires_at: self.number(field::EXPIRES_AT)?,
            misses: self.number(field::MISSES)?.unwrap_or(0),
            throttle_at: self.number(field::THROTTLE_AT)?,
            recovery_codes: self.recovery()?.len(),
            sealed_by: self.string(field::SEALED_BY)?.map(|by| Form::read(by).0.to_owned()),
            last_step: self.number(field::LAST_STEP)?,
            period: self.period()?,
            rotation_expires_at: self.pending_until()?,
        })
    }
}
