//! The SDK's whole client, for what operators ask: tables, pages, switches. It goes where the
//! logins' requests go, and signs for the same one.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Builder, Region};
use aws_smithy_runtime_api::client::http::http_client_fn;

use super::call::Calls;
use super::identity::Shared;
use super::{BEHAVIOR, FIRST_BACKOFF, LONGEST_BACKOFF};

pub(super) fn client(calls: &Calls) -> Client {
    let mut timeouts = TimeoutConfig::builder();
    timeouts.set_operation_attempt_timeout(calls.attempt_timeout);
    let retries = RetryConfig::standard()
        .with_max_attempts(calls.attempts)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF);
    // By default the clients of a process share an allowance of some dozens of retries,
    // which only successes refill. Tries, waits and connections are bounded without it.
    let partition =
        RetryPartition::custom("lambdatotp").token_bucket(TokenBucket::unlimited()).build();
    let connector = calls.connector.clone();
    let builder = match &calls.identities {
        Some(identities) => {
            let place = identities.place();
            let mut builder = Builder::new()
                .region(Region::new(place.region.clone()))
                .account_id_endpoint_mode(place.of_account.clone())
                .credentials_provider(Shared(Arc::clone(identities)));
            builder.set_endpoint_url(place.endpoint_url.clone());
            builder.set_use_fips(place.use_fips);
            builder.set_use_dual_stack(place.use_dual_stack);
            builder
        }
        // What answers inside this process asks for no credentials of anybody's.
        None => Builder::new()
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("embedded", "embedded", None, None, "embedded"))
            .endpoint_url("http://embedded.invalid"),
    };
    let config = builder
        .behavior_version(BEHAVIOR())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .sleep_impl(calls.sleep.clone())
        .timeout_config(timeouts.build())
        .retry_config(retries)
        .retry_partition(partition)
        .build();
    Client::from_conf(config)
}
