//! Using up a code: DESIGN.md, "How is a code accepted exactly once?".

use std::borrow::Cow;

use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld,
};

use super::item::{Enrolled, Item, Record, Stored, failed_condition, field, n, s, write_id};
use super::seal::{Form, Owner};
use super::{MAX_TURNS, Store, StoreError, too_many_changes};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// The step is used up, by this call.
    Stored {
        /// No code of the user was accepted before.
        first: bool,
        /// Which enrollment it is now.
        enrollment_id: Option<String>,
    },
    /// The step, or a later one, was used up by another call.
    Replayed,
    /// The user was deleted, or registered anew, while the code was checked.
    Superseded,
}

impl Store {
    /// Uses up a step: at most one call ever succeeds for it. A secret that is stored in
    /// plaintext, or under an old key, is sealed by the same write.
    ///
    /// The write gives the attempt back unless an unlock has done so since, and seals only
    /// what it was computed from. If an operator came in between, it is made again.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn accept(&self, accepted: Acceptance<'_>) -> Result<Accepted, StoreError> {
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        let mut record = Cow::Borrowed(accepted.record);
        let mut refund = true;
        for _ in 0..MAX_TURNS {
            let (same, enrolled) = same_enrollment(&record.enrolled);
            let mut update = UpdateItemInput::builder()
                .table_name(&self.table)
                .key(field::USER_ID, s(accepted.user))
                .expression_attribute_values(":step", n(accepted.step))
                .expression_attribute_values(":zero", n(0))
                .expression_attribute_values(":id", s(&id))
                .expression_attribute_values(":now", n(accepted.now))
                .expression_attribute_values(":enrolled", enrolled)
                .return_values(ReturnValue::UpdatedOld)
                .return_values_on_condition_check_failure(AllOld);
            let mut enrollment_id = record.standing.enrollment_id.clone();
            let mut only_if =
                format!("{same} AND (attribute_not_exists(last_step) OR last_step < :step)");
            let mut set = "SET last_step = :step, misses = :zero, accept_id = :id, \
                 confirmed_at = if_not_exists(confirmed_at, :now)"
                .to_owned();
            let mut remove = " REMOVE expires_at";
            if refund {
                set.push_str(", throttle_at = if_not_exists(throttle_at, :refund) - :refund");
                update = update.expression_attribute_values(":refund", n(accepted.refund_ms));
                only_if.push_str(match &record.unlock_id {
                    None => " AND attribute_not_exists(unlock_id)",
                    Some(_) => " AND unlock_id = :unlock_id",
                });
                if let Some(unlock_id) = &record.unlock_id {
                    update = update.expression_attribute_values(":unlock_id", s(unlock_id));
                }
            }
            if let Some(sealing) = self.sealing(accepted.user, &record, Form::First)? {
                set.push_str(sealing.set);
                enrollment_id = Some(sealing.enrollment_id);
                remove = " REMOVE expires_at, secret";
                only_if = format!("{only_if} AND {}", sealing.only_if);
                for (name, value) in sealing.values {
                    update = update.expression_attribute_values(name, value);
                }
            }
            let request = update.condition_expression(only_if).update_expression(set + remove);
            let error = match turn.send(request).await {
                Ok(done) => {
                    let before = done.attributes.unwrap_or_default();
                    let first = !before.contains_key(field::CONFIRMED_AT);
                    return Ok(Accepted::Stored { first, enrollment_id });
                }
                Err(error) => error,
            };
            let Some(old) = failed_condition(&error) else {
                return Err(self.failed(&error));
            };
            let Some(old) = Item::returned(accepted.user, old).filter(|old| !old.is_tombstone())
            else {
                return Ok(Accepted::Superseded);
            };
            if old.carries(field::ACCEPT_ID, &id) {
                let first = !record.standing.confirmed;
                let enrollment_id = old.string(field::ENROLLMENT_ID)?.map(str::to_owned);
                return Ok(Accepted::Stored { first, enrollment_id });
            }
            let old = old.record(&self.keys)?;
            let sealed_since = matches!(record.enrolled, Enrolled::Legacy(_))
                && old.sealed_by.is_some()
                && old.totp == record.totp;
            if old.enrolled != record.enrolled && !sealed_since {
                return Ok(Accepted::Superseded);
            }
            if old.last_step.is_some_and(|last| last >= accepted.step) {
                return Ok(Accepted::Replayed);
            }
            refund &= old.unlock_id == record.unlock_id;
            record = Cow::Owned(old);
        }
        too_many_changes()
    }

    /// What seals the secret, where it is not under the first key yet, or in an older form than
    /// this one.
    pub(super) fn sealing(
        &self,
        user: &str,
        record: &Record,
        oldest: Form,
    ) -> Result<Option<Sealing>, StoreError> {
        let first = self.keys.ids().next();
        let sealed = first == record.sealed_by.as_deref() && record.form >= Some(oldest);
        if first.is_none() || sealed {
            return Ok(None);
        }
        // The original application gave no enrollment ids, and a seal needs one.
        let (enrollment_id, set) = match &record.enrolled {
            Enrolled::Id(id) => (id.clone(), ", sealed = :sealed, sealed_by = :by"),
            Enrolled::Legacy(_) => {
                (write_id()?, ", sealed = :sealed, sealed_by = :by, enrollment_id = :new")
            }
        };
        let owner = Owner::of(user, &enrollment_id, &record.totp);
        let Some(sealed) = self.keys.seal(owner, record.totp.secret())? else { return Ok(None) };
        let (only_if, stored) = match &record.stored {
            Stored::Plain(text) => ("attribute_not_exists(sealed) AND secret = :stored", s(text)),
            Stored::Sealed(bytes) => ("sealed = :stored", AttributeValue::B(bytes.clone().into())),
        };
        let mut values = vec![
            (":by", AttributeValue::S(sealed.written_by())),
            (":sealed", AttributeValue::B(sealed.bytes.into())),
            (":stored", stored),
        ];
        if matches!(record.enrolled, Enrolled::Legacy(_)) {
            values.push((":new", s(&enrollment_id)));
        }
        Ok(Some(Sealing { set, only_if, values, enrollment_id }))
    }
}

/// The part of an update that seals a secret.
pub(super) struct Sealing {
    pub(super) set: &'static str,
    /// The secret is still stored as it was when this was computed.
    pub(super) only_if: &'static str,
    pub(super) values: Vec<(&'static str, AttributeValue)>,
    /// Which enrollment it is from then on.
    pub(super) enrollment_id: String,
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
