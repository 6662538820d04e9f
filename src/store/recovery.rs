//! Recovery codes: the way back in for users who lost their authenticator.

use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::item::{Item, Standing, failed_condition, field, n, s, write_id};
use super::{Store, StoreError};
use crate::otp::RecoveryCode;

/// A recovery code, about to be used up if it is one of the user's.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// Whose code.
    pub user: &'a str,
    /// What was typed.
    pub code: &'a RecoveryCode,
    /// Seconds since 1970.
    pub now: u64,
}

/// What became of a recovery code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed {
    /// It is used up, by this call. `confirmed` says whether a code was accepted before.
    Used(Standing),
    /// It is not one of the user's, or not any more.
    Unknown(Standing),
    /// There is no such user.
    NotFound,
}

impl Store {
    /// Uses up a recovery code: at most one call ever succeeds for it. It ends a run of
    /// misses, so a locked user can log in. Takes one round trip, right or wrong.
    ///
    /// Nothing is charged. 80 random bits need no budget, although NIST SP 800-63B-4 section
    /// 4.2.1.1 asks for one, and it would be there for others to spend.
    ///
    /// # Errors
    /// Every kind of [`StoreError`]; [`StoreError::Configuration`] when the user has codes
    /// hashed under a key that we lack, and this may be one of them.
    pub async fn redeem(&self, redemption: Redemption<'_>) -> Result<Redeemed, StoreError> {
        let Redemption { user, code, now } = redemption;
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        let hashes = self.keys.recovery_hashes(user, code);
        let held: Vec<_> =
            (0..hashes.len()).map(|number| format!("contains(recovery, :hash{number})")).collect();
        let mut request = UpdateItemInput::builder()
            .table_name(&self.table)
            .key(field::USER_ID, s(user))
            .update_expression(
                "SET misses = :zero, confirmed_at = if_not_exists(confirmed_at, :now) \
                 REMOVE expires_at ADD redeemed :ids DELETE recovery :used",
            )
            .condition_expression(held.join(" OR "))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":now", n(now))
            .expression_attribute_values(":ids", AttributeValue::Ss(vec![id.clone()]))
            .expression_attribute_values(":used", AttributeValue::Ss(hashes.clone()))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (number, hash) in hashes.iter().enumerate() {
            request = request.expression_attribute_values(format!(":hash{number}"), s(hash));
        }
        let error = match turn.send(request).await {
            Ok(done) => {
                let before = Item::new(user, done.attributes.unwrap_or_default());
                let left = before.recovery()?.iter().filter(|hash| !hashes.contains(hash));
                let (misses, recovery_codes) = (0, left.count());
                let standing = before.standing()?;
                return Ok(Redeemed::Used(Standing { misses, recovery_codes, ..standing }));
            }
            Err(error) => error,
        };
        let Some(old) = failed_condition(&error) else {
            return Err(self.failed(&error));
        };
        let Some(old) = Item::returned(user, old).filter(|old| !old.is_tombstone()) else {
            return Ok(Redeemed::NotFound);
        };
        let left = old.recovery()?;
        // Our own, whose reply was lost.
        if old.has(field::REDEEMED, &id) {
            let confirmed = old.number(field::CONFIRMED_AT)? != Some(now);
            return Ok(Redeemed::Used(Standing { confirmed, ..old.standing()? }));
        }
        if left.iter().any(|hash| self.keys.lacks(hash)) {
            return Err(StoreError::Configuration(format!(
                "the recovery codes of user {user:?} are hashed with a key that is not in \
                 LAMBDATOTP_KEYS: put the key back, or give the user new codes"
            )));
        }
        Ok(Redeemed::Unknown(old.standing()?))
    }

    /// Replaces a user's recovery codes. Returns whether there is such a user.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn replace_recovery(
        &self,
        user: &str,
        hashes: Vec<String>,
    ) -> Result<bool, StoreError> {
        let update = "SET recovery = :codes, change_id = :id REMOVE redeemed";
        let codes = (":codes", AttributeValue::Ss(hashes));
        self.change(user, update, codes, |old, id| old.carries(field::CHANGE_ID, id)).await
    }
}
