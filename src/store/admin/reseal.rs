//! Sealing a secret under the first key.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;

use crate::store::accept::same_enrollment;
use crate::store::item::{Item, StoredPending, failed_condition, field, pending, s, write_id};
use crate::store::seal::Form;
use crate::store::{Enrolled, MAX_TURNS, Record, Store, StoreError, too_many_changes};

impl Store {
    /// Whether there is a key to seal with.
    #[must_use]
    pub fn seals(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Seals a user's secrets under the first key, with their parameters. Returns whether this
    /// call did; otherwise it was sealed so already, or the user was deleted.
    ///
    /// The write holds only while the secret is stored as it was read: one that arrives late,
    /// after a sealing under a newer key, does nothing.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn reseal(&self, user: &str, record: &Record, now: u64) -> Result<bool, StoreError> {
        let pending = self.reseal_pending(user, record, now).await?;
        Ok(self.reseal_secret(user, record).await? || pending)
    }

    /// The same with the pending secret of a rotation. One that has lapsed is removed: its key
    /// may be dropped afterwards.
    async fn reseal_pending(
        &self,
        user: &str,
        record: &Record,
        now: u64,
    ) -> Result<bool, StoreError> {
        let Some(StoredPending(stored)) = &record.pending else { return Ok(false) };
        let attributes = HashMap::from([(field::PENDING.to_owned(), stored.clone())]);
        let item = Item::new(user, attributes);
        let (sealed, update) = match item.live_pending(now)? {
            None => (None, "SET change_id = :id REMOVE pending"),
            Some(secret) => {
                let read = secret.record(&self.keys)?;
                if read.sealed_by.as_deref() == self.keys.ids().next() {
                    return Ok(false);
                }
                let until = item.pending_until()?.unwrap_or(0);
                let id = match read.enrolled {
                    Enrolled::Id(id) => id,
                    Enrolled::Legacy(_) => write_id()?,
                };
                let sealed = pending(user, &id, &read.totp, until, &self.keys)?;
                (Some(sealed), "SET change_id = :id, pending = :sealed")
            }
        };
        let turn = self.connection.turn().await?;
        let mut request = UpdateItemInput::builder()
            .table_name(&self.table)
            .key(field::USER_ID, s(user))
            .update_expression(update)
            .condition_expression("pending = :pending")
            .expression_attribute_values(":pending", stored.clone())
            .expression_attribute_values(":id", s(&write_id()?));
        if let Some(sealed) = sealed {
            request = request.expression_attribute_values(":sealed", sealed);
        }
        match turn.send(request).await {
            // Confirmed or rotated since, and so under a key of today; or by our first try.
            Err(error) if failed_condition(&error).is_none() => Err(self.failed(&error)),
            _ => Ok(true),
        }
    }

    async fn reseal_secret(&self, user: &str, record: &Record) -> Result<bool, StoreError> {
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
        too_many_changes()
    }
}
