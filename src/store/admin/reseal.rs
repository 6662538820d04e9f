//! Sealing a secret under the first key.

use crate::store::accept::same_enrollment;
use crate::store::item::{failed_condition, field, s};
use crate::store::{Record, Store, StoreError};

impl Store {
    /// Whether there is a key to seal with.
    #[must_use]
    pub fn seals(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Seals a user's secret under the first key. Returns whether this call did; otherwise
    /// it was under that key already, or the user was deleted or registered anew.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn reseal(&self, user: &str, record: &Record) -> Result<bool, StoreError> {
        let Some(sealing) = self.sealing(user, record)? else { return Ok(false) };
        let (same, enrolled) = same_enrollment(&record.enrolled);
        let turn = self.connection.turn().await?;
        let mut update = turn
            .client()
            .update_item()
            .table_name(&self.table)
            .key(field::USER_ID, s(user))
            .update_expression(format!(
                "SET {} REMOVE secret",
                sealing.set.trim_start_matches(", ")
            ))
            .condition_expression(same)
            .expression_attribute_values(":enrolled", enrolled);
        for (name, value) in sealing.values {
            update = update.expression_attribute_values(name, value);
        }
        match Box::pin(update.send()).await {
            Ok(_) => Ok(true),
            // Deleted, registered anew or sealed since, all of which leave nothing to do;
            // or our own write, whose reply was lost.
            Err(error) if failed_condition(&error).is_some() => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }
}
