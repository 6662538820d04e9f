//! Looking at a user: for whoever helps them, not for logins.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{Item, field};
use super::{Store, StoreError};

/// What can be said of a user without their secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Seconds since 1970; `None` for users of the original application.
    pub registered_at: Option<u64>,
    /// When a code was first accepted, in seconds since 1970.
    pub confirmed_at: Option<u64>,
    /// When the registration lapses, if no code is accepted before.
    pub expires_at: Option<u64>,
    /// Misses since the last success.
    pub misses: u64,
    /// When nothing is owed any more, in milliseconds since 1970.
    pub throttle_at: Option<i64>,
    /// Recovery codes left.
    pub recovery_codes: usize,
    /// The key that seals the secret; `None` for one in the open.
    pub sealed_by: Option<String>,
}

impl Store {
    /// Reads a user, strongly consistently: the only read there is.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn status(&self, user: &str) -> Result<Option<Status>, StoreError> {
        let turn = self.connection.turn().await?;
        let request = turn
            .client()
            .get_item()
            .table_name(&self.table)
            .key(field::USER_ID, AttributeValue::S(user.to_owned()))
            .consistent_read(true);
        let reply = match Box::pin(request.send()).await {
            Ok(reply) => reply,
            Err(error) => return Err(StoreError::of(&error, &self.table)),
        };
        let Some(attributes) = reply.item else { return Ok(None) };
        let item = Item::new(user, attributes);
        Ok(Some(Status {
            registered_at: item.number(field::REGISTERED_AT)?,
            confirmed_at: item.number(field::CONFIRMED_AT)?,
            expires_at: item.number(field::EXPIRES_AT)?,
            misses: item.number(field::MISSES)?.unwrap_or(0),
            throttle_at: item.number(field::THROTTLE_AT)?,
            recovery_codes: item.recovery()?.len(),
            sealed_by: item.string(field::SEALED_BY)?.map(str::to_owned),
        }))
    }
}
