//! Connections that are kept, and given up together when the network fails one.
//!
//! Whatever kills an idle connection (a NAT gateway that forgets it, a fail-over, a
//! restart) kills all of its age with it, and a client learns of it only when it uses
//! one. A retry that took the next kept one would fail as well. So the pool has
//! generations: a failure below HTTP ends the current one, its idle connections are
//! closed, and the retry opens its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use super::proxy::Proxies;
use super::tls::{Make, connectors};
use crate::store::settings::check_endpoint;
use crate::store::{Settings, StoreError};

/// How long a connection is kept unused: less than any common firewall or load
/// balancer, of which the most impatient forget after a minute. The pool hands out the
/// latest used one first, so those that a burst left behind grow old and go.
const KEPT_IDLE: Duration = Duration::from_secs(30);

/// `DynamoDB` answers in milliseconds. A caller who gives up sooner than this says
/// nothing about the network; one who waited longer may have met a dead connection.
const SUSPICIOUS: Duration = Duration::from_millis(250);

/// The connections to the table, which is at `endpoint_url` or at AWS.
pub(super) fn to(
    endpoint_url: Option<&str>,
    settings: &Settings,
) -> Result<SharedHttpConnector, StoreError> {
    let plain = endpoint_url.map(check_endpoint).transpose()?.unwrap_or(false);
    let proxy = Proxies::to(endpoint_url, plain)?;
    let timeouts = HttpConnectorSettings::builder().connect_timeout(settings.connect_timeout);
    let mut builder = Connector::builder()
        .connector_settings(timeouts.build())
        .pool_idle_timeout(KEPT_IDLE)
        .pool_max_idle_per_host(settings.max_connections);
    // A proxy may be spoken to over TLS, too.
    let make = connectors(plain && proxy.is_none())?;
    builder.set_proxy_config(proxy);
    Ok(SharedHttpConnector::new(generations(settings.attempt_timeout, move || {
        make(builder.clone())
    })))
}

/// The HTTP client of those who give credentials: asked once an hour, it keeps nothing.
pub(super) fn for_credentials(proxies: &Proxies) -> Result<SharedHttpClient, StoreError> {
    let over_tls: Arc<Make> = Arc::new(connectors(false)?);
    let proxies = proxies.clone();
    Ok(http_client_fn(move |settings, _| {
        let builder = Connector::builder().connector_settings(settings.clone());
        SharedHttpConnector::new(Once {
            over_tls: Arc::clone(&over_tls),
            builder,
            proxies: proxies.clone(),
        })
    }))
}

/// Makes a connector for each request.
struct Once {
    over_tls: Arc<Make>,
    builder: ConnectorBuilder,
    proxies: Proxies,
}

impl std::fmt::Debug for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl HttpConnector for Once {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let plain = request.uri().starts_with("http:");
        let proxy = if plain { &self.proxies.http } else { &self.proxies.https };
        let mut builder = self.builder.clone();
        builder.set_proxy_config(proxy.clone());
        let connector =
            if plain && proxy.is_none() { builder.build_http() } else { (self.over_tls)(builder) };
        let reply = connector.call(request);
        HttpConnectorFuture::new(async move {
            let result = reply.await;
            drop(connector);
            result
        })
    }
}

/// A pool whose connectors are made by `make`, for attempts that may take `attempt_timeout`
/// each.
fn generations(
    attempt_timeout: Duration,
    make: impl Fn() -> Connector + Send + Sync + 'static,
) -> Generations {
    let current = ArcSwap::from_pointee(make());
    // The attempt began before its request was sent, so its time is up a little early.
    let suspicious = SUSPICIOUS.min(attempt_timeout / 2);
    Generations(Arc::new(Pool { make: Box::new(make), current, suspicious }))
}

struct Pool {
    make: Box<dyn Fn() -> Connector + Send + Sync>,
    current: ArcSwap<Connector>,
    suspicious: Duration,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    /// Ends a generation. Of many requests that fail in it, the first one does.
    fn give_up(&self, generation: &Arc<Connector>) {
        if Arc::ptr_eq(&self.current.load(), generation) {
            let next = Arc::new((self.make)());
            self.current.compare_and_swap(generation, next);
        }
    }
}

#[derive(Debug)]
struct Generations(Arc<Pool>);

impl HttpConnector for Generations {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let generation = self.0.current.load_full();
        let connection = request.extension::<CaptureSmithyConnection>().cloned();
        let reply = generation.call(request);
        let pool = Arc::clone(&self.0);
        let mut sent =
            Sent { pool, generation, connection, at: Instant::now(), outcome: Outcome::Unknown };
        HttpConnectorFuture::new(async move {
            let result = reply.await;
            sent.ended(result.is_ok());
            result
        })
    }
}

/// A request under way. It is dropped unanswered when its time is up, or its caller's.
struct Sent {
    pool: Arc<Pool>,
    generation: Arc<Connector>,
    connection: Option<CaptureSmithyConnection>,
    at: Instant,
    outcome: Outcome,
}

#[derive(PartialEq, Eq)]
enum Outcome {
    Unknown,
    Answered,
    Failed,
}

impl Sent {
    fn ended(&mut self, well: bool) {
        self.outcome = if well { Outcome::Answered } else { Outcome::Failed };
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let suspect = match self.outcome {
            Outcome::Answered => false,
            Outcome::Failed => true,
            Outcome::Unknown => self.at.elapsed() >= self.pool.suspicious,
        };
        // Where not even a connection could be opened, those that are there are no worse.
        let had_none = || self.connection.as_ref().is_some_and(|one| one.get().is_none());
        if suspect && !had_none() {
            self.pool.give_up(&self.generation);
        }
    }
}
