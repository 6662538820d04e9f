//! The conditional writes: DESIGN.md, "How is a code accepted exactly once?".
//!
//! The futures of the SDK hold kilobytes of state, so they are boxed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::config::interceptors::{
    BeforeTransmitInterceptorContextMut, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use super::item::{Item, attributes, field};
use super::{
    Acceptance, Accepted, Attempt, Deleted, Enrolled, NewUser, Registered, Reserved, Store,
    StoreError, write_id,
};
use crate::verifier::Charge;

/// How often a reservation changes between its two forms before it gives up: each
/// change means that another attempt of the same user came in between.
const MAX_TURNS: usize = 16;

/// One attempt more, at the price of `throttle_at`'s new value.
const RESERVE: &str = ", misses = if_not_exists(misses, :zero) + :one, reserve_id = :id";
/// The user exists, is not locked, and this is no repetition of a lost reply.
const RESERVE_IF: &str = "attribute_exists(user_id) \
     AND (attribute_not_exists(misses) OR misses < :cap) \
     AND (attribute_not_exists(reserve_id) OR reserve_id <> :id)";
/// Nothing owed: the attempt is charged from now on.
const IDLE: (&str, &str) =
    ("SET throttle_at = :next", " AND (attribute_not_exists(throttle_at) OR throttle_at <= :now)");
/// Something owed, but within the burst: the attempt is charged on top.
const BUSY: (&str, &str) = (
    "SET throttle_at = throttle_at + :refill",
    " AND throttle_at > :now AND throttle_at <= :limit",
);

fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

impl Store {
    /// Opens a connection and keeps it, so that the next call finds one. The service
    /// answers an empty GET without looking at any table; whatever it answers is fine.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Configuration`].
    pub async fn connect(&self) -> Result<(), StoreError> {
        let turn = self.connection.turn().await?;
        let once = Builder::new().retry_config(RetryConfig::disabled());
        // An operation of the SDK, emptied: so it takes the connector, the credentials
        // and the endpoint that the real ones will take.
        let request = turn
            .client()
            .delete_item()
            .table_name(&self.table)
            .key(field::USER_ID, s(""))
            .customize()
            .config_override(once)
            .interceptor(EmptyGet);
        match Box::pin(request.send()).await {
            Err(error) if error.raw_response().is_none() => {
                Err(StoreError::of(&error, &self.table))
            }
            _ => Ok(()),
        }
    }

    /// One conditional put: the user must be new.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn register(&self, user: &NewUser<'_>) -> Result<Registered, StoreError> {
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        let request = turn
            .client()
            .put_item()
            .table_name(&self.table)
            .set_item(Some(attributes(user, &id)))
            .condition_expression("attribute_not_exists(user_id)")
            .return_values_on_condition_check_failure(AllOld);
        let Err(error) = Box::pin(request.send()).await else { return Ok(Registered::Created) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let old = item(user.user, failed.item());
                let ours = old.is_some_and(|item| item.carries(field::ENROLLMENT_ID, &id));
                Ok(if ours { Registered::Created } else { Registered::Exists })
            }
            _ => Err(StoreError::of(&error, &self.table)),
        }
    }

    /// Charges an attempt and reads the user, in one write.
    ///
    /// One round trip where nothing is owed, two otherwise: the reply that refuses
    /// the first form says which one fits.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn reserve(&self, attempt: Attempt<'_>) -> Result<Reserved, StoreError> {
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        let Attempt { user, now_ms, policy } = attempt;
        let mut idle = true;
        for _ in 0..MAX_TURNS {
            let (set, only_if) = if idle { IDLE } else { BUSY };
            let mut request = turn
                .client()
                .update_item()
                .table_name(&self.table)
                .key(field::USER_ID, s(user))
                .update_expression(format!("{set}{RESERVE}"))
                .condition_expression(format!("{RESERVE_IF}{only_if}"))
                .expression_attribute_values(":zero", n(0))
                .expression_attribute_values(":one", n(1))
                .expression_attribute_values(":cap", n(policy.max_misses()))
                .expression_attribute_values(":id", s(&id))
                .expression_attribute_values(":now", n(now_ms))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(AllOld);
            request = if idle {
                request.expression_attribute_values(
                    ":next",
                    n(now_ms.saturating_add(policy.refill_ms())),
                )
            } else {
                request
                    .expression_attribute_values(":refill", n(policy.refill_ms()))
                    .expression_attribute_values(
                        ":limit",
                        n(now_ms.saturating_add(policy.tolerance_ms())),
                    )
            };
            let granted = match Box::pin(request.send()).await {
                Ok(done) => Item::new(user, done.attributes.unwrap_or_default()),
                Err(error) => {
                    let old = match failed_condition(&error) {
                        Some(old) => item(user, old),
                        None => return Err(StoreError::of(&error, &self.table)),
                    };
                    let Some(old) = old else { return Ok(Reserved::NotFound) };
                    if !old.carries(field::RESERVE_ID, &id) {
                        let throttle_at = old.number(field::THROTTLE_AT)?;
                        let misses = old.number(field::MISSES)?.unwrap_or(0);
                        idle = match policy.charge(throttle_at, misses, now_ms) {
                            Charge::Idle => true,
                            Charge::Busy => false,
                            Charge::Throttled(wait) => return Ok(Reserved::Throttled(wait)),
                            Charge::Locked => return Ok(Reserved::Locked),
                        };
                        continue;
                    }
                    old
                }
            };
            return Ok(Reserved::Granted(Box::new(granted.record()?)));
        }
        Err(StoreError::Unavailable("too many attempts of this user at once".to_owned()))
    }

    /// Uses up a step: at most one call ever succeeds for it.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn accept(&self, accepted: Acceptance<'_>) -> Result<Accepted, StoreError> {
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        let (same_enrollment, enrolled) = match accepted.enrolled {
            Enrolled::Id(id) => ("enrollment_id = :enrolled", s(id)),
            Enrolled::Legacy(secret) => {
                ("attribute_not_exists(enrollment_id) AND secret = :enrolled", s(secret))
            }
        };
        let request = turn
            .client()
            .update_item()
            .table_name(&self.table)
            .key(field::USER_ID, s(accepted.user))
            .update_expression(
                "SET last_step = :step, misses = :zero, accept_id = :id, \
                 throttle_at = if_not_exists(throttle_at, :refund) - :refund, \
                 confirmed_at = if_not_exists(confirmed_at, :now)",
            )
            .condition_expression(format!(
                "{same_enrollment} AND (attribute_not_exists(last_step) OR last_step < :step)"
            ))
            .expression_attribute_values(":step", n(accepted.step))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":refund", n(accepted.refund_ms))
            .expression_attribute_values(":id", s(&id))
            .expression_attribute_values(":now", n(accepted.now))
            .expression_attribute_values(":enrolled", enrolled)
            .return_values_on_condition_check_failure(AllOld);
        let Err(error) = Box::pin(request.send()).await else { return Ok(Accepted::Stored) };
        let Some(old) = failed_condition(&error) else {
            return Err(StoreError::of(&error, &self.table));
        };
        let Some(old) = item(accepted.user, old) else { return Ok(Accepted::Superseded) };
        if old.carries(field::ACCEPT_ID, &id) {
            return Ok(Accepted::Stored);
        }
        let same = old.record()?.enrolled == *accepted.enrolled;
        Ok(if same { Accepted::Replayed } else { Accepted::Superseded })
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

/// Makes of a request, when it is about to leave, one that says nothing.
#[derive(Debug)]
struct EmptyGet;

impl Intercept for EmptyGet {
    fn name(&self) -> &'static str {
        "EmptyGet"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut empty = HttpRequest::empty();
        empty.set_uri(context.request().uri())?;
        *context.request_mut() = empty;
        Ok(())
    }
}

/// The item that a failed condition returned, where there was one.
fn item(user: &str, old: Option<&HashMap<String, AttributeValue>>) -> Option<Item> {
    old.filter(|old| !old.is_empty()).map(|old| Item::new(user, old.clone()))
}

/// The item that failed the condition, where that is what happened.
#[expect(clippy::option_option, reason = "no such failure, and no such item, are two answers")]
fn failed_condition<R>(
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
