//! The one client: built on first use, kept, and built anew after a fork. It reaches
//! the table over TLS, over plain http, or inside the process.

mod call;
mod clock;
mod connections;
mod credentials;
pub mod embedded;
mod identity;
mod proxy;
mod tls;
#[cfg(feature = "admin")]
mod whole;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, SharedAsyncSleep};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::error::Source;
use super::{Settings, StoreError};
use crate::process::{Owned, PerProcess};
use call::{Calls, RealTime, Request};
use clock::Clock;
use credentials::Access;

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
    calls: Calls,
    source: Source,
    turns: Arc<Semaphore>,
    #[cfg(feature = "admin")]
    whole: std::sync::OnceLock<aws_sdk_dynamodb::Client>,
}

/// The right to use the client for one operation.
pub(super) struct Turn {
    live: Arc<Owned<Live>>,
    _permit: OwnedSemaphorePermit,
}

impl Turn {
    /// Sends what a login asks.
    pub(super) async fn send<R: Request>(
        &self,
        request: R,
    ) -> Result<R::Output, SdkError<R::Error>> {
        // Boxed, since it is kilobytes of state that every caller would carry.
        Box::pin(self.live.calls.send(request)).await
    }

    /// Opens a connection, and keeps it.
    pub(super) async fn greet(&self) -> Result<(), SdkError<GetItemError>> {
        let greeted = self.live.calls.greet().await;
        greeted.map_err(|silence| silence.map_service_error(|never| match never {}))
    }

    /// The SDK's whole client: what operators ask.
    #[cfg(feature = "admin")]
    pub(super) fn client(&self) -> &aws_sdk_dynamodb::Client {
        self.live.whole.get_or_init(|| whole::client(&self.live.calls))
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

    #[cfg(feature = "admin")]
    pub(super) fn is_embedded(&self) -> bool {
        self.settings.embedded.is_some()
    }

    /// What keeps requests waiting, where that is known.
    pub(super) fn obstacle(&self) -> Option<String> {
        let at = self.settings.embedded.as_deref().filter(|at| embedded::locked(at))?;
        Some(format!("another process has locked the embedded table {at}"))
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
        let access = self.access().await?;
        Ok(self.put(access, SharedAsyncSleep::new(RealTime)))
    }

    fn put(&self, access: Access, sleep: SharedAsyncSleep) -> Arc<Owned<Live>> {
        // The embedded engine loses no reply, and does its own waiting.
        let embedded = self.settings.embedded.is_some();
        let calls = Calls {
            connector: access.connector,
            identities: access.identities,
            sleep,
            attempts: if embedded { 1 } else { MAX_ATTEMPTS },
            attempt_timeout: (!embedded).then_some(self.settings.attempt_timeout),
            clock: Clock::default(),
        };
        self.live.put(Live {
            calls,
            source: access.source,
            turns: Arc::new(Semaphore::new(self.settings.max_connections)),
            #[cfg(feature = "admin")]
            whole: std::sync::OnceLock::new(),
        })
    }

    /// Where the credentials are from that a request was signed with.
    pub(super) fn source(&self) -> Source {
        self.live.get().map_or_else(Source::nobody, |live| live.source.clone())
    }

    async fn access(&self) -> Result<Access, StoreError> {
        match &self.settings.embedded {
            Some(at) => Ok(Access::in_process(embedded::connector(at, &self.table).await?)),
            None => credentials::access(&self.settings).await,
        }
    }

    /// Takes `connector` for the network, wherever that takes the requests.
    #[cfg(feature = "admin")]
    pub(super) fn use_connector(
        &self,
        connector: aws_smithy_runtime_api::client::http::SharedHttpConnector,
    ) {
        self.put(Access::in_process(connector), SharedAsyncSleep::new(RealTime));
    }
}

#[cfg(feature = "simulation")]
impl Connection {
    /// Takes `connector` for the network and `sleep` for the passing of time.
    pub(super) fn simulate(
        &self,
        connector: aws_smithy_runtime_api::client::http::SharedHttpConnector,
        sleep: SharedAsyncSleep,
    ) {
        self.put(Access::in_process(connector), sleep);
    }
}
