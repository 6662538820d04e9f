//! Unlocking: the operator's help.

use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;

use super::item::{Item, failed_condition, field, n, s, write_id};
use super::{MAX_TURNS, Store, StoreError, too_many_changes};
use crate::otp::Period;

/// Whom to unlock, and when.
#[derive(Debug, Clone, Copy)]
pub struct Unlocking<'a> {
    /// Hash key of the table.
    pub user: &'a str,
    /// Seconds since 1970.
    pub now: u64,
    /// Steps accepted on each side of the current one.
    pub window: u64,
}

/// The last step that a right clock can have accepted: one that is ahead of ours by less than
/// the window, or by less than a step.
#[must_use]
pub fn furthest_step(now: u64, period: Period, window: u64) -> u64 {
    now / period.seconds() + window + window.max(1)
}

impl Store {
    /// Clears a user's misses and refills their attempt budget, once: the write holds only while
    /// no attempt and no other unlock has come since the read. A last step that no right
    /// clock has accepted becomes the last one that it could have. Returns whether
    /// there is such a user.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn unlock(&self, unlocking: Unlocking<'_>) -> Result<bool, StoreError> {
        let Unlocking { user, now, window } = unlocking;
        let mut seen = self.read(user).await?;
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        for _ in 0..MAX_TURNS {
            let Some(item) = seen else { return Ok(false) };
            let (same, value) = Item::still_there(Some(&item));
            let mut only_if = same;
            let mut values: Vec<_> =
                value.map(|value| (":seen".to_owned(), value)).into_iter().collect();
            for name in [field::CHANGE_ID, field::UNLOCK_ID, field::RESERVE_ID] {
                let (unchanged, value) = item.unchanged(name);
                only_if = format!("{only_if} AND {unchanged}");
                values.extend(value);
            }
            let latest = furthest_step(now, item.period()?, window);
            let ahead = item.number(field::LAST_STEP)?.is_some_and(|last: u64| last > latest);
            let mut set = "SET misses = :zero, change_id = :id, unlock_id = :id".to_owned();
            if ahead {
                set.push_str(", last_step = :latest");
                values.push((":latest".to_owned(), n(latest)));
            }
            let request = UpdateItemInput::builder()
                .table_name(&self.table)
                .key(field::USER_ID, s(user))
                .update_expression(set + " REMOVE throttle_at, recovery_at")
                .condition_expression(only_if)
                .expression_attribute_values(":zero", n(0))
                .expression_attribute_values(":id", s(&id))
                .return_values_on_condition_check_failure(AllOld);
            let request = values.into_iter().fold(request, |request, (name, value)| {
                request.expression_attribute_values(name, value)
            });
            let Err(error) = turn.send(request).await else { return Ok(true) };
            let Some(old) = failed_condition(&error) else {
                return Err(self.failed(&error));
            };
            let Some(old) = Item::returned(user, old).filter(|old| !old.is_tombstone()) else {
                return Ok(false);
            };
            // Unlocked since the read, by our first try or by somebody else: once is enough.
            if old.agrees(&item, field::ENROLLMENT_ID) && !old.agrees(&item, field::UNLOCK_ID) {
                return Ok(true);
            }
            seen = Some(old);
        }
        too_many_changes()
    }
}
