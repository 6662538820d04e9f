//! Charging an attempt, before its code is looked at: DESIGN.md, "How are guesses bounded?".

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld};

use super::client::Turn;
use super::item::{Item, Record, failed_condition, field, n, s, write_id};
use super::seal::{self, Form, KeyRing};
use super::{MAX_TURNS, Store, StoreError};
use crate::policy::{Charge, Policy};

/// An attempt to check a code.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Whose code.
    pub user: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// How many attempts there may be.
    pub policy: &'a Policy,
    /// What two clocks may differ by, in milliseconds, without one of them being wrong.
    pub apart_ms: i64,
}

impl Attempt<'_> {
    /// With clocks that agree, nobody owes more than the whole budget.
    fn is_of_a_wrong_clock(&self, at: i64) -> bool {
        let most = self.policy.most_owed_ms().saturating_add(self.apart_ms);
        at.saturating_sub(self.now_ms) > most
    }
}

/// What became of an attempt's reservation.
#[derive(Debug)]
pub enum Reserved<T> {
    /// The attempt is charged, and this is what there is to check it against.
    Granted(T),
    /// There is no such user.
    NotFound,
    /// There is no rotation, or it has expired; nothing was charged.
    NoRotation,
    /// Nothing was charged; the next attempt is free after this time.
    Throttled(Duration),
    /// Too many misses in a row: no attempt is granted until an unlock.
    Locked,
}

impl<T> Reserved<T> {
    /// Reads what was granted.
    pub(super) fn and_then<U>(
        self,
        read: impl FnOnce(T) -> Result<Reserved<U>, StoreError>,
    ) -> Result<Reserved<U>, StoreError> {
        match self {
            Self::Granted(item) => read(item),
            Self::NotFound => Ok(Reserved::NotFound),
            Self::NoRotation => Ok(Reserved::NoRotation),
            Self::Throttled(wait) => Ok(Reserved::Throttled(wait)),
            Self::Locked => Ok(Reserved::Locked),
        }
    }
}

/// Which of a user's secrets a code is to be checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    Secret,
    /// The one of a rotation.
    Pending,
}

/// The update and its condition: with nothing owed the attempt is charged from now on,
/// otherwise on top of what is owed, within the burst. The user exists, is not locked, and
/// this is not the retry of a write whose reply was lost.
fn expressions(idle: bool, against: Against, keys: &KeyRing) -> (&'static str, String) {
    let (set, owed) = if idle {
        (
            "SET throttle_at = :next, reserve_id = :id, misses = if_not_exists(misses, :zero) + :one",
            "(attribute_not_exists(throttle_at) OR throttle_at <= :now)",
        )
    } else {
        (
            "SET throttle_at = throttle_at + :refill, reserve_id = :id, \
             misses = if_not_exists(misses, :zero) + :one",
            "throttle_at > :now AND throttle_at <= :limit",
        )
    };
    // Without its key there is no verdict, so nothing may be charged.
    let names: Vec<_> = (0..keys.written_by().count()).map(|n| format!(":key{n}")).collect();
    let (by, pending) = match against {
        Against::Secret => ("sealed_by", ""),
        Against::Pending => ("pending.sealed_by", " AND pending.expires_at > :seconds"),
    };
    let opens = match names.join(", ").as_str() {
        "" => format!("attribute_not_exists({by})"),
        names => format!("(attribute_not_exists({by}) OR {by} IN ({names}))"),
    };
    let only_if = format!(
        "attribute_exists(user_id) AND attribute_not_exists(deleted_at) \
         AND (attribute_not_exists(reserve_id) OR reserve_id <> :id) \
         AND (attribute_not_exists(misses) OR misses < :cap){pending} AND {opens} AND {owed}"
    );
    (set, only_if)
}

impl Store {
    /// Charges an attempt and reads the user, in one write.
    ///
    /// One round trip where nothing is owed, two otherwise: the reply that refuses
    /// the first form says which one fits.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn reserve(&self, attempt: Attempt<'_>) -> Result<Reserved<Box<Record>>, StoreError> {
        let reserved = self.charge(attempt, Against::Secret).await?;
        reserved.and_then(|item| Ok(Reserved::Granted(Box::new(item.record(&self.keys)?))))
    }

    /// Charges an attempt, against whichever secret. Returns the item as it is then.
    pub(super) async fn charge(
        &self,
        attempt: Attempt<'_>,
        against: Against,
    ) -> Result<Reserved<Item>, StoreError> {
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        let Attempt { user, now_ms, policy, .. } = attempt;
        let seconds = u64::try_from(now_ms / 1000).unwrap_or(0);
        let mut idle = true;
        for _ in 0..MAX_TURNS {
            let (set, only_if) = expressions(idle, against, &self.keys);
            let mut request = UpdateItemInput::builder()
                .table_name(&self.table)
                .key(field::USER_ID, s(user))
                .update_expression(set)
                .condition_expression(only_if)
                .expression_attribute_values(":id", s(&id))
                .expression_attribute_values(":now", n(now_ms))
                .expression_attribute_values(":zero", n(0))
                .expression_attribute_values(":one", n(1))
                .expression_attribute_values(":cap", n(policy.max_misses()))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(AllOld);
            request = if idle {
                let next = now_ms.saturating_add(policy.refill_ms());
                request.expression_attribute_values(":next", n(next))
            } else {
                let limit = now_ms.saturating_add(policy.tolerance_ms());
                request
                    .expression_attribute_values(":refill", n(policy.refill_ms()))
                    .expression_attribute_values(":limit", n(limit))
            };
            if against == Against::Pending {
                request = request.expression_attribute_values(":seconds", n(seconds));
            }
            for (number, key) in self.keys.written_by().enumerate() {
                request = request.expression_attribute_values(format!(":key{number}"), s(&key));
            }
            let error = match turn.send(request).await {
                Ok(done) => {
                    return Ok(Reserved::Granted(Item::new(
                        user,
                        done.attributes.unwrap_or_default(),
                    )));
                }
                Err(error) => error,
            };
            let Some(old) = failed_condition(&error) else {
                return Err(self.failed(&error));
            };
            let Some(old) = Item::returned(user, old).filter(|old| !old.is_tombstone()) else {
                return Ok(Reserved::NotFound);
            };
            if old.carries(field::RESERVE_ID, &id) {
                return Ok(Reserved::Granted(old));
            }
            let pending = match against {
                Against::Secret => None,
                Against::Pending => match old.live_pending(seconds)? {
                    None => return Ok(Reserved::NoRotation),
                    pending => pending,
                },
            };
            if let Some(by) = pending.as_ref().unwrap_or(&old).string(field::SEALED_BY)?
                && !self.keys.ids().any(|key| key == Form::read(by).0)
            {
                return Err(seal::missing(user, Form::read(by).0));
            }
            let at = old.number(field::THROTTLE_AT)?;
            let misses = old.number(field::MISSES)?.unwrap_or(0);
            idle = match policy.charge(at, misses, now_ms) {
                Charge::Idle => true,
                Charge::Busy => false,
                Charge::Throttled(wait) => return Ok(Reserved::Throttled(wait)),
                Charge::Overdrawn(wait) => {
                    if at.is_some_and(|at| attempt.is_of_a_wrong_clock(at)) {
                        self.correct(&turn, &attempt, at.unwrap_or_default()).await?;
                    }
                    return Ok(Reserved::Throttled(wait));
                }
                Charge::Locked => return Ok(Reserved::Locked),
            };
        }
        Err(StoreError::Unavailable("too many attempts by this user at once".to_owned()))
    }

    /// Makes a debt that only a wrong clock can have written the largest that there is. If
    /// it has changed since, the next attempt sees to it.
    async fn correct(&self, turn: &Turn, attempt: &Attempt<'_>, at: i64) -> Result<(), StoreError> {
        let most = attempt.now_ms.saturating_add(attempt.policy.most_owed_ms());
        let request = UpdateItemInput::builder()
            .table_name(&self.table)
            .key(field::USER_ID, s(attempt.user))
            .update_expression("SET throttle_at = :most")
            .condition_expression("throttle_at = :seen")
            .expression_attribute_values(":most", n(most))
            .expression_attribute_values(":seen", n(at));
        match turn.send(request).await {
            Err(error) if failed_condition(&error).is_none() => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }
}
