//! Opening a connection before it is needed.

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use super::item::{field, s};
use super::{Store, StoreError};

impl Store {
    /// Opens a connection and keeps it, so that the next call finds one. The service
    /// answers an empty GET without looking at any table; whatever it answers is fine.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Configuration`].
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        let turn = self.connection.turn().await?;
        let once = Builder::new().retry_config(RetryConfig::disabled());
        // An operation of the SDK, emptied: so it takes the connector, the credentials
        // and the endpoint that the real ones will take.
        let request = turn
            .client()
            .get_item()
            .table_name(&self.table)
            .key(field::USER_ID, s(""))
            .customize()
            .config_override(once)
            .interceptor(EmptyGet);
        match Box::pin(request.send()).await {
            Err(error) if error.raw_response().is_none() => Err(self.failed(&error)),
            _ => Ok(()),
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
