//! Changing the authenticator without a gap: a pending secret beside the secret, until a code
//! of it is confirmed.

use std::borrow::Cow;

use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld};

use super::item::{
    Item, Standing, failed_condition, field, n, pending, s, secret_attributes, write_id,
};
use super::reserve::Against;
use super::seal::Owner;
use super::{Accepted, Attempt, MAX_TURNS, Reserved, Store, StoreError, too_many_changes};
use crate::otp::Totp;

/// A new secret for a user who has one.
#[derive(Debug, Clone, Copy)]
pub struct Rotation<'a> {
    /// Hash key of the table.
    pub user: &'a str,
    /// The new secret and how codes are made of it.
    pub totp: &'a Totp,
    /// When it expires unless it is confirmed first, in seconds since 1970.
    pub expires_at: u64,
}

/// A rotation under way, as far as confirming it needs to know.
#[derive(Debug, Clone)]
pub struct Rotating {
    /// The pending secret and how codes are made of it.
    pub totp: Totp,
    /// How the user stands.
    pub standing: Standing,
    /// As the reservation left it.
    item: Item,
}

/// A right code of the pending secret, about to make it the secret.
#[derive(Debug, Clone, Copy)]
pub struct Confirmation<'a> {
    /// Whose code.
    pub user: &'a str,
    /// What it was checked against.
    pub rotating: &'a Rotating,
    /// The step it belongs to.
    pub step: u64,
    /// What the reservation added to `throttle_at`, in milliseconds: given back.
    pub refund_ms: i64,
    /// Seconds since 1970.
    pub now: u64,
}

/// What a secret that has gone leaves nothing of.
const OF_THE_SECRET: [&str; 6] = [
    field::SECRET,
    field::SEALED,
    field::SEALED_BY,
    field::ALGORITHM,
    field::DIGITS,
    field::PERIOD,
];

impl Store {
    /// Puts a pending secret beside the secret, in the place of an earlier pending one. The
    /// write holds only while the enrollment and the last operator's write are as they were
    /// read. Returns whether there is such a user.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn rotate(&self, rotation: Rotation<'_>) -> Result<bool, StoreError> {
        let Rotation { user, totp, expires_at } = rotation;
        let pending = pending(user, &write_id()?, totp, expires_at, &self.keys)?;
        let update = "SET pending = :pending, change_id = :id";
        let arrived = |old: &Item, _: &str| old.attribute(field::PENDING) == Some(&pending);
        self.change(user, update, (":pending", pending.clone()), arrived).await
    }

    /// Charges an attempt and reads the pending secret, in one write: as
    /// [`reserve`](Self::reserve) does, from the same budget.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn reserve_rotation(
        &self,
        attempt: Attempt<'_>,
    ) -> Result<Reserved<Box<Rotating>>, StoreError> {
        let reserved = self.charge(attempt, Against::Pending).await?;
        reserved.and_then(|item| match item.pending()? {
            Some(pending) => {
                let totp = pending.record(&self.keys)?.totp;
                let standing = item.standing()?;
                Ok(Reserved::Granted(Box::new(Rotating { totp, standing, item })))
            }
            // Our first try was carried out, and before its retry another call confirmed it.
            None => Ok(Reserved::NoRotation),
        })
    }

    /// Makes the pending secret the secret, under a fresh enrollment id, and uses up the step:
    /// at most one call ever succeeds. Nothing of the old secret is left.
    ///
    /// The write holds only while nothing else has happened since the reservation: the pending
    /// secret, the last attempt, the recovery codes that were used and the last operator's write
    /// are as it left them. If they are not, and the rotation is still the same one, it is made again.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn confirm(&self, confirmation: Confirmation<'_>) -> Result<Accepted, StoreError> {
        let Confirmation { user, rotating, step, refund_ms, now } = confirmation;
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        let owner = Owner::of(user, &id, &rotating.totp);
        let mut set = secret_attributes(owner, &rotating.totp, &self.keys)?;
        set.insert(field::LAST_STEP.to_owned(), n(step));
        set.insert(field::MISSES.to_owned(), n(0));
        let gone = OF_THE_SECRET.into_iter().filter(|name| !set.contains_key(*name));
        let gone: Vec<_> = gone.chain([field::PENDING, field::EXPIRES_AT]).collect();
        let mut item = Cow::Borrowed(&rotating.item);
        let mut refund = true;
        for _ in 0..MAX_TURNS {
            if let Some(replaced) = item.attribute(field::ENROLLMENT_ID) {
                set.insert(field::REPLACED_ID.to_owned(), replaced.clone());
            }
            let mut assignments: Vec<_> =
                set.keys().map(|name| format!("{name} = :new_{name}")).collect();
            assignments.push("confirmed_at = if_not_exists(confirmed_at, :now)".to_owned());
            let mut values: Vec<(String, AttributeValue)> =
                set.iter().map(|(name, value)| (format!(":new_{name}"), value.clone())).collect();
            values.push((":now".to_owned(), n(now)));
            if refund {
                assignments
                    .push("throttle_at = if_not_exists(throttle_at, :refund) - :refund".to_owned());
                values.push((":refund".to_owned(), n(refund_ms)));
            }
            let mut only_if = Vec::new();
            let last = [field::PENDING, field::RESERVE_ID, field::CHANGE_ID, field::REDEEMED];
            for name in last {
                let (unchanged, value) = item.unchanged(name);
                only_if.push(unchanged);
                values.extend(value);
            }
            let update = format!("SET {} REMOVE {}", assignments.join(", "), gone.join(", "));
            let request = UpdateItemInput::builder()
                .table_name(&self.table)
                .key(field::USER_ID, s(user))
                .update_expression(update)
                .condition_expression(only_if.join(" AND "))
                .set_expression_attribute_values(Some(values.into_iter().collect()))
                .return_values_on_condition_check_failure(AllOld);
            let stored = || {
                let first = !rotating.standing.confirmed;
                Ok(Accepted::Stored { first, enrollment_id: Some(id.clone()) })
            };
            let Err(error) = turn.send(request).await else { return stored() };
            let Some(old) = failed_condition(&error) else {
                return Err(self.failed(&error));
            };
            let Some(old) = Item::returned(user, old) else { return Ok(Accepted::Superseded) };
            // Our first try had arrived.
            if old.carries(field::ENROLLMENT_ID, &id) || old.carries(field::REPLACED_ID, &id) {
                return stored();
            }
            let id_of = |item: &Item| {
                let pending = item.pending()?;
                Ok::<_, StoreError>(match &pending {
                    Some(pending) => pending.string(field::ENROLLMENT_ID)?.map(str::to_owned),
                    None => None,
                })
            };
            // Rotated again, confirmed by another call, deleted or registered anew.
            if id_of(&old)? != id_of(&item)? {
                return Ok(Accepted::Superseded);
            }
            // An unlock has given the attempt back.
            refund &= old.agrees(&item, field::UNLOCK_ID);
            item = Cow::Owned(old);
        }
        too_many_changes()
    }
}
