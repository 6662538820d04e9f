//! Using up a code: DESIGN.md, "How is a code accepted exactly once?".

use std::borrow::Cow;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld};

use super::item::{Enrolled, Item, Record, failed_condition, field, n, s, write_id};
use super::seal::Owner;
use super::{Store, StoreError};

/// A right code, about to be used up.
#[derive(Debug, Clone, Copy)]
pub struct Acceptance<'a> {
    /// Whose code.
    pub user: &'a str,
    /// What it was checked against.
    pub record: &'a Record,
    /// The step it belongs to.
    pub step: u64,
    /// What the reservation added to `throttle_at`, in milliseconds: given back.
    pub refund_ms: i64,
    /// Seconds since 1970.
    pub now: u64,
}

/// What became of the acceptance of a right code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// The step is used up, by this call.
    Stored,
    /// The step, or a later one, was used up by another call.
    Replayed,
    /// The user was deleted, or registered anew, while the code was checked.
    Superseded,
}

impl Store {
    /// Uses up a step: at most one call ever succeeds for it. A secret that is stored
    /// in the open, or under an old key, is sealed by the same write.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn accept(&self, accepted: Acceptance<'_>) -> Result<Accepted, StoreError> {
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        let mut record = Cow::Borrowed(accepted.record);
        // Once more, if the item was sealed in between, by an operator.
        for _ in 0..2 {
            let (same, enrolled) = same_enrollment(&record.enrolled);
            let mut update = turn
                .client()
                .update_item()
                .table_name(&self.table)
                .key(field::USER_ID, s(accepted.user))
                .condition_expression(format!(
                    "{same} AND (attribute_not_exists(last_step) OR last_step < :step)"
                ))
                .expression_attribute_values(":step", n(accepted.step))
                .expression_attribute_values(":zero", n(0))
                .expression_attribute_values(":refund", n(accepted.refund_ms))
                .expression_attribute_values(":id", s(&id))
                .expression_attribute_values(":now", n(accepted.now))
                .expression_attribute_values(":enrolled", enrolled)
                .return_values_on_condition_check_failure(AllOld);
            let mut set = "SET last_step = :step, misses = :zero, accept_id = :id, \
                 throttle_at = if_not_exists(throttle_at, :refund) - :refund, \
                 confirmed_at = if_not_exists(confirmed_at, :now)"
                .to_owned();
            let mut remove = " REMOVE expires_at";
            if let Some(sealing) = self.sealing(accepted.user, &record)? {
                set.push_str(sealing.set);
                remove = " REMOVE expires_at, secret";
                for (name, value) in sealing.values {
                    update = update.expression_attribute_values(name, value);
                }
            }
            let request = update.update_expression(set + remove);
            let Err(error) = Box::pin(request.send()).await else { return Ok(Accepted::Stored) };
            let Some(old) = failed_condition(&error) else {
                return Err(self.failed(&error));
            };
            let Some(old) = Item::returned(accepted.user, old) else {
                return Ok(Accepted::Superseded);
            };
            if old.carries(field::ACCEPT_ID, &id) {
                return Ok(Accepted::Stored);
            }
            let old = old.record(&self.keys)?;
            if old.enrolled == record.enrolled {
                return Ok(Accepted::Replayed);
            }
            let sealed_since = matches!(record.enrolled, Enrolled::Legacy(_))
                && old.sealed_by.is_some()
                && old.totp == record.totp;
            if !sealed_since {
                break;
            }
            record = Cow::Owned(old);
        }
        Ok(Accepted::Superseded)
    }

    /// What seals the secret, where it is not under the first key yet.
    pub(super) fn sealing(
        &self,
        user: &str,
        record: &Record,
    ) -> Result<Option<Sealing>, StoreError> {
        let first = self.keys.ids().next();
        if first.is_none() || first == record.sealed_by.as_deref() {
            return Ok(None);
        }
        // The original application gave no enrollment ids, and a seal needs one.
        let (enrollment_id, set) = match &record.enrolled {
            Enrolled::Id(id) => (id.clone(), ", sealed = :sealed, sealed_by = :by"),
            Enrolled::Legacy(_) => {
                (write_id()?, ", sealed = :sealed, sealed_by = :by, enrollment_id = :new")
            }
        };
        let owner = Owner { user, enrollment_id: &enrollment_id };
        let Some(sealed) = self.keys.seal(owner, record.totp.secret())? else { return Ok(None) };
        let mut values = vec![
            (":sealed", AttributeValue::B(sealed.bytes.into())),
            (":by", AttributeValue::S(sealed.by)),
        ];
        if matches!(record.enrolled, Enrolled::Legacy(_)) {
            values.push((":new", AttributeValue::S(enrollment_id)));
        }
        Ok(Some(Sealing { set, values }))
    }
}

/// The part of an update that seals a secret.
pub(super) struct Sealing {
    pub(super) set: &'static str,
    pub(super) values: Vec<(&'static str, AttributeValue)>,
}

/// The condition that an enrollment is still the one there, and its value.
pub(super) fn same_enrollment(enrolled: &Enrolled) -> (&'static str, AttributeValue) {
    match enrolled {
        Enrolled::Id(id) => ("enrollment_id = :enrolled", s(id)),
        Enrolled::Legacy(secret) => {
            ("attribute_not_exists(enrollment_id) AND secret = :enrolled", s(secret))
        }
    }
}
