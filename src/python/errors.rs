//! Rust errors to the Python exceptions of `lambdatotp.exceptions`.

use pyo3::exceptions::PyValueError;
use pyo3::{PyErr, import_exception};

use crate::otp::OtpError;
use crate::qr::QrError;
use crate::random::RandomError;
use crate::store::StoreError;
use crate::verifier::{ConfigError, VerifierError};

import_exception!(lambdatotp.exceptions, ConfigurationError);
import_exception!(lambdatotp.exceptions, InternalError);
import_exception!(lambdatotp.exceptions, InvalidLabelError);
import_exception!(lambdatotp.exceptions, InvalidSecretError);
import_exception!(lambdatotp.exceptions, InvalidUserError);
import_exception!(lambdatotp.exceptions, LambdaTotpError);
import_exception!(lambdatotp.exceptions, LockedError);
import_exception!(lambdatotp.exceptions, NoRotationError);
import_exception!(lambdatotp.exceptions, StoreCorruptError);
import_exception!(lambdatotp.exceptions, StoreUnavailableError);
import_exception!(lambdatotp.exceptions, TooManyAttemptsError);
import_exception!(lambdatotp.exceptions, UserExistsError);
import_exception!(lambdatotp.exceptions, UserNotFoundError);

impl From<OtpError> for PyErr {
    fn from(error: OtpError) -> Self {
        match error {
            OtpError::InvalidSecret(_) => InvalidSecretError::new_err(error.to_string()),
            _ => PyValueError::new_err(error.to_string()),
        }
    }
}

impl From<RandomError> for PyErr {
    fn from(error: RandomError) -> Self {
        LambdaTotpError::new_err(error.to_string())
    }
}

impl From<QrError> for PyErr {
    fn from(error: QrError) -> Self {
        PyValueError::new_err(error.to_string())
    }
}

impl From<ConfigError> for PyErr {
    fn from(error: ConfigError) -> Self {
        ConfigurationError::new_err(error.to_string())
    }
}

impl From<StoreError> for PyErr {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Unavailable(_) => StoreUnavailableError::new_err(message),
            StoreError::Configuration(_) => ConfigurationError::new_err(message),
            StoreError::Corrupt { .. } => StoreCorruptError::new_err(message),
            StoreError::Random(error) => error.into(),
        }
    }
}

impl From<VerifierError> for PyErr {
    fn from(error: VerifierError) -> Self {
        let message = error.to_string();
        match error {
            VerifierError::InvalidUser(_) => InvalidUserError::new_err(message),
            VerifierError::InvalidLabel { .. } => InvalidLabelError::new_err(message),
            VerifierError::InvalidSecret(error) => error.into(),
            VerifierError::Random(error) => error.into(),
            VerifierError::InvalidCount { .. } => PyValueError::new_err(message),
            VerifierError::UserExists => UserExistsError::new_err(message),
            VerifierError::UserNotFound => UserNotFoundError::new_err(message),
            VerifierError::NoRotation => NoRotationError::new_err(message),
            VerifierError::TooManyAttempts { retry_after } => {
                TooManyAttemptsError::new_err(retry_after.as_secs())
            }
            VerifierError::Locked => LockedError::new_err(message),
            VerifierError::Qr(error) => error.into(),
            VerifierError::Store(error) => error.into(),
        }
    }
}
