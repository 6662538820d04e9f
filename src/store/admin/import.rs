//! Users that come from elsewhere, with secrets that phones have already.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

use super::{Pending, UserState};
use crate::otp::Totp;
use crate::store::item::{Item, attributes, field, n, pending, write_id};
use crate::store::{NewUser, Store, StoreError};

/// Users that one transaction can take: DynamoDB's own limit.
pub const TOGETHER: usize = 100;

/// A user from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedUser {
    /// Hash key of the table.
    pub user: String,
    /// The secret and how codes are made of it.
    pub totp: Totp,
    /// What they have behind them.
    pub state: UserState,
    /// One for all tries of this user: by it, a try recognises what an earlier one wrote.
    /// [`import_id`] makes it.
    pub id: String,
}

/// Makes an [`ImportedUser::id`]: 128 random bits.
///
/// # Errors
/// The operating system gave no random bytes.
pub fn import_id() -> Result<String, StoreError> {
    Ok(write_id()?)
}

/// The outcome of importing one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// Written; or, in a rehearsal, would be.
    New,
    /// There already, with the very same secret: nothing is left to do.
    Same,
    /// There already, with another secret or other parameters; untouched.
    Other,
    /// There already, and not to be read; untouched.
    Unreadable(StoreError),
}

impl Store {
    /// Writes a user from elsewhere, whole or not at all, and never over another one. Tried again
    /// after a time-out, it recognises its own write.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn import(&self, user: &ImportedUser, now: u64) -> Result<Imported, StoreError> {
        let item = self.imported(user, now)?;
        Ok(match self.put_new(&user.user, item, &user.id, |old| old.has_lapsed(now)).await? {
            None => Imported::New,
            Some(there) => self.compare(&there, user),
        })
    }

    /// Whether many writes cost less together: each commit of the embedded engine waits for
    /// the disk.
    #[must_use]
    pub fn gains_by_transactions(&self) -> bool {
        self.connection.is_embedded()
    }

    /// Writes users from elsewhere in one transaction, at most [`TOGETHER`]: all of them, or none.
    /// Returns the places of those who stopped it, because they are there already or cannot be
    /// written.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn import_together(
        &self,
        users: &[&ImportedUser],
        now: u64,
    ) -> Result<Vec<usize>, StoreError> {
        let turn = self.connection.turn().await?;
        let mut request = turn.client().transact_write_items();
        for user in users {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(self.imported(user, now)?))
                .condition_expression("attribute_not_exists(user_id)")
                .build();
            let Ok(put) = put else { unreachable!("it is whole") };
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        match Box::pin(request.send()).await {
            Ok(_) => Ok(Vec::new()),
            Err(error) => match error.as_service_error() {
                Some(refusal) => Ok(stopped_by(refusal, users.len())),
                None => Err(self.failed(&error)),
            },
        }
    }

    /// The item of a user from elsewhere.
    fn imported(
        &self,
        user: &ImportedUser,
        now: u64,
    ) -> Result<HashMap<String, AttributeValue>, StoreError> {
        let state = &user.state;
        let new = NewUser {
            user: &user.user,
            totp: &user.totp,
            registered_at: state.registered_at.unwrap_or(now),
            // A phone has the secret already, so it never lapses.
            expires_at: None,
            generated: false,
            recovery: state.recovery.clone(),
        };
        let mut item = attributes(&new, &user.id, &self.keys)?;
        for (name, value) in [
            (field::CONFIRMED_AT, state.confirmed_at.map(n)),
            (field::LAST_STEP, state.last_step.map(n)),
            (field::MISSES, state.misses.map(n)),
            (field::THROTTLE_AT, state.throttle_at.map(n)),
            (field::RECOVERY_AT, state.recovery_at.map(n)),
        ] {
            item.extend(value.map(|value| (name.to_owned(), value)));
        }
        if let Some(Pending { totp, expires_at }) =
            state.pending.as_ref().filter(|pending| pending.expires_at > now)
        {
            let pending = pending(&user.user, &write_id()?, totp, *expires_at, &self.keys)?;
            item.insert(field::PENDING.to_owned(), pending);
        }
        Ok(item)
    }

    /// Returns what [`import`](Self::import) would do, and does nothing.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn rehearse_import(&self, user: &ImportedUser) -> Result<Imported, StoreError> {
        let there = self.read(&user.user).await?;
        Ok(there.map_or(Imported::New, |there| self.compare(&there, user)))
    }

    fn compare(&self, there: &Item, user: &ImportedUser) -> Imported {
        match there.record(&self.keys) {
            Ok(record) if record.totp == user.totp => Imported::Same,
            Ok(_) => Imported::Other,
            Err(error) => Imported::Unreadable(error),
        }
    }
}

/// The places of those who stopped a transaction: all of them where it is not told.
fn stopped_by(refusal: &TransactWriteItemsError, users: usize) -> Vec<usize> {
    if let TransactWriteItemsError::TransactionCanceledException(cancelled) = refusal {
        // One reason a user, in their order.
        let reasons = cancelled.cancellation_reasons().iter().enumerate();
        let stopping = reasons.filter(|(_, reason)| reason.code() != Some("None"));
        let places: Vec<_> = stopping.map(|(place, _)| place).collect();
        if !places.is_empty() && places.iter().all(|&place| place < users) {
            return places;
        }
    }
    (0..users).collect()
}
