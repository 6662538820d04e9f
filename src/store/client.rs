//! The one client: built on first use, kept, and built anew after a fork. It reaches
//! the table over TLS, over plain http, or inside the process.

mod connections;
mod credentials;
pub mod embedded;
mod proxy;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Region, SharedHttpClient};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::error::Source;
use super::{Settings, StoreError};
use crate::process::{Owned, PerProcess};
use credentials::Signer;

/// Pinned, so that an update of the SDK changes nothing unasked.
const BEHAVIOR: fn() -> BehaviorVersion = BehaviorVersion::v2026_01_12;
/// The first try and three more: enough for two lost replies and one throttled try.
const MAX_ATTEMPTS: u32 = 4;
/// DynamoDB answers in milliseconds; the SDK's usual first back-off is a second.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// What a process has open. A forked child shares its parent's sockets and has none
/// of its threads, so it must open its own.
pub(super) struct Live {
    client: Client,
    source: Source,
    turns: Arc<Semaphore>,
}

/// A client, and the right to use it for one operation.
pub(super) struct Turn {
    live: Arc<Owned<Live>>,
    _permit: OwnedSemaphorePermit,
}

impl Turn {
    pub(super) fn client(&self) -> &Client {
        &self.live.client
    }
}

/// Builds the client when it is first asked for.
pub(super) struct Connection {
    table: String,
    settings: Settings,
    live: PerProcess<Live>,
    /// Taken while a client is made: who gives credentials is asked by one caller, not
    /// by all that start at once.
    making: PerProcess<Mutex<()>>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(table: &str, settings: Settings) -> Self {
        Self {
            table: table.to_owned(),
            settings,
            live: PerProcess::new(),
            making: PerProcess::new(),
        }
    }

    /// The client of this process, once it is this operation's turn.
    pub(super) async fn turn(&self) -> Result<Turn, StoreError> {
        let live = self.live().await?;
        let turns = Arc::clone(&live.turns);
        let permit = turns.acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Unavailable("it was closed".to_owned()))?;
        Ok(Turn { live, _permit: permit })
    }

    /// What keeps requests waiting, where that is known.
    pub(super) fn obstacle(&self) -> Option<String> {
        let at = self.settings.embedded.as_deref().filter(|at| embedded::locked(at))?;
        Some(format!("another process keeps the embedded table {at} locked"))
    }

    async fn live(&self) -> Result<Arc<Owned<Live>>, StoreError> {
        if let Some(live) = self.live.get() {
            return Ok(live);
        }
        let making = self.making.get().unwrap_or_else(|| self.making.put(Mutex::default()));
        let _turn = making.lock().await;
        if let Some(live) = self.live.get() {
            return Ok(live);
        }
        let Signer { builder, source } = self.signer().await?;
        Ok(self.put(builder, source))
    }

    fn put(&self, builder: Builder, source: Source) -> Arc<Owned<Live>> {
        let client = client(&self.settings, builder);
        let turns = Arc::new(Semaphore::new(self.settings.max_connections));
        self.live.put(Live { client, source, turns })
    }

    /// Where the credentials are from that a request was signed with.
    pub(super) fn source(&self) -> Source {
        self.live.get().map_or_else(Source::nobody, |live| live.source.clone())
    }

    async fn signer(&self) -> Result<Signer, StoreError> {
        match &self.settings.embedded {
            Some(at) => {
                let builder = in_process(embedded::http_client(at, &self.table).await?);
                Ok(Signer { builder, source: Source::nobody() })
            }
            None => credentials::signer(&self.settings).await,
        }
    }

    /// Takes `http_client` for the network, wherever that takes the requests.
    #[cfg(feature = "admin")]
    pub(super) fn use_http_client(&self, http_client: SharedHttpClient) {
        self.put(in_process(http_client), Source::nobody());
    }
}

#[cfg(feature = "simulation")]
impl Connection {
    /// Takes `http_client` for the network and `sleep` for the passing of time.
    pub(super) fn simulate(
        &self,
        http_client: SharedHttpClient,
        sleep: aws_sdk_dynamodb::config::SharedAsyncSleep,
    ) {
        self.put(in_process(http_client).sleep_impl(sleep), Source::nobody());
    }
}

fn client(settings: &Settings, builder: Builder) -> Client {
    let mut timeouts = TimeoutConfig::builder().connect_timeout(settings.connect_timeout);
    let mut attempts = 1;
    // The embedded engine loses no reply, and does its own waiting.
    if settings.embedded.is_none() {
        timeouts = timeouts.operation_attempt_timeout(settings.attempt_timeout);
        attempts = MAX_ATTEMPTS;
    }
    let retries = RetryConfig::standard()
        .with_max_attempts(attempts)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF);
    // By default the clients of a process share an allowance of some dozens of repetitions,
    // which only successes refill. After an outage there would be none left, and a
    // lost reply would be a lost registration. Tries, waits and connections are
    // bounded without it.
    let partition =
        RetryPartition::custom("lambdatotp").token_bucket(TokenBucket::unlimited()).build();
    let config = builder
        .behavior_version(BEHAVIOR())
        .timeout_config(timeouts.build())
        .retry_config(retries)
        .retry_partition(partition)
        .build();
    Client::from_conf(config)
}
/// For what answers inside this process: it asks for no credentials of anybody's.
fn in_process(http_client: SharedHttpClient) -> Builder {
    Builder::new()
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("embedded", "embedded", None, None, "embedded"))
        .endpoint_url("http://embedded.invalid")
        .http_client(http_client)
}
