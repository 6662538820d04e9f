//! Removing a user.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;

use super::item::{field, s};
use super::{Store, StoreError};

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The user is gone, by this call.
    Deleted,
    /// There was no such user.
    NotFound,
}

impl Store {
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
            _ => Err(self.failed(&error)),
        }
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
