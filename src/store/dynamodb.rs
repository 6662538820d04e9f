//! The conditional writes: DESIGN.md, "How is a code accepted exactly once?".
//!
//! The futures of the SDK hold kilobytes of state, so they are boxed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld};

use super::item::{Item, attributes, field};
use super::seal::Owner;
use super::{
    Acceptance, Accepted, Deleted, Enrolled, NewUser, Record, Registered, Store, StoreError,
    write_id,
};

pub(super) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

impl Store {
    /// One conditional put: the user must be new, or have let a registration lapse.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn register(&self, user: &NewUser<'_>) -> Result<Registered, StoreError> {
        let id = write_id()?;
        let item = attributes(user, &id, &self.keys)?;
        Ok(match self.put(user.user, item, &id, user.registered_at).await? {
            None => Registered::Created,
            Some(_) => Registered::Exists,
        })
    }

    /// Puts a new user's item. Returns the one that is there already, if it is not ours.
    pub(super) async fn put(
        &self,
        user: &str,
        attributes: HashMap<String, AttributeValue>,
        id: &str,
        now: u64,
    ) -> Result<Option<Item>, StoreError> {
        let turn = self.connection.turn().await?;
        let request = turn
            .client()
            .put_item()
            .table_name(&self.table)
            .set_item(Some(attributes))
            .condition_expression(
                "attribute_not_exists(user_id) \
                 OR (attribute_not_exists(confirmed_at) AND expires_at <= :now)",
            )
            .expression_attribute_values(":now", n(now))
            .return_values_on_condition_check_failure(AllOld);
        let Err(error) = Box::pin(request.send()).await else { return Ok(None) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let there = failed.item().cloned().unwrap_or_default();
                let there = Item::new(user, there);
                Ok((!there.carries(field::ENROLLMENT_ID, id)).then_some(there))
            }
            _ => Err(StoreError::of(&error, &self.table)),
        }
    }

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
                return Err(StoreError::of(&error, &self.table));
            };
            let Some(old) = item(accepted.user, old) else { return Ok(Accepted::Superseded) };
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

    /// Removes a user. When a try failed in a way that may have removed it, and the
    /// next one finds nothing, it was that try: the deletion has succeeded.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn delete(&self, user: &str) -> Result<Deleted, StoreError> {
        let turn = self.connection.turn().await?;
        let doubt = Doubt::default();
        let request = turn
            .client()
            .delete_item()
            .table_name(&self.table)
            .key(field::USER_ID, s(user))
            .condition_expression("attribute_exists(user_id)")
            .customize()
            .interceptor(doubt.clone());
        let Err(error) = Box::pin(request.send()).await else { return Ok(Deleted::Deleted) };
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(_)) => {
                let ours = doubt.0.load(Ordering::Relaxed);
                Ok(if ours { Deleted::Deleted } else { Deleted::NotFound })
            }
            _ => Err(StoreError::of(&error, &self.table)),
        }
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

/// The item that a failed condition returned, where there was one.
pub(super) fn item(user: &str, old: Option<&HashMap<String, AttributeValue>>) -> Option<Item> {
    old.filter(|old| !old.is_empty()).map(|old| Item::new(user, old.clone()))
}

/// The item that failed the condition, where that is what happened.
#[expect(clippy::option_option, reason = "no such failure, and no such item, are two answers")]
pub(super) fn failed_condition<R>(
    error: &SdkError<UpdateItemError, R>,
) -> Option<Option<&HashMap<String, AttributeValue>>> {
    match error.as_service_error()? {
        UpdateItemError::ConditionalCheckFailedException(failed) => Some(failed.item()),
        _ => None,
    }
}

/// Remembers whether a try ended without our learning if it was carried out: no
/// reply, half a reply, or a server error. A 4xx reply leaves no doubt.
#[derive(Debug, Clone, Default)]
struct Doubt(Arc<AtomicBool>);

impl Intercept for Doubt {
    fn name(&self) -> &'static str {
        "Doubt"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let failed = matches!(context.output_or_error(), Some(Err(_)));
        let refused = context.response().is_some_and(|reply| reply.status().is_client_error());
        if failed && !refused {
            self.0.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
