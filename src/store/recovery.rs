//! Recovery codes and unlocking: the ways back in.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::item::{Item, failed_condition, field, n, s, write_id};
use super::reserve::{Attempt, Budget, Reserved};
use super::{Store, StoreError};

/// A right recovery code, about to be used up.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// Whose code.
    pub user: &'a str,
    /// Its hash.
    pub hash: &'a str,
    /// What the reservation added to `recovery_at`, in milliseconds: given back.
    pub refund_ms: i64,
    /// Seconds since 1970.
    pub now: u64,
}

impl Store {
    /// Charges an attempt with a recovery code, and reads the hashes of those left. Such
    /// attempts have a budget of their own: whoever is locked out still gets in.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn reserve_recovery(
        &self,
        attempt: Attempt<'_>,
    ) -> Result<Reserved<Vec<String>>, StoreError> {
        self.charge(attempt, Budget::Recovery)
            .await?
            .and_then(|item| item.recovery().map(<[String]>::to_vec))
    }

    /// Uses up a recovery code: at most one call ever succeeds for it. It ends a run of
    /// misses, so the user is locked no more. Tells how many are left; `None` if it was
    /// used up before.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn redeem(&self, redemption: Redemption<'_>) -> Result<Option<usize>, StoreError> {
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        let request = turn
            .client()
            .update_item()
            .table_name(&self.table)
            .key(field::USER_ID, s(redemption.user))
            .update_expression(
                "SET misses = :zero, redeem_id = :id, \
                 recovery_at = if_not_exists(recovery_at, :refund) - :refund, \
                 confirmed_at = if_not_exists(confirmed_at, :now) \
                 REMOVE expires_at DELETE recovery :used",
            )
            .condition_expression("contains(recovery, :hash)")
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":id", s(&id))
            .expression_attribute_values(":refund", n(redemption.refund_ms))
            .expression_attribute_values(":now", n(redemption.now))
            .expression_attribute_values(":hash", s(redemption.hash))
            .expression_attribute_values(
                ":used",
                AttributeValue::Ss(vec![redemption.hash.to_owned()]),
            )
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let left = match Box::pin(request.send()).await {
            Ok(done) => Item::new(redemption.user, done.attributes.unwrap_or_default()),
            Err(error) => match failed_condition(&error) {
                None => return Err(self.failed(&error)),
                Some(old) => match Item::returned(redemption.user, old) {
                    // Our own, whose reply was lost.
                    Some(old) if old.carries(field::REDEEM_ID, &id) => old,
                    _ => return Ok(None),
                },
            },
        };
        Ok(Some(left.recovery()?.len()))
    }

    /// Replaces a user's recovery codes. Tells whether there is such a user. Repeating it
    /// undoes nothing: nobody knows the codes before it has succeeded.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn replace_recovery(
        &self,
        user: &str,
        hashes: Vec<String>,
    ) -> Result<bool, StoreError> {
        let codes = (":codes", AttributeValue::Ss(hashes));
        self.update_existing(user, "SET recovery = :codes", codes).await
    }

    /// Forgives a user's misses and what their attempts owe. Tells whether there is such
    /// a user. Repeating it changes nothing.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn unlock(&self, user: &str) -> Result<bool, StoreError> {
        let update = "SET misses = :zero REMOVE throttle_at, recovery_at";
        self.update_existing(user, update, (":zero", n(0))).await
    }

    /// An update that demands no more than that there is such a user.
    async fn update_existing(
        &self,
        user: &str,
        update: &str,
        (name, value): (&str, AttributeValue),
    ) -> Result<bool, StoreError> {
        let turn = self.connection.turn().await?;
        let request = turn
            .client()
            .update_item()
            .table_name(&self.table)
            .key(field::USER_ID, s(user))
            .update_expression(update)
            .condition_expression("attribute_exists(user_id)")
            .expression_attribute_values(name, value);
        let Err(error) = Box::pin(request.send()).await else { return Ok(true) };
        match failed_condition(&error) {
            Some(_) => Ok(false),
            None => Err(self.failed(&error)),
        }
    }
}
