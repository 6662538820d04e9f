//! The client over a network under a test's hands.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use super::{Settings, Store};
use crate::config_error::ConfigError;
use crate::simulation::{Network, Reply, Request, Time};

#[derive(Clone)]
struct Connector(Arc<dyn Network>);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("simulation::Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let arriving = self.0.carry(Request { operation, body });
        HttpConnectorFuture::new(async move {
            match arriving.await {
                Reply::Answer(status, body) => {
                    let status = StatusCode::try_from(status).expect("an HTTP status");
                    Ok(HttpResponse::new(status, SdkBody::from(body)))
                }
                Reply::Broken => Err(ConnectorError::io("the connection broke".into())),
                Reply::TimedOut => Err(ConnectorError::timeout("no reply".into())),
            }
        })
    }
}

#[derive(Clone)]
struct Timer(Arc<dyn Time>);

impl std::fmt::Debug for Timer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("simulation::Timer")
    }
}

impl AsyncSleep for Timer {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(self.0.sleep(duration))
    }
}

impl Store {
    /// A store whose requests `network` carries, and whose waits are `time`'s.
    pub(crate) fn simulated(
        table: &str,
        settings: Settings,
        network: Arc<dyn Network>,
        time: Arc<dyn Time>,
    ) -> Result<Self, ConfigError> {
        let connector = SharedHttpConnector::new(Connector(network));
        let store = Self::new(table, settings)?;
        store.connection.simulate(connector, SharedAsyncSleep::new(Timer(time)));
        Ok(store)
    }
}
