//! Sealing a secret under the first key.

use std::borrow::Cow;

use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;

use crate::store::accept::same_enrollment;
use crate::store::item::{Item, failed_condition, field, s, write_id};
use crate::store::seal::Form;
use crate::store::{MAX_TURNS, Record, Store, StoreError};

impl Store {
    /// Whether there is a key to seal with.
    #[must_use]
    pub fn seals(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Seals a user's secret under the first key, with its parameters. Returns whether this
    /// call did; otherwise it was sealed so already, or the user was deleted.
    ///
    /// The write holds only while the secret is stored as it was read: one that arrives late,
    /// after a sealing under a newer key, does nothing.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn reseal(&self, user: &str, record: &Record) -> Result<bool, StoreError> {
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        let mut record = Cow::Borrowed(record);
        for _ in 0..MAX_TURNS {
            let Some(sealing) = self.sealing(user, &record, Form::Second)? else {
                return Ok(false);
            };
            let (same, enrolled) = same_enrollment(&record.enrolled);
            let mut update = UpdateItemInput::builder()
                .table_name(&self.table)
                .key(field::USER_ID, s(user))
                .update_expression(format!("SET change_id = :id{} REMOVE secret", sealing.set))
                .condition_expression(format!("{same} AND {}", sealing.only_if))
                .expression_attribute_values(":enrolled", enrolled)
                .expression_attribute_values(":id", s(&id))
                .return_values_on_condition_check_failure(AllOld);
            for (name, value) in sealing.values {
                update = update.expression_attribute_values(name, value);
            }
            let Err(error) = turn.send(update).await else { return Ok(true) };
            let Some(old) = failed_condition(&error) else {
                return Err(self.failed(&error));
            };
            // Deleted since.
            let Some(old) = Item::returned(user, old).filter(|old| !old.is_tombstone()) else {
                return Ok(false);
            };
            // Registered anew or sealed since, perhaps by our first try.
            record = Cow::Owned(old.record(&self.keys)?);
        }
        Err(StoreError::Unavailable("too many changes of this user at once".to_owned()))
    }
}
