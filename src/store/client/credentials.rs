//! Whose credentials, which region, which endpoint.

mod chain;
mod profile;
mod refusal;
mod variables;

use std::path::PathBuf;

use aws_config::provider_config::ProviderConfig;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

use super::BEHAVIOR;
use super::connections::{self, for_credentials};
use super::identity::{Identities, Place};
use super::proxy::Proxies;
use crate::environment::{self, path, variable};
use crate::store::error::Source;
use crate::store::{Settings, StoreError};
use chain::Chain;
use profile::Profiles;
use variables::{check_region, credentials_of_variables, endpoint_of_variables, setting};

/// The way to the table, who signs for it, and where their credentials are from.
pub(super) struct Access {
    pub(super) connector: SharedHttpConnector,
    /// Nobody, inside the process.
    pub(super) identities: Option<Arc<Identities>>,
    pub(super) source: Source,
}

impl Access {
    fn new(
        place: Place,
        provider: SharedCredentialsProvider,
        source: Source,
        settings: &Settings,
    ) -> Result<Self, StoreError> {
        let connector = connections::to(place.endpoint_url.as_deref(), settings)?;
        let identities = Some(Arc::new(Identities::new(provider, place)));
        Ok(Self { connector, identities, source })
    }

    /// To what answers inside this process.
    pub(super) fn in_process(connector: SharedHttpConnector) -> Self {
        Self { connector, identities: None, source: Source::nobody() }
    }
}

/// What Lambda gives every function: credentials and a region in the environment.
/// Reading them here takes microseconds; the SDK's own chain takes milliseconds, at
/// every cold start.
struct Environment {
    credentials: Credentials,
    region: String,
}

/// Variables and files that only the SDK's own rules understand.
fn needs_full_chain() -> bool {
    let variables = [
        "AWS_PROFILE",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_ACCOUNT_ID_ENDPOINT_MODE",
    ];
    if variables.into_iter().any(|name| std::env::var_os(name).is_some_and(|it| !it.is_empty())) {
        return true;
    }
    variable("HOME").is_some_and(|home| PathBuf::from(home).join(".aws/config").exists())
}

/// Finds out who signs the requests, and asks them once: what is wrong with them is
/// told here and now, not by a request that fails.
pub(super) async fn access(settings: &Settings) -> Result<Access, StoreError> {
    check_variables()?;
    match Environment::read(settings)? {
        Some(environment) => environment.access(settings),
        // Boxed, since it is 20 kB of state that every caller would carry.
        None => Box::pin(full_chain(settings)).await,
    }
}

/// The SDK takes a variable that is not UTF-8 for one that is not set: another profile, or
/// another endpoint, would be used silently.
fn check_variables() -> Result<(), StoreError> {
    // Where ~/.aws is, the SDK would not find it.
    let home = path("HOME").filter(|home| home.to_str().is_none() && home.join(".aws").exists());
    let name = environment::unreadable("AWS_").or(home.map(|_| "HOME".to_owned()));
    name.map_or(Ok(()), |name| {
        let problem = format!("{name} is not UTF-8 text: set it again, or unset it");
        Err(StoreError::Configuration(problem))
    })
}

impl Environment {
    /// Nothing, where the SDK's own rules are needed.
    fn read(settings: &Settings) -> Result<Option<Self>, StoreError> {
        // Before the SDK sees them: it panics on a key with a line end.
        let credentials = credentials_of_variables()?;
        let region = region(settings)?;
        if needs_full_chain() {
            return Ok(None);
        }
        let (Some(credentials), Some(region)) = (credentials, region) else { return Ok(None) };
        Ok(Some(Self { credentials, region }))
    }

    fn access(self, settings: &Settings) -> Result<Access, StoreError> {
        let endpoint_url = settings.endpoint_url.clone().or_else(endpoint_of_variables);
        let place = Place::new(self.region, endpoint_url);
        let provider = SharedCredentialsProvider::new(self.credentials);
        Access::new(place, provider, Source::variables(), settings)
    }
}

/// The region that is said in so many words.
fn region(settings: &Settings) -> Result<Option<String>, StoreError> {
    let mut found = settings.region.clone().map(|region| ("region", region));
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if found.is_none() {
            found = setting(name)?.map(|region| (name, region));
        }
    }
    if let Some((name, region)) = &found {
        check_region(name, region)?;
    }
    Ok(found.map(|(_, region)| region))
}

/// AWS's usual rules: profiles, web identity, containers, instance metadata.
async fn full_chain(settings: &Settings) -> Result<Access, StoreError> {
    let profiles = Profiles::read().await?;
    // Profiles may need to ask AWS for credentials, over TLS.
    let client = for_credentials(&Proxies::for_credentials()?)?;
    let mut loader = aws_config::defaults(BEHAVIOR()).http_client(client.clone()).no_credentials();
    if let Some(name) = profiles.by_name() {
        loader = loader.profile_name(name);
    }
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let shared = loader.load().await;
    // An empty variable is a region to the SDK.
    let region = shared.region().filter(|region| !region.as_ref().is_empty());
    let Some(region) = region else {
        return Err(StoreError::Configuration(
            "no AWS region: set AWS_REGION, or pass region".to_owned(),
        ));
    };
    check_region(&format!("the region of profile {:?}", profiles.selected()), region.as_ref())?;
    let endpoint_url = settings.endpoint_url.clone().or_else(|| configured_endpoint(&shared));
    for (on, name) in [
        (shared.use_dual_stack(), "AWS_USE_DUALSTACK_ENDPOINT"),
        (shared.use_fips(), "AWS_USE_FIPS_ENDPOINT"),
    ] {
        if on == Some(true) && endpoint_url.is_some() {
            return Err(StoreError::Configuration(format!(
                "{name} selects one of AWS's endpoints, but endpoint_url names another: unset \
                 one of them"
            )));
        }
    }
    let config = ProviderConfig::without_region()
        .with_region(Some(region.clone()))
        .with_use_fips(shared.use_fips())
        .with_use_dual_stack(shared.use_dual_stack())
        .with_behavior_version(Some(BEHAVIOR()))
        .with_http_client(client);
    let (chain, source) = Chain::load(config, profiles).await?;
    let place = Place {
        use_fips: shared.use_fips(),
        use_dual_stack: shared.use_dual_stack(),
        of_account: shared.account_id_endpoint_mode().cloned().unwrap_or_default(),
        ..Place::new(region.to_string(), endpoint_url)
    };
    Access::new(place, SharedCredentialsProvider::new(chain), source, settings)
}

/// The endpoint that variables or the profile name, for `DynamoDB` first.
fn configured_endpoint(shared: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("DynamoDB")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let of_service = shared.service_config().zip(key.ok());
    let of_service = of_service.and_then(|(config, key)| config.load_config(key));
    let of_service = of_service.filter(|url| !url.is_empty());
    of_service.or_else(|| shared.endpoint_url().map(ToOwned::to_owned))
}
