//! What can go wrong between us and the table.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::config_error::ConfigError;
use crate::random::RandomError;

/// Why the store gave no answer. No message holds an item, a secret or a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No answer in time, or the store said to come back later. Nothing is known
    /// about the write that was under way; asking again is safe.
    #[error("the store did not answer: {0}")]
    Unavailable(String),
    /// The operator must change something: credentials, region, table, permissions.
    #[error("{0}")]
    Configuration(String),
    /// An item that this crate could not have written.
    #[error("the item of user {user:?} is damaged: {field} {problem}")]
    Corrupt {
        /// The item's key.
        user: String,
        /// The attribute at fault.
        field: &'static str,
        /// What is wrong with it; never its value.
        problem: &'static str,
    },
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<ConfigError> for StoreError {
    /// For a setting that only a request shows, such as an endpoint in the environment.
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error.to_string())
    }
}

/// Where credentials are from, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// As in "the credentials of ...".
    pub(super) name: String,
    /// How to get new ones.
    pub(super) renew: String,
}

impl Source {
    pub(super) fn variables() -> Self {
        Self {
            name: "AWS_ACCESS_KEY_ID".to_owned(),
            renew: "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN to new ones"
                .to_owned(),
        }
    }

    /// Of what answers inside this process.
    pub(super) fn nobody() -> Self {
        Self { name: "nobody".to_owned(), renew: String::new() }
    }
}

impl StoreError {
    /// Sorts an SDK error. Messages of the service are kept for permissions only:
    /// others may quote parts of the item.
    pub(super) fn of<E>(error: &SdkError<E>, table: &str, source: &Source) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        if let Some(code) = error.as_service_error().and_then(ProvideErrorMetadata::code) {
            let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
            return Self::of_code(code, message.unwrap_or_default(), table, source);
        }
        if error.raw_response().is_some_and(|reply| reply.status().as_u16() == 407) {
            return Self::Configuration(PROXY_WANTS_A_PASSWORD.to_owned());
        }
        // What stands in for the network, or gives credentials, has said it already.
        if let Some(refusal) = causes(error).find_map(|cause| cause.downcast_ref::<Self>()) {
            return refusal.clone();
        }
        match error {
            SdkError::TimeoutError(_) => Self::Unavailable("it timed out".to_owned()),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                Self::Unavailable("the connection or the reply timed out".to_owned())
            }
            SdkError::DispatchFailure(_) => Self::of_connection(error),
            SdkError::ConstructionFailure(_) => Self::Configuration(
                "the request could not be made or signed: check the region and the endpoint"
                    .to_owned(),
            ),
            _ => Self::Unavailable("its reply could not be read".to_owned()),
        }
    }

    fn of_connection(error: &(dyn Error + 'static)) -> Self {
        if let Some(why) = untrusted(error) {
            return Self::Configuration(format!("at the endpoint, {why}"));
        }
        // The type of the tunnel's errors has no name.
        if causes(error)
            .any(|cause| cause.to_string() == "tunnel error: proxy authorization required")
        {
            return Self::Configuration(PROXY_WANTS_A_PASSWORD.to_owned());
        }
        Self::Unavailable(
            "the connection failed (is the endpoint correct, and is it running?)".to_owned(),
        )
    }

    fn of_code(code: &str, message: &str, table: &str, source: &Source) -> Self {
        match code {
            "ResourceNotFoundException" => Self::Configuration(format!(
                "there is no table {table:?} in this region and account: make it (lambdatotp \
                 create-table), or set LAMBDATOTP_TABLE_NAME"
            )),
            "AccessDeniedException" => {
                Self::Configuration(format!("DynamoDB refused access: {message}"))
            }
            "ValidationException" => Self::Configuration(format!(
                "DynamoDB refused the request: is user_id (string) the only key of table {table:?}?"
            )),
            _ => match advice(code, message, source) {
                Some(advice) => Self::Configuration(format!(
                    "DynamoDB refused the credentials of {} ({code}): {advice}",
                    source.name
                )),
                None => Self::Unavailable(format!("DynamoDB answered {code}")),
            },
        }
    }
}

const PROXY_WANTS_A_PASSWORD: &str = "the proxy requires a user name and a password, or \
     rejected these: put them into HTTPS_PROXY or HTTP_PROXY, as in http://user:password@host:port";

/// What to do about credentials that the service refuses: codes that only an operator
/// can deal with.
fn advice(code: &str, message: &str, source: &Source) -> Option<String> {
    // Of two codes for a wrong signature, the message alone tells a wrong clock.
    let wrong_time = message.starts_with("Signature expired")
        || message.starts_with("Signature not yet current");
    let advice = match code {
        "RequestTimeTooSkewed" | "RequestExpired" => SET_THE_CLOCK,
        "InvalidSignatureException" | "SignatureDoesNotMatch" if wrong_time => SET_THE_CLOCK,
        "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException" => {
            "the secret access key does not belong to the access key, or a proxy changes \
             requests. Check both"
        }
        "AuthFailure"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException" => {
            "the access key does not exist (any more), or its session token is missing or \
             wrong. Get new credentials"
        }
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => "they have expired",
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => {
            "the request came without a signature. Does a proxy remove it?"
        }
        "OptInRequired" | "SubscriptionRequiredException" => {
            "the account is not signed up for DynamoDB, or has not enabled this region"
        }
        _ => return None,
    };
    let renewing = advice.ends_with("expired") || advice.ends_with("new ones");
    Some(if renewing { format!("{advice}: {}", source.renew) } else { advice.to_owned() })
}

const SET_THE_CLOCK: &str =
    "the clock of this machine is wrong: set it (`timedatectl set-ntp true`)";

/// An error and what caused it. What an I/O error wraps is a cause of its own, which
/// its `source()` leaves out.
pub(super) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

/// What is wrong with the certificate of the other side, if that is what is wrong.
pub(super) fn untrusted(error: &(dyn Error + 'static)) -> Option<&'static str> {
    use rustls::CertificateError as Wrong;
    use rustls::Error as Tls;

    let error = causes(error).find_map(|cause| cause.downcast_ref::<Tls>())?;
    Some(match error {
        Tls::InvalidCertificate(
            Wrong::Expired
            | Wrong::ExpiredContext { .. }
            | Wrong::NotValidYet
            | Wrong::NotValidYetContext { .. },
        ) => "the certificate is not valid today: renew it, or set this machine's clock",
        Tls::InvalidCertificate(Wrong::NotValidForName | Wrong::NotValidForNameContext { .. }) => {
            "the certificate is for another name: check the host name of the endpoint"
        }
        Tls::InvalidCertificate(_) | Tls::NoCertificatesPresented => {
            "the certificate is signed by an authority that this machine does not trust: set \
             AWS_CA_BUNDLE to that authority's PEM file"
        }
        Tls::InvalidMessage(_) => "the endpoint does not speak TLS: should it be http://?",
        _ => return None,
    })
}
