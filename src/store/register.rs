//! Making a user.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld};

use super::item::{Item, attributes, field, n, write_id};
use super::{Store, StoreError};
use crate::otp::Totp;

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

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The user is new, and stored.
    Created,
    /// The user exists; nothing changed.
    Exists,
}

impl Store {
    /// One conditional put: the user must be new, or have let a registration lapse.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn register(&self, user: &NewUser<'_>) -> Result<Registered, StoreError> {
        let id = write_id()?;
        let item = attributes(user, &id, &self.keys)?;
        Ok(match self.put(user.user, item, &id, user.registered_at).await? {
            None => Registered::Created,
            Some(_) => Registered::Exists,
        })
    }

    /// Puts a new user's item. Returns the one that is there already, if it is not ours.
    pub(super) async fn put(
        &self,
        user: &str,
        attributes: HashMap<String, AttributeValue>,
        id: &str,
        now: u64,
    ) -> Result<Option<Item>, StoreError> {
        let turn = self.connection.turn().await?;
        let request = turn
            .client()
            .put_item()
            .table_name(&self.table)
            .set_item(Some(attributes))
            .condition_expression(
                "attribute_not_exists(user_id) \
                 OR (attribute_not_exists(confirmed_at) AND expires_at <= :now)",
            )
            .expression_attribute_values(":now", n(now))
            .return_values_on_condition_check_failure(AllOld);
        let Err(error) = Box::pin(request.send()).await else { return Ok(None) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let there = failed.item().cloned().unwrap_or_default();
                let there = Item::new(user, there);
                Ok((!there.carries(field::ENROLLMENT_ID, id)).then_some(there))
            }
            _ => Err(self.failed(&error)),
        }
    }
}
