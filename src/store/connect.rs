//! The one client: built on first use, kept, and built anew after a fork.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Region, SharedHttpClient};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::StoreError;
use super::seal::KeyRing;
use super::tls::http_client;
use crate::environment::variable;
use crate::process::{Owned, PerProcess};

/// Pinned, so that an update of the SDK changes nothing unasked.
const BEHAVIOR: fn() -> BehaviorVersion = BehaviorVersion::v2026_01_12;
/// The first try and three more: enough for two lost replies and one throttled try.
const MAX_ATTEMPTS: u32 = 4;
/// DynamoDB answers in milliseconds; the SDK's usual first back-off is a second.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// Where the table is, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// AWS region; by default `AWS_REGION`, `AWS_DEFAULT_REGION`, then the profile's.
    pub region: Option<String>,
    /// Another endpoint than AWS's own; by default `AWS_ENDPOINT_URL_DYNAMODB`.
    pub endpoint_url: Option<String>,
    /// Use the embedded engine instead of AWS: a file, or `:memory:`.
    pub embedded: Option<String>,
    /// What seals the secrets.
    pub keys: KeyRing,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long one try of one request may take.
    pub attempt_timeout: Duration,
    /// How many requests may be under way at once; others wait their turn.
    pub max_connections: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: None,
            endpoint_url: None,
            embedded: None,
            keys: KeyRing::default(),
            connect_timeout: Duration::from_millis(1500),
            attempt_timeout: Duration::from_millis(2500),
            max_connections: 64,
        }
    }
}

/// What a process has open. A forked child shares its parent's sockets and has none
/// of its threads, so it must open its own.
pub(super) struct Live {
    client: Client,
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
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Connection {
    /// Checks what can be checked without I/O.
    pub(super) fn new(table: &str, settings: Settings) -> Result<Self, StoreError> {
        if settings.embedded.is_some() {
            crate::embedded::available()?;
        }
        if let Some(url) = &settings.endpoint_url {
            check_endpoint(url)?;
        }
        Ok(Self { table: table.to_owned(), settings, live: PerProcess::new() })
    }

    /// The client of this process, once it is this operation's turn.
    pub(super) async fn turn(&self) -> Result<Turn, StoreError> {
        let live = self.live().await?;
        let turns = Arc::clone(&live.turns);
        let permit = turns.acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Unavailable("it was closed".to_owned()))?;
        Ok(Turn { live, _permit: permit })
    }

    async fn live(&self) -> Result<Arc<Owned<Live>>, StoreError> {
        if let Some(live) = self.live.get() {
            return Ok(live);
        }
        Ok(self.put(self.build().await?))
    }

    fn put(&self, client: Client) -> Arc<Owned<Live>> {
        let turns = Arc::new(Semaphore::new(self.settings.max_connections));
        self.live.put(Live { client, turns })
    }

    async fn build(&self) -> Result<Client, StoreError> {
        let settings = &self.settings;
        let builder = match &settings.embedded {
            Some(at) => local(crate::embedded::http_client(at, &self.table)?),
            None => match Environment::read(settings) {
                Some(environment) => environment.builder()?,
                // Boxed, since it is 20 kB of state that every caller would carry.
                None => Box::pin(full_chain(settings)).await?,
            },
        };
        Ok(settings.client(builder))
    }

    /// Takes `http_client` for the network.
    #[cfg(feature = "admin")]
    pub(super) fn go_over(&self, http_client: SharedHttpClient) {
        self.put(self.settings.client(local(http_client)));
    }
}

impl Settings {
    fn client(&self, builder: Builder) -> Client {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.connect_timeout)
            .operation_attempt_timeout(self.attempt_timeout)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(MAX_ATTEMPTS)
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
            .timeout_config(timeouts)
            .retry_config(retries)
            .retry_partition(partition)
            .build();
        Client::from_conf(config)
    }
}

/// For what answers inside this process: it asks for no credentials of anybody's.
fn local(http_client: SharedHttpClient) -> Builder {
    Builder::new()
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("embedded", "embedded", None, None, "embedded"))
        .endpoint_url("http://embedded.invalid")
        .http_client(http_client)
}

/// What Lambda gives every function: credentials and a region in the environment.
/// Reading them here takes microseconds; the SDK's own chain takes milliseconds, at
/// every cold start.
struct Environment {
    credentials: Credentials,
    region: String,
    endpoint_url: Option<String>,
}

/// Variables and files that only the SDK's own chain understands.
fn needs_full_chain() -> bool {
    let variables = [
        "AWS_PROFILE",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_ACCOUNT_ID_ENDPOINT_MODE",
    ];
    if variables.into_iter().any(|name| variable(name).is_some()) {
        return true;
    }
    variable("HOME").is_some_and(|home| PathBuf::from(home).join(".aws/config").exists())
}

impl Environment {
    fn read(settings: &Settings) -> Option<Self> {
        if needs_full_chain() {
            return None;
        }
        let region = settings
            .region
            .clone()
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"))?;
        let (key, secret) = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?);
        let credentials =
            Credentials::new(key, secret, variable("AWS_SESSION_TOKEN"), None, "environment");
        let ignored = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let endpoint_url = settings.endpoint_url.clone().or_else(|| {
            let from = |name| variable(name).filter(|_| !ignored);
            from("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| from("AWS_ENDPOINT_URL"))
        });
        Some(Self { credentials, region, endpoint_url })
    }

    fn builder(self) -> Result<Builder, StoreError> {
        let plain = self.endpoint_url.as_deref().map(check_endpoint).transpose()?.unwrap_or(false);
        let mut builder = Builder::new()
            .region(Region::new(self.region))
            .credentials_provider(self.credentials)
            .http_client(http_client(plain)?);
        builder.set_endpoint_url(self.endpoint_url);
        Ok(builder)
    }
}

/// AWS's usual rules: profiles, web identity, containers, instance metadata.
async fn full_chain(settings: &Settings) -> Result<Builder, StoreError> {
    let plain = settings.endpoint_url.as_deref().is_some_and(|url| url.starts_with("http://"));
    let mut loader = aws_config::defaults(BEHAVIOR());
    // Profiles may need to ask AWS for credentials, over TLS.
    let client = http_client(false)?;
    loader = loader.http_client(client.clone());
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let shared = loader.load().await;
    // An empty variable is a region to the SDK.
    if shared.region().is_none_or(|region| region.as_ref().is_empty()) {
        return Err(StoreError::Configuration(
            "no AWS region: set AWS_REGION, or pass region".to_owned(),
        ));
    }
    let mut builder = Builder::from(&shared);
    if let Some(url) = &settings.endpoint_url {
        builder = builder.endpoint_url(url);
    }
    Ok(builder.http_client(if plain { http_client(true)? } else { client }))
}

/// Whether the endpoint is plain http, which needs no certificates.
fn check_endpoint(url: &str) -> Result<bool, StoreError> {
    for (scheme, plain) in [("http://", true), ("https://", false)] {
        if url.strip_prefix(scheme).is_some_and(|host| !host.is_empty()) {
            return Ok(plain);
        }
    }
    Err(StoreError::Configuration(format!(
        "invalid endpoint_url {url:?}: it must start with http:// or https://"
    )))
}
