//! Who signs a request, and where it goes: an endpoint may depend on the account.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use aws_credential_types::Credentials;
#[cfg(feature = "admin")]
use aws_credential_types::provider;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::config::endpoint::{
    DefaultResolver, Endpoint, InvalidParams, Params, ResolveEndpoint,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::Document;
use aws_types::endpoint_config::AccountIdEndpointMode;
use tokio::sync::Mutex;

/// How long before they expire credentials are renewed, at most; at least half of it, at
/// random, so that not all processes ask at once.
const RENEWED_BEFORE: Duration = Duration::from_secs(10);
/// How long those are kept that do not say when they expire.
const KEPT: Duration = Duration::from_mins(15);

/// Which of AWS's endpoints, or which other one.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) region: String,
    pub(super) endpoint_url: Option<String>,
    pub(super) use_fips: Option<bool>,
    pub(super) use_dual_stack: Option<bool>,
    /// Whether an account has an endpoint of its own.
    pub(super) of_account: AccountIdEndpointMode,
}

impl Place {
    pub(super) fn new(region: String, endpoint_url: Option<String>) -> Self {
        Self {
            region,
            endpoint_url,
            use_fips: None,
            use_dual_stack: None,
            of_account: AccountIdEndpointMode::default(),
        }
    }

    /// What the SDK's rules need to know.
    fn seen_by(&self, credentials: &Credentials) -> Result<Params, InvalidParams> {
        let account = credentials.account_id().map(|account| account.as_str().to_owned());
        Params::builder()
            .region(&self.region)
            .set_endpoint(self.endpoint_url.clone())
            .set_use_fips(self.use_fips)
            .set_use_dual_stack(self.use_dual_stack)
            .account_id_endpoint_mode(self.of_account.to_string())
            .set_account_id(account)
            .build()
    }
}

/// Asks for credentials when they are first needed, and again when they are about to expire.
#[derive(Debug)]
pub(super) struct Identities {
    provider: SharedCredentialsProvider,
    place: Place,
    rules: DefaultResolver,
    kept: ArcSwapOption<Signer>,
    /// Taken by the one who asks.
    asking: Mutex<()>,
}

/// The one who signs, and what depends on who that is.
#[derive(Debug)]
pub(super) struct Signer {
    identity: Identity,
    until: SystemTime,
    url: String,
    region: String,
    service: String,
    settings: SigningSettings,
}

impl Identities {
    pub(super) fn new(provider: SharedCredentialsProvider, place: Place) -> Self {
        Self {
            provider,
            place,
            rules: DefaultResolver::new(),
            kept: ArcSwapOption::empty(),
            asking: Mutex::default(),
        }
    }

    #[cfg(feature = "admin")]
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Whom to sign for now.
    pub(super) async fn signer(&self) -> Result<Arc<Signer>, BoxError> {
        if let Some(kept) = self.fresh() {
            return Ok(kept);
        }
        // Boxed, since it is kilobytes of state that hardly any request needs.
        Box::pin(self.ask()).await
    }

    async fn ask(&self) -> Result<Arc<Signer>, BoxError> {
        let _asking = self.asking.lock().await;
        // Others may have waited for the same answer.
        if let Some(kept) = self.fresh() {
            return Ok(kept);
        }
        let credentials = self.provider.provide_credentials().await?;
        let endpoint = self.rules.resolve_endpoint(&self.place.seen_by(&credentials)?).await?;
        let signer = Arc::new(Signer::new(&credentials, &endpoint, &self.place.region)?);
        self.kept.store(Some(Arc::clone(&signer)));
        Ok(signer)
    }

    fn fresh(&self) -> Option<Arc<Signer>> {
        self.kept.load_full().filter(|kept| SystemTime::now() < kept.until)
    }
}

impl Signer {
    fn new(credentials: &Credentials, endpoint: &Endpoint, region: &str) -> Result<Self, BoxError> {
        let expiry = credentials.expiry().unwrap_or_else(|| SystemTime::now() + KEPT);
        let early = RENEWED_BEFORE.mul_f64(1.0 - fastrand::f64() / 2.0);
        // An endpoint may want to be signed for under another name.
        let named = |what| {
            let scheme = endpoint.auth_schemes().iter().find(|scheme| scheme.name() == "sigv4")?;
            scheme.get(what).and_then(Document::as_string)
        };
        let mut request = HttpRequest::empty();
        request.uri_mut().set_endpoint(endpoint.url())?;
        let mut settings = SigningSettings::default();
        // We say ourselves which headers are signed.
        settings.excluded_headers = None;
        Ok(Self {
            identity: credentials.clone().into(),
            until: expiry.checked_sub(early).unwrap_or(expiry),
            url: request.uri().to_owned(),
            region: named("signingRegion").unwrap_or(region).to_owned(),
            service: named("signingName").unwrap_or("dynamodb").to_owned(),
            settings,
        })
    }

    /// Writes onto a request where it goes.
    pub(super) fn address(&self, request: &mut HttpRequest) -> Result<(), BoxError> {
        Ok(request.set_uri(self.url.as_str())?)
    }

    /// Signs a request, at a time.
    pub(super) fn sign(&self, request: &mut HttpRequest, at: SystemTime) -> Result<(), BoxError> {
        let params = v4::SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name(&self.service)
            .time(at)
            .settings(self.settings.clone())
            .build()?
            .into();
        let body = SignableBody::Bytes(request.body().bytes().unwrap_or_default());
        // The length is the body's, which is signed.
        let headers = request.headers().iter().filter(|(name, _)| *name != "content-length");
        let signable = SignableRequest::new(request.method(), request.uri(), headers, body)?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        let (headers, _) = instructions.into_parts();
        for header in headers {
            request.headers_mut().try_insert(header.name(), header.value().to_owned())?;
        }
        Ok(())
    }
}

/// What the SDK's whole client asks, so that nobody is asked twice.
#[cfg(feature = "admin")]
#[derive(Debug)]
pub(super) struct Shared(pub(super) Arc<Identities>);

#[cfg(feature = "admin")]
impl ProvideCredentials for Shared {
    fn provide_credentials<'a>(&'a self) -> provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        use provider::error::CredentialsError;

        provider::future::ProvideCredentials::new(async {
            let signer = self.0.signer().await.map_err(CredentialsError::provider_error)?;
            let credentials = signer.identity.data::<Credentials>().cloned();
            credentials.ok_or_else(|| CredentialsError::unhandled("no credentials"))
        })
    }
}
