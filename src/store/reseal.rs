//! Sealing a whole table under the first key, page by page, while logins go on.

use aws_sdk_dynamodb::types::AttributeValue;

use super::dynamodb::{failed_condition, s, same_enrollment};
use super::item::{Item, field};
use super::{Store, StoreError};

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
    /// Seals one page of users, of one segment of so many. Interrupted and repeated, it
    /// goes on where something is left to do.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn reseal(
        &self,
        after: Option<&str>,
        segment: (i32, i32),
        limit: i32,
    ) -> Result<Resealed, StoreError> {
        if self.keys.is_empty() {
            return Err(StoreError::Configuration(
                "there is no key to seal with: set LAMBDATOTP_KEYS".to_owned(),
            ));
        }
        let turn = self.connection.turn().await?;
        let mut scan = turn
            .client()
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(limit)
            .segment(segment.0)
            .total_segments(segment.1);
        if let Some(after) = after {
            scan = scan.exclusive_start_key(field::USER_ID, s(after));
        }
        let page = match Box::pin(scan.send()).await {
            Ok(page) => page,
            Err(error) => return Err(StoreError::of(&error, &self.table)),
        };
        let key = page.last_evaluated_key.as_ref().and_then(|key| key.get(field::USER_ID));
        let mut resealed =
            Resealed { next: key.and_then(|key| key.as_s().ok()).cloned(), ..Resealed::default() };
        drop(turn);
        for attributes in page.items.unwrap_or_default() {
            let Some(AttributeValue::S(user)) = attributes.get(field::USER_ID).cloned() else {
                continue;
            };
            match self.reseal_one(Item::new(&user, attributes), &user).await {
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
            Err(error) => Err(StoreError::of(&error, &self.table)),
        }
    }
}
