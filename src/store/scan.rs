//! Reading the table page by page: for whoever looks after it, not for logins.

use super::item::{History, Item, field, s};
use super::{Record, Status, Store, StoreError};
use aws_sdk_dynamodb::types::AttributeValue;

/// A page of users, in the order that DynamoDB keeps them: of their keys' hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The users, and what was read of each, or why it could not be.
    pub users: Vec<(String, Result<T, StoreError>)>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// Which part of the table to read.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The `next` of the page before; `None` to begin with.
    pub after: Option<&'a str>,
    /// Which segment, of how many that are read side by side.
    pub segment: (i32, i32),
    /// How many users at the most.
    pub limit: i32,
}

impl<'a> Part<'a> {
    /// A page of the whole table, read by one reader.
    #[must_use]
    pub const fn of_all(after: Option<&'a str>, limit: i32) -> Self {
        Self { after, segment: (0, 1), limit }
    }
}

/// All that [`Status`] needs. Secrets stay in the table.
const STATUS: &str = "user_id, registered_at, confirmed_at, expires_at, misses, throttle_at, \
                      recovery, sealed_by";

impl Store {
    /// Reads one page of items, or some attributes of them, strongly consistently.
    pub(super) async fn scan(
        &self,
        part: Part<'_>,
        attributes: Option<&str>,
    ) -> Result<(Vec<(String, Item)>, Option<String>), StoreError> {
        let turn = self.connection.turn().await?;
        let mut scan = turn
            .client()
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(part.limit)
            .segment(part.segment.0)
            .total_segments(part.segment.1)
            .set_projection_expression(attributes.map(str::to_owned));
        if let Some(after) = part.after {
            scan = scan.exclusive_start_key(field::USER_ID, s(after));
        }
        let page = match Box::pin(scan.send()).await {
            Ok(page) => page,
            Err(error) => return Err(self.failed(&error)),
        };
        let next = page.last_evaluated_key.as_ref().and_then(|key| key.get(field::USER_ID));
        let next = next.and_then(|key| key.as_s().ok()).cloned();
        let items = page.items.unwrap_or_default().into_iter().filter_map(|attributes| {
            let user = match attributes.get(field::USER_ID)? {
                AttributeValue::S(user) => user.clone(),
                _ => return None,
            };
            let item = Item::new(&user, attributes);
            Some((user, item))
        });
        Ok((items.collect(), next))
    }

    /// One page of users, as far as they can be seen without their secrets.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn list(&self, part: Part<'_>) -> Result<Page<Status>, StoreError> {
        let (items, next) = self.scan(part, Some(STATUS)).await?;
        let users = items.into_iter().map(|(user, item)| (user, item.status())).collect();
        Ok(Page { users, next })
    }

    /// One page of users with everything that moves with them, their secrets included.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn users(&self, part: Part<'_>) -> Result<Page<(Record, History)>, StoreError> {
        let (items, next) = self.scan(part, None).await?;
        let users = items.into_iter().map(|(user, item)| {
            let read = item.record(&self.keys).and_then(|record| Ok((record, item.history()?)));
            (user, read)
        });
        Ok(Page { users: users.collect(), next })
    }
}
