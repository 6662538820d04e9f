//! Why there are no credentials, and what to do about it.
//!
//! The SDK's own words are not passed on: they quote what a `credential_process`
//! printed, and what services answered.

use std::error::Error;
use std::fmt::Write as _;

use aws_credential_types::provider::error::CredentialsError;
#[cfg(feature = "sso")]
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::profile::{Base, Profiles};
use crate::store::StoreError;
use crate::store::error::{Source, causes, untrusted};

/// Where credentials may be, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Environment,
    Profile,
    WebIdentity,
    Container,
    Instance,
}

pub(super) const STEPS: [Step; 5] =
    [Step::Environment, Step::Profile, Step::WebIdentity, Step::Container, Step::Instance];

impl Step {
    pub(super) fn source(self, profiles: &Profiles) -> Source {
        let of =
            |name: &str, renew: &str| Source { name: name.to_owned(), renew: renew.to_owned() };
        match self {
            Self::Environment => Source::variables(),
            Self::Profile => profiles.source(),
            Self::WebIdentity => of(
                "the web identity (AWS_ROLE_ARN)",
                "check what writes the file that AWS_WEB_IDENTITY_TOKEN_FILE names",
            ),
            Self::Container => of("the container's role", "restart the container"),
            Self::Instance => of("the instance's role", "check that the instance has a role"),
        }
    }
}

/// A step that gave no credentials.
pub(super) struct Refused<'a> {
    pub(super) step: Step,
    pub(super) profiles: &'a Profiles,
    pub(super) error: &'a CredentialsError,
    /// It has given some before.
    pub(super) worked: bool,
}

/// What a service answered.
struct Answer {
    code: String,
    status: u16,
    /// It was asked for a role, with credentials that were fine so far.
    assuming: bool,
}

/// What to tell, or nothing where the next step is to be asked.
///
/// A source that has worked before and cannot be reached now is an outage, and asking
/// again is safe: on Lambda and in containers the endpoint does not answer for a moment
/// now and then. One that never has is more likely wrong than down. That a service
/// answers "later" is not a fault of the settings in either case.
pub(super) fn refusal(refused: &Refused<'_>) -> Option<StoreError> {
    let Refused { step, profiles, error, worked } = *refused;
    let name = step.source(profiles).name;
    let not_asked = matches!(error, CredentialsError::CredentialsNotLoaded(_));
    if worked && (not_asked || is_unreachable(error)) {
        return Some(StoreError::Unavailable(format!(
            "the credentials of {name} could not be renewed"
        )));
    }
    if not_asked {
        return left_out(step, profiles, error);
    }
    if let Some(why) = untrusted(error) {
        return Some(StoreError::Configuration(format!(
            "no credentials from {name}: where they are, {why}"
        )));
    }
    let answer = answer(error);
    if let Some(Answer { code, status, .. }) = &answer
        && (*status >= 500 || *status == 429 || code.contains("Throttl"))
    {
        return Some(StoreError::Unavailable(format!(
            "no credentials from {name} for now: the service that gives them answered {code}"
        )));
    }
    Some(StoreError::Configuration(advice(refused, &name, answer.as_ref())))
}

/// A step that was not asked: fine, unless its settings are half there.
fn left_out(step: Step, profiles: &Profiles, error: &CredentialsError) -> Option<StoreError> {
    match step {
        Step::Profile if profiles.gives_credentials() => {
            Some(StoreError::Configuration(incomplete(profiles, error)))
        }
        Step::WebIdentity if std::env::var_os("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() => {
            Some(StoreError::Configuration(
                "AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not: set both".to_owned(),
            ))
        }
        _ => None,
    }
}

/// What the SDK says about a profile's settings. It names profiles and fields.
fn incomplete(profiles: &Profiles, error: &CredentialsError) -> String {
    let name = profiles.selected();
    let why = error.source().map(ToString::to_string).unwrap_or_default();
    let why = why.strip_prefix("ProfileFile provider could not be built: ").unwrap_or(&why);
    format!("profile {name:?} cannot give credentials: {why}")
}

fn advice(refused: &Refused<'_>, name: &str, answer: Option<&Answer>) -> String {
    let Refused { step, profiles, error, .. } = *refused;
    let unreachable = is_unreachable(error);
    match (step, answer) {
        (Step::Profile, _) => of_profile(profiles, error, answer),
        (Step::WebIdentity, Some(Answer { code, .. })) => format!(
            "STS refused the web identity token ({code}): check AWS_ROLE_ARN, the role's trust \
             policy, and whether the token in AWS_WEB_IDENTITY_TOKEN_FILE has expired"
        ),
        (Step::WebIdentity, None) if unreachable => format!(
            "STS could not be reached for {name}: check AWS_REGION, the network and HTTPS_PROXY"
        ),
        (Step::WebIdentity, None) => "the web identity token cannot be read: check the file that \
             AWS_WEB_IDENTITY_TOKEN_FILE names"
            .to_owned(),
        (Step::Container, _) if unreachable => {
            "the container's credentials endpoint could not be reached: check \
             AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
                .to_owned()
        }
        (Step::Container, _) => "the container's credentials endpoint returned none: check \
             AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, \
             AWS_CONTAINER_AUTHORIZATION_TOKEN, and the role of the task"
            .to_owned(),
        (Step::Instance, _) => {
            "the instance metadata service gave no credentials: check that the instance has a \
             role, and that its metadata options allow IMDSv2 from here (hop limit 2 in \
             containers)"
                .to_owned()
        }
        (Step::Environment, _) => {
            "the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY cannot be read: set \
             them again"
                .to_owned()
        }
    }
}

fn of_profile(profiles: &Profiles, error: &CredentialsError, answer: Option<&Answer>) -> String {
    let name = profiles.selected();
    let (base, kind) = profiles.base();
    let unreachable = is_unreachable(error);
    match answer {
        Some(Answer { code, assuming: true, .. }) => {
            let device = if profiles.wants_device() {
                ". It also names an mfa_serial, but lambdatotp cannot ask for an MFA code: use \
                 `aws configure export-credentials`"
            } else {
                ""
            };
            return format!(
                "STS refused to let profile {name:?} assume its role ({code}): check role_arn \
                 and the role's trust policy{device}"
            );
        }
        None if unreachable && (name != base || kind == Base::Elsewhere) => {
            return format!(
                "the services that give profile {name:?} its credentials could not be reached: \
                 check the region, the network and HTTPS_PROXY"
            );
        }
        _ => {}
    }
    match (kind, answer) {
        (Base::Sso, Some(Answer { code, .. })) if code == "ForbiddenException" => format!(
            "SSO refused profile {base:?} ({code}): check its sso_account_id and sso_role_name"
        ),
        (Base::Sso, None) if unreachable => format!(
            "SSO could not be reached for profile {base:?}: check its sso_region, the network \
             and HTTPS_PROXY"
        ),
        (Base::Sso, _) if !matches!(error, CredentialsError::InvalidConfiguration(_)) => format!(
            "the SSO login of profile {base:?} is missing or has expired: {}",
            profiles.source().renew
        ),
        (Base::Process, _) => format!(
            "the credential_process of profile {base:?} failed: run its command by hand to see why"
        ),
        (Base::WebIdentity, Some(Answer { code, .. })) => format!(
            "STS refused the web identity token of profile {base:?} ({code}): check role_arn, \
             and whether the token in web_identity_token_file has expired"
        ),
        (Base::WebIdentity, None) if unreachable => format!(
            "STS could not be reached for profile {base:?}: check the region, the network and \
             HTTPS_PROXY"
        ),
        (Base::WebIdentity, None) => format!(
            "the web identity token of profile {base:?} cannot be read: check its \
             web_identity_token_file"
        ),
        (Base::Elsewhere, _) => format!(
            "the credential_source of profile {base:?} gave no credentials: check that it is \
             the right one for this machine"
        ),
        _ => incomplete(profiles, error),
    }
}

/// Nobody has any.
pub(super) fn nothing_found(profiles: &Profiles, unreachable: bool) -> StoreError {
    let mut message = "no AWS credentials found: set AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY, a profile, or a role"
        .to_owned();
    if profiles.selected() != "default" {
        let _ = write!(message, " (profile {:?} has none)", profiles.selected());
    }
    if unreachable {
        message.push_str(" (no instance metadata service answers here)");
    }
    StoreError::Configuration(message)
}

/// Whether nobody answered.
pub(super) fn is_unreachable(error: &CredentialsError) -> bool {
    matches!(error, CredentialsError::ProviderTimedOut(_))
        || causes(error).any(|cause| {
            cause.downcast_ref::<ConnectorError>().is_some_and(|it| it.is_io() || it.is_timeout())
        })
}

/// What STS or SSO answered, if they did.
fn answer(error: &CredentialsError) -> Option<Answer> {
    causes(error).find_map(|cause| {
        #[cfg(feature = "sso")]
        if let Some(error) = cause.downcast_ref::<SdkError<GetRoleCredentialsError>>() {
            return service(error, false);
        }
        if let Some(error) = cause.downcast_ref::<SdkError<AssumeRoleError>>() {
            return service(error, true);
        }
        let error = cause.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError>>()?;
        service(error, false)
    })
}

fn service<E: ProvideErrorMetadata>(error: &SdkError<E>, assuming: bool) -> Option<Answer> {
    let status = error.raw_response()?.status().as_u16();
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let code = code.map_or_else(|| format!("status {status}"), ToOwned::to_owned);
    Some(Answer { code, status, assuming })
}
