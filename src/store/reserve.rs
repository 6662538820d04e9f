//! Charging an attempt, before its code is looked at: DESIGN.md, "How are guesses bounded?".

use std::time::Duration;

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld};

use super::item::{Item, Record, failed_condition, field, n, s, write_id};
use super::seal::{self, KeyRing};
use super::{Store, StoreError};
use crate::policy::{Charge, Policy};

/// How often a reservation changes between its two forms before it gives up: each
/// change means that another attempt of the same user came in between.
const MAX_TURNS: usize = 16;

/// An attempt to check a code.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Whose code.
    pub user: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// How many attempts there may be.
    pub policy: &'a Policy,
}

/// What became of an attempt's reservation.
#[derive(Debug)]
pub enum Reserved<T> {
    /// The attempt is charged, and this is what there is to check it against.
    Granted(T),
    /// There is no such user.
    NotFound,
    /// Nothing was charged; the next attempt is free after this time.
    Throttled(Duration),
    /// Too many misses in a row: no attempt is granted until an unlock.
    Locked,
}

impl<T> Reserved<T> {
    pub(super) fn and_then<U>(
        self,
        read: impl FnOnce(T) -> Result<U, StoreError>,
    ) -> Result<Reserved<U>, StoreError> {
        Ok(match self {
            Self::Granted(granted) => Reserved::Granted(read(granted)?),
            Self::NotFound => Reserved::NotFound,
            Self::Throttled(wait) => Reserved::Throttled(wait),
            Self::Locked => Reserved::Locked,
        })
    }
}

/// What an attempt is charged to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Budget {
    /// Codes: `throttle_at`, and the run of misses.
    Codes,
    /// Recovery codes: `recovery_at`, so that whoever is locked out still gets in.
    Recovery,
}

impl Budget {
    const fn attribute(self) -> &'static str {
        match self {
            Self::Codes => field::THROTTLE_AT,
            Self::Recovery => field::RECOVERY_AT,
        }
    }

    /// The update and its condition: with nothing owed the attempt is charged from now
    /// on, otherwise on top of what is owed, within the burst. The user exists, is not
    /// locked, and this is no repetition of a lost reply.
    fn expressions(self, idle: bool, keys: &KeyRing) -> (String, String) {
        let at = self.attribute();
        let mut set = if idle {
            format!("SET {at} = :next, reserve_id = :id")
        } else {
            format!("SET {at} = {at} + :refill, reserve_id = :id")
        };
        let owed = if idle {
            format!("(attribute_not_exists({at}) OR {at} <= :now)")
        } else {
            format!("{at} > :now AND {at} <= :limit")
        };
        let new = "attribute_exists(user_id) \
             AND (attribute_not_exists(reserve_id) OR reserve_id <> :id)";
        if self == Self::Recovery {
            return (set, format!("{new} AND {owed}"));
        }
        set.push_str(", misses = if_not_exists(misses, :zero) + :one");
        // Without its key there is no verdict, so nothing may be charged.
        let names: Vec<_> = (0..keys.ids().count()).map(|number| format!(":key{number}")).collect();
        let opens = match names.join(", ").as_str() {
            "" => "attribute_not_exists(sealed_by)".to_owned(),
            names => format!("(attribute_not_exists(sealed_by) OR sealed_by IN ({names}))"),
        };
        let only_if = format!(
            "{new} AND (attribute_not_exists(misses) OR misses < :cap) AND {opens} AND {owed}"
        );
        (set, only_if)
    }
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
        self.charge(attempt, Budget::Codes)
            .await?
            .and_then(|item| Ok(Box::new(item.record(&self.keys)?)))
    }

    pub(super) async fn charge(
        &self,
        attempt: Attempt<'_>,
        budget: Budget,
    ) -> Result<Reserved<Item>, StoreError> {
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        let Attempt { user, now_ms, policy } = attempt;
        let codes = budget == Budget::Codes;
        let mut idle = true;
        for _ in 0..MAX_TURNS {
            let (set, only_if) = budget.expressions(idle, &self.keys);
            let mut request = turn
                .client()
                .update_item()
                .table_name(&self.table)
                .key(field::USER_ID, s(user))
                .update_expression(set)
                .condition_expression(only_if)
                .expression_attribute_values(":id", s(&id))
                .expression_attribute_values(":now", n(now_ms))
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
            if codes {
                request = request
                    .expression_attribute_values(":zero", n(0))
                    .expression_attribute_values(":one", n(1))
                    .expression_attribute_values(":cap", n(policy.max_misses()));
                for (number, key) in self.keys.ids().enumerate() {
                    request = request.expression_attribute_values(format!(":key{number}"), s(key));
                }
            }
            let error = match Box::pin(request.send()).await {
                Ok(done) => {
                    let attributes = done.attributes.unwrap_or_default();
                    return Ok(Reserved::Granted(Item::new(user, attributes)));
                }
                Err(error) => error,
            };
            let Some(old) = failed_condition(&error) else {
                return Err(self.failed(&error));
            };
            let Some(old) = Item::returned(user, old) else { return Ok(Reserved::NotFound) };
            if old.carries(field::RESERVE_ID, &id) {
                return Ok(Reserved::Granted(old));
            }
            if codes
                && let Some(by) = old.string(field::SEALED_BY)?
                && !self.keys.ids().any(|key| key == by)
            {
                return Err(seal::missing(user, by));
            }
            let at = old.number(budget.attribute())?;
            let misses = if codes { old.number(field::MISSES)?.unwrap_or(0) } else { 0 };
            idle = match policy.charge(at, misses, now_ms) {
                Charge::Idle => true,
                Charge::Busy => false,
                Charge::Throttled(wait) => return Ok(Reserved::Throttled(wait)),
                Charge::Locked => return Ok(Reserved::Locked),
            };
        }
        Err(StoreError::Unavailable("too many attempts of this user at once".to_owned()))
    }
}
