//! Sealing a whole table under the first key, page by page, while logins go on.

use super::accept::same_enrollment;
use super::item::{Item, failed_condition, field, s};
use super::{Part, Store, StoreError};

/// What became of one page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// Secrets that were sealed now.
    pub sealed: usize,
    /// Secrets that were under the first key already, or that a login has just put there.
    pub already: usize,
    /// What could not be sealed, and why.
    pub refused: Vec<String>,
}

impl Store {
    /// Seals one page of users. Interrupted and repeated, it
    /// goes on where something is left to do.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn reseal(&self, part: Part<'_>) -> Result<Resealed, StoreError> {
        if self.keys.is_empty() {
            return Err(StoreError::Configuration(
                "there is no key to seal with: set LAMBDATOTP_KEYS".to_owned(),
            ));
        }
        let (items, next) = self.scan(part, None).await?;
        let mut resealed = Resealed { next, ..Resealed::default() };
        for (user, item) in items {
            match self.reseal_one(item, &user).await {
                Ok(true) => resealed.sealed += 1,
                Ok(false) => resealed.already += 1,
                Err(error @ StoreError::Unavailable(_)) => return Err(error),
                Err(error) => resealed.refused.push(error.to_string()),
            }
        }
        Ok(resealed)
    }

    async fn reseal_one(&self, item: Item, user: &str) -> Result<bool, StoreError> {
        let record = item.record(&self.keys)?;
        let Some(sealing) = self.sealing(user, &record)? else { return Ok(false) };
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
