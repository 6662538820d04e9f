//! The SDK's default chain of credentials, step by step, so that a failure has a name.

use std::sync::{Mutex, OnceLock, PoisonError};

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::profile::Profiles;
use super::refusal::{Refused, STEPS, Step, is_unreachable, nothing_found, refusal};
use super::variables::check_visible;
use crate::store::StoreError;
use crate::store::error::Source;

/// The provider of the client. Its first credentials were fetched when it was made.
#[derive(Debug)]
pub(super) struct Chain {
    config: ProviderConfig,
    profiles: Profiles,
    /// They remember what they have learnt, and are made when their turn comes.
    providers: [OnceLock<SharedCredentialsProvider>; STEPS.len()],
    first: Mutex<Option<Credentials>>,
    /// The step that has given credentials.
    worked: OnceLock<Step>,
}

impl Chain {
    pub(super) async fn load(
        config: ProviderConfig,
        profiles: Profiles,
    ) -> Result<(Self, Source), StoreError> {
        let chain = Self {
            config,
            profiles,
            providers: Default::default(),
            first: Mutex::default(),
            worked: OnceLock::new(),
        };
        let (step, credentials) = chain.ask().await?;
        *chain.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials);
        let source = step.source(&chain.profiles);
        Ok((chain, source))
    }

    fn provider(&self, step: Step) -> &SharedCredentialsProvider {
        let config = &self.config;
        self.providers[step as usize].get_or_init(|| match step {
            Step::Environment => {
                SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
            }
            Step::Profile => {
                let mut builder = ProfileFileCredentialsProvider::builder().configure(config);
                if let Some(name) = self.profiles.by_name() {
                    builder = builder.profile_name(name);
                }
                SharedCredentialsProvider::new(builder.build())
            }
            Step::WebIdentity => SharedCredentialsProvider::new(
                WebIdentityTokenCredentialsProvider::builder().configure(config).build(),
            ),
            Step::Container => SharedCredentialsProvider::new(
                EcsCredentialsProvider::builder().configure(config).build(),
            ),
            Step::Instance => SharedCredentialsProvider::new(
                ImdsCredentialsProvider::builder().configure(config).build(),
            ),
        })
    }

    async fn ask(&self) -> Result<(Step, Credentials), StoreError> {
        let mut unreachable = false;
        for step in STEPS {
            let worked = self.worked.get() == Some(&step);
            if step == Step::Profile
                && let Some(error) = self.profiles.unsupported(cfg!(feature = "sso"))
            {
                return Err(error);
            }
            let error = match self.provider(step).provide_credentials().await {
                Ok(credentials) => {
                    self.check(step, &credentials)?;
                    let _ = self.worked.set(step);
                    return Ok((step, credentials));
                }
                Err(error) => error,
            };
            let refused = Refused { step, profiles: &self.profiles, error: &error, worked };
            if let Some(error) = refusal(&refused) {
                return Err(error);
            }
            // Instance metadata that is not there is told from one that knows no role.
            unreachable = matches!(&error, CredentialsError::CredentialsNotLoaded(_))
                && is_unreachable(&error);
        }
        Err(nothing_found(&self.profiles, unreachable))
    }

    /// The SDK panics on a key with a line end, wherever it comes from.
    fn check(&self, step: Step, credentials: &Credentials) -> Result<(), StoreError> {
        let of = step.source(&self.profiles).name;
        check_visible(&format!("the access key of {of}"), credentials.access_key_id())?;
        check_visible(&format!("the secret key of {of}"), credentials.secret_access_key())?;
        match credentials.session_token() {
            Some(token) => check_visible(&format!("the session token of {of}"), token),
            None => Ok(()),
        }
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
            match first {
                Some(credentials) => Ok(credentials),
                None => match self.ask().await {
                    Ok((_, credentials)) => Ok(credentials),
                    Err(error) => Err(CredentialsError::provider_error(error)),
                },
            }
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider(*self.worked.get()?).fallback_on_interrupt()
    }
}
