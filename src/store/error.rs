//! What can go wrong between us and the table.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

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

/// The error codes that only an operator can mend.
const OPERATOR_CODES: [&str; 9] = [
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
    "ValidationException",
];

impl StoreError {
    /// Sorts an SDK error. Messages of the service are kept for permissions only:
    /// others may quote parts of the item.
    pub(super) fn of<E, R>(error: &SdkError<E, R>, table: &str) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug,
    {
        if let Some(code) = error.as_service_error().and_then(ProvideErrorMetadata::code) {
            let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
            return Self::of_code(code, message.unwrap_or_default(), table);
        }
        if let Some(ours) = of_the_engine(error) {
            return ours.clone();
        }
        match error {
            SdkError::TimeoutError(_) => Self::Unavailable("it timed out".to_owned()),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                Self::Unavailable("connecting or waiting for it timed out".to_owned())
            }
            _ if without_credentials(error) => Self::Configuration(
                "no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
                 a profile, or a role"
                    .to_owned(),
            ),
            SdkError::DispatchFailure(_) => Self::Unavailable(
                "the connection failed (is the endpoint right, and up?)".to_owned(),
            ),
            SdkError::ConstructionFailure(_) => {
                Self::Unavailable("the request could not be made or signed".to_owned())
            }
            _ => Self::Unavailable("its reply could not be read".to_owned()),
        }
    }

    fn of_code(code: &str, message: &str, table: &str) -> Self {
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
            _ if OPERATOR_CODES.contains(&code) => Self::Configuration(format!(
                "DynamoDB refused the credentials ({code}): check them, and the clock"
            )),
            _ => Self::Unavailable(format!("DynamoDB answered {code}")),
        }
    }
}

/// What the embedded engine says, where it stands in for the network.
fn of_the_engine<E, R>(error: &SdkError<E, R>) -> Option<&StoreError>
where
    E: Error + 'static,
    R: std::fmt::Debug,
{
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(ours) = cause.downcast_ref() {
            return Some(ours);
        }
        source = cause.source();
    }
    None
}

fn without_credentials<E, R>(error: &SdkError<E, R>) -> bool
where
    E: Error + 'static,
    R: std::fmt::Debug,
{
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<CredentialsError>() {
            return matches!(
                error,
                CredentialsError::CredentialsNotLoaded(_)
                    | CredentialsError::InvalidConfiguration(_)
            );
        }
        source = cause.source();
    }
    false
}
