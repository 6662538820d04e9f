//! Reading the table page by page.

use aws_sdk_dynamodb::types::AttributeValue;

use super::UserState;
use crate::store::item::{Item, field, s};
use crate::store::{Record, Status, Store, StoreError};

/// A page of users, in the order that DynamoDB keeps them: of their keys' hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The users, and what was read of each.
    pub users: Vec<Listed<T>>,
    /// What deletions left behind.
    pub tombstones: Vec<Tombstone>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// What a deletion left behind, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    user: String,
    id: String,
    expires_at: u64,
}

impl Tombstone {
    fn read(user: String, item: &Item) -> Option<Self> {
        let id = item.string(field::ENROLLMENT_ID).ok()??.to_owned();
        let expires_at = item.number(field::EXPIRES_AT).ok()??;
        Some(Self { user, id, expires_at })
    }
}

/// One user of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The user id.
    pub user: String,
    /// What was read of them, or why it could not be.
    pub read: Result<T, StoreError>,
}

/// Everything there is about a user, their secret included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUser {
    /// The secret, and how codes are made of it.
    pub record: Record,
    /// What else moves with them to another table.
    pub state: UserState,
}

/// Which part of the table to read.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<'a> {
    /// The `next` of the page before; `None` to begin with.
    pub after: Option<&'a str>,
    /// The most users to read.
    pub limit: i32,
    /// Which of the segments, from 0.
    pub segment: i32,
    /// How many segments the table is read in, side by side.
    pub segments: i32,
}

impl<'a> PageRequest<'a> {
    /// A page of the whole table, read by one reader.
    #[must_use]
    pub const fn of_all(after: Option<&'a str>, limit: i32) -> Self {
        Self { after, limit, segment: 0, segments: 1 }
    }
}

/// All that [`Status`] needs. Secrets stay in the table.
const STATUS: &str = "user_id, registered_at, confirmed_at, expires_at, misses, throttle_at, \
                      recovery, sealed_by, last_step, period, deleted_at, pending.expires_at";

impl Store {
    /// Removes tombstones that have expired, where DynamoDB itself does not. Without
    /// permission they stay.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn sweep(&self, tombstones: &[Tombstone], now: u64) -> Result<(), StoreError> {
        let turn = self.connection.turn().await?;
        for tombstone in tombstones.iter().filter(|tombstone| tombstone.expires_at <= now) {
            let request = turn
                .client()
                .delete_item()
                .table_name(&self.table)
                .key(field::USER_ID, s(&tombstone.user))
                .condition_expression("enrollment_id = :seen")
                .expression_attribute_values(":seen", s(&tombstone.id));
            match Box::pin(request.send()).await {
                // Denied, or replaced since.
                Err(error) if error.as_service_error().is_some() => {}
                Err(error) => return Err(self.failed(&error)),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    /// Reads one page of users, or some attributes of them, strongly consistently.
    async fn scan<T>(
        &self,
        request: PageRequest<'_>,
        attributes: Option<&str>,
        read: impl Fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let turn = self.connection.turn().await?;
        let mut scan = turn
            .client()
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(request.limit)
            .segment(request.segment)
            .total_segments(request.segments)
            .set_projection_expression(attributes.map(str::to_owned));
        if let Some(after) = request.after {
            scan = scan.exclusive_start_key(field::USER_ID, s(after));
        }
        let page = match Box::pin(scan.send()).await {
            Ok(page) => page,
            Err(error) => return Err(self.failed(&error)),
        };
        let next = page.last_evaluated_key.as_ref().and_then(|key| key.get(field::USER_ID));
        let next = next.and_then(|key| key.as_s().ok()).cloned();
        let (mut users, mut tombstones) = (Vec::new(), Vec::new());
        for attributes in page.items.unwrap_or_default() {
            let Some(AttributeValue::S(user)) = attributes.get(field::USER_ID) else { continue };
            let user = user.clone();
            let item = Item::new(&user, attributes);
            if item.is_tombstone() {
                tombstones.extend(Tombstone::read(user, &item));
            } else {
                users.push(Listed { read: read(&item), user });
            }
        }
        Ok(Page { users, tombstones, next })
    }

    /// One page of users, as far as they can be seen without their secrets.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn list(&self, request: PageRequest<'_>) -> Result<Page<Status>, StoreError> {
        self.scan(request, Some(STATUS), Item::status).await
    }

    /// One page of users with everything that moves with them, their secrets included.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn users(
        &self,
        request: PageRequest<'_>,
        now: u64,
    ) -> Result<Page<StoredUser>, StoreError> {
        self.scan(request, None, |item| {
            Ok(StoredUser { record: item.record(&self.keys)?, state: item.state(&self.keys, now)? })
        })
        .await
    }
}
