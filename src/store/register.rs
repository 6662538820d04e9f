//! Making a user.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld};

use super::client::Turn;
use super::item::{Item, attributes, field, s, write_id};
use super::{MAX_TURNS, Store, StoreError, too_many_changes};
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
    /// When the registration expires unless a code is accepted first, in seconds since 1970.
    pub expires_at: Option<u64>,
    /// Whether the secret was made here. Somebody who brings theirs along has it on a phone.
    pub generated: bool,
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
    /// One conditional put where there is no item. A second one takes the place of a
    /// tombstone, or of a registration that has lapsed; when that is asked for, of any that no
    /// code was accepted for and whose secret was made here.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn register(
        &self,
        user: &NewUser<'_>,
        replace_unconfirmed: bool,
    ) -> Result<Registered, StoreError> {
        let id = write_id()?;
        let item = attributes(user, &id, &self.keys)?;
        let now = user.registered_at;
        let replaceable =
            |old: &Item| Ok(old.has_lapsed(now)? || (replace_unconfirmed && old.is_unconfirmed()));
        Ok(match self.put_new(user.user, item, &id, replaceable).await? {
            None => Registered::Created,
            Some(_) => Registered::Exists,
        })
    }

    /// Puts a new user's item. Returns the one that is there already, if it is not ours.
    ///
    /// Each put names what it was computed from: no item, or the very tombstone or replaceable
    /// enrollment that the refusal before it returned. What is replaceable is decided here,
    /// once: a clock in a condition would let the same put through later. What was confirmed
    /// never is.
    pub(super) async fn put_new(
        &self,
        user: &str,
        mut attributes: HashMap<String, AttributeValue>,
        id: &str,
        replaceable: impl Fn(&Item) -> Result<bool, StoreError>,
    ) -> Result<Option<Item>, StoreError> {
        let turn = self.connection.turn().await?;
        let mut seen: Option<Item> = None;
        for _ in 0..MAX_TURNS {
            let (condition, mut values) = seen.as_ref().map_or_else(
                || ("attribute_not_exists(user_id)".to_owned(), HashMap::new()),
                Self::to_be_replaced,
            );
            let replaced = match &seen {
                Some(seen) => seen.string(field::ENROLLMENT_ID)?.map(s),
                None => None,
            };
            match replaced {
                Some(replaced) => {
                    values.insert(":seen".to_owned(), replaced.clone());
                    attributes.insert(field::REPLACED_ID.to_owned(), replaced);
                }
                None => {
                    attributes.remove(field::REPLACED_ID);
                }
            }
            let put = self.put(&turn, attributes.clone(), &condition, values).await?;
            let Err(old) = put else { return Ok(None) };
            match Item::returned(user, old.as_ref()) {
                // Swept away since.
                None => seen = None,
                // Our first try had arrived; what it made may have been deleted since.
                Some(old)
                    if old.carries(field::ENROLLMENT_ID, id)
                        || old.carries(field::REPLACED_ID, id) =>
                {
                    return Ok(None);
                }
                Some(old) => {
                    let named = old.string(field::ENROLLMENT_ID)?.is_some();
                    if !named || !(old.is_tombstone() || replaceable(&old)?) {
                        return Ok(Some(old));
                    }
                    seen = Some(old);
                }
            }
        }
        too_many_changes()
    }

    /// The condition that this is still the tombstone, or the enrollment without any change
    /// since. Its value `:seen` is for the caller to give.
    fn to_be_replaced(seen: &Item) -> (String, HashMap<String, AttributeValue>) {
        if seen.is_tombstone() {
            return ("enrollment_id = :seen".to_owned(), HashMap::new());
        }
        let (unchanged, value) = seen.unchanged(field::CHANGE_ID);
        let condition =
            format!("enrollment_id = :seen AND attribute_not_exists(confirmed_at) AND {unchanged}");
        (condition, value.into_iter().collect())
    }

    /// One conditional put. When the condition does not hold, what is there instead.
    pub(super) async fn put(
        &self,
        turn: &Turn,
        attributes: HashMap<String, AttributeValue>,
        condition: &str,
        values: HashMap<String, AttributeValue>,
    ) -> Result<Result<(), Option<HashMap<String, AttributeValue>>>, StoreError> {
        let request = PutItemInput::builder()
            .table_name(&self.table)
            .set_item(Some(attributes))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()))
            .return_values_on_condition_check_failure(AllOld);
        let Err(error) = turn.send(request).await else { return Ok(Ok(())) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Err(failed.item().cloned()))
            }
            _ => Err(self.failed(&error)),
        }
    }
}
