//! Whose credentials, which region, which endpoint.

use std::path::PathBuf;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{Builder, Region};

use super::BEHAVIOR;
use super::tls::http_client;
use crate::environment::variable;
use crate::store::settings::check_endpoint;
use crate::store::{Settings, StoreError};

/// What Lambda gives every function: credentials and a region in the environment.
/// Reading them here takes microseconds; the SDK's own chain takes milliseconds, at
/// every cold start.
pub(super) struct Environment {
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
    pub(super) fn read(settings: &Settings) -> Option<Self> {
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

    pub(super) fn builder(self) -> Result<Builder, StoreError> {
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
pub(super) async fn full_chain(settings: &Settings) -> Result<Builder, StoreError> {
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
