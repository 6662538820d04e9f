//! `Verifier` and `Enrollment`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::errors::{ConfigurationError, InvalidUserError};
use super::guard::guarded;
use super::otp::SecretArgument;
use super::results::{Enrollment, UserStatus, Verification, texts};
use super::runtime::{awaitable, block_on};
use crate::verifier::{self, Config, Registration};

/// A user id as Python passes it. A str may hold surrogates, which no UTF-8 has.
fn user_text(user: &Bound<'_, PyString>) -> PyResult<String> {
    match user.to_str() {
        Ok(user) => Ok(user.to_owned()),
        Err(_) => Err(InvalidUserError::new_err("invalid user: it is not valid Unicode")),
    }
}

/// A text that is not even Unicode is no code, and no exception either.
fn code_text(code: &Bound<'_, PyString>) -> String {
    code.to_str().unwrap_or_default().to_owned()
}

/// A setting as the environment would give it, so that both are read the same way.
fn text<T: ToString>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// A negative number is as wrong as one that is too large.
fn size(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn registration(secret: Option<SecretArgument>, recovery_codes: i64) -> Registration {
    let secret = secret.map(|secret| secret.0);
    Registration { secret, recovery_codes: size(recovery_codes) }
}

/// Registers users and checks their codes against one table.
#[pyclass(frozen, subclass, module = "lambdatotp._lambdatotp")]
pub(super) struct Verifier(pub(super) verifier::Verifier);

#[guarded]
#[pymethods]
impl Verifier {
    #[new]
    #[pyo3(signature = (
        *, table_name=None, region=None, endpoint_url=None, embedded=None, issuer=None,
        digits=None, period=None, algorithm=None, window=None, burst=None, refill=None,
        max_misses=None, keys=None, enrollment_ttl=None, timeout=None, connect_timeout=None,
        attempt_timeout=None,
        max_connections=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "all optional, all by name")]
    fn new(
        py: Python<'_>,
        table_name: Option<String>,
        region: Option<String>,
        endpoint_url: Option<String>,
        embedded: Option<PathBuf>,
        issuer: Option<String>,
        digits: Option<u64>,
        period: Option<u64>,
        algorithm: Option<String>,
        window: Option<u64>,
        burst: Option<u32>,
        refill: Option<f64>,
        max_misses: Option<u32>,
        keys: Option<String>,
        enrollment_ttl: Option<f64>,
        timeout: Option<f64>,
        connect_timeout: Option<f64>,
        attempt_timeout: Option<f64>,
        max_connections: Option<u64>,
    ) -> PyResult<Self> {
        let mut config = Config::from_environment(|name| std::env::var(name).ok())?;
        if endpoint_url.is_some() {
            if embedded.is_some() {
                return Err(ConfigurationError::new_err("give endpoint_url or embedded, not both"));
            }
            // An argument beats the environment.
            config.store.embedded = None;
        }
        let arguments = [
            ("table_name", table_name),
            ("region", region),
            ("endpoint_url", endpoint_url),
            ("embedded", embedded.map(|path| path.to_string_lossy().into_owned())),
            ("issuer", issuer),
            ("digits", text(digits)),
            ("period", text(period)),
            ("algorithm", algorithm),
            ("window", text(window)),
            ("burst", text(burst)),
            ("refill", text(refill)),
            ("max_misses", text(max_misses)),
            ("keys", keys),
            ("enrollment_ttl", text(enrollment_ttl)),
            ("timeout", text(timeout)),
            ("connect_timeout", text(connect_timeout)),
            ("attempt_timeout", text(attempt_timeout)),
            ("max_connections", text(max_connections)),
        ];
        for (name, value) in arguments {
            if let Some(value) = value {
                config.set(name, &value)?;
            }
        }
        if let Some(at) = config.store.embedded.as_deref().filter(|at| *at != ":memory:") {
            py.import("lambdatotp._permissions")?.call_method1("warn", (at,))?;
        }
        Ok(Self(verifier::Verifier::new(config)?))
    }

    /// Registers a user.
    ///
    /// Args:
    ///     user: 1 to 256 bytes of UTF-8 without control characters.
    ///     secret: A `Secret`, or base32 of 80 bits or more, to move an existing
    ///         authenticator in; by default a fresh one of 160 bits.
    ///     recovery_codes: How many recovery codes to make, 0 to 20.
    ///
    /// Returns:
    ///     The enrollment: its QR code is to be shown to the user, once.
    ///
    /// Raises:
    ///     UserExistsError: The user is registered already; nothing changed.
    ///     InvalidUserError: The user id cannot be used.
    ///     InvalidSecretError: The secret cannot be used.
    ///     ValueError: More recovery codes than 20.
    ///     StoreUnavailableError: No answer from the table.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (user, *, secret=None, recovery_codes=0))]
    fn register(
        &self,
        py: Python<'_>,
        user: &Bound<'_, PyString>,
        secret: Option<SecretArgument>,
        recovery_codes: i64,
    ) -> PyResult<Enrollment> {
        let (user, registration) = (user_text(user)?, registration(secret, recovery_codes));
        block_on(py, self.0.register(&user, registration)).map(Enrollment)
    }

    /// Checks a code, and uses it up when it is right.
    ///
    /// The attempt is charged before the code is looked at, so parallel guesses
    /// cannot outrun the budget; a right code gives its own attempt back. One round
    /// trip for a wrong code, two for a right one.
    ///
    /// Args:
    ///     user: The user id.
    ///     code: What the user typed or pasted, digits of any script; white space, dashes
    ///         and invisible characters are dropped.
    ///
    /// Returns:
    ///     True for a right code, once. False for one that is wrong, was used
    ///     before, or is no code at all.
    ///
    /// Raises:
    ///     UserNotFoundError: There is no such user.
    ///     TooManyAttemptsError: The budget is spent; `retry_after` says how long,
    ///         in seconds. Nothing was charged.
    ///     LockedError: 100 misses in a row.
    ///     InvalidUserError: The user id cannot be used.
    ///     StoreUnavailableError: No answer from the table, so no verdict.
    ///     StoreCorruptError: The user's item was damaged by other hands.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (user, code))]
    fn verify(
        &self,
        py: Python<'_>,
        user: &Bound<'_, PyString>,
        code: &Bound<'_, PyString>,
    ) -> PyResult<bool> {
        let (user, code) = (user_text(user)?, code_text(code));
        let verdict = block_on(py, self.0.verify(&user, &code))?;
        Ok(verdict.is_accepted())
    }

    /// Checks a code as `verify` does, and tells more than yes or no.
    ///
    /// Args:
    ///     user: The user id.
    ///     code: What the user typed.
    ///
    /// Returns:
    ///     The verdict, true where `verify` would return True.
    ///
    /// Raises:
    ///     As `verify`.
    #[pyo3(signature = (user, code))]
    fn check(
        &self,
        py: Python<'_>,
        user: &Bound<'_, PyString>,
        code: &Bound<'_, PyString>,
    ) -> PyResult<Verification> {
        let (user, code) = (user_text(user)?, code_text(code));
        block_on(py, self.0.verify(&user, &code)).map(Verification)
    }

    /// Gives a user new recovery codes; earlier ones are void.
    ///
    /// Each lets the user in once, by `verify`, without an authenticator. They have a
    /// budget of tries of their own, and end a lock. Only hashes are stored.
    ///
    /// Args:
    ///     user: The user id.
    ///     count: How many, 1 to 20.
    ///
    /// Returns:
    ///     The codes, of 80 bits each, as they are to be written down.
    ///
    /// Raises:
    ///     UserNotFoundError: There is no such user.
    ///     InvalidUserError: The user id cannot be used.
    ///     ValueError: The count is out of range.
    ///     StoreUnavailableError: No answer from the table. Ask again: the codes that
    ///         are stored, nobody has seen.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (user, count=10))]
    fn new_recovery_codes(
        &self,
        py: Python<'_>,
        user: &Bound<'_, PyString>,
        count: i64,
    ) -> PyResult<Vec<String>> {
        let (user, count) = (user_text(user)?, size(count));
        block_on(py, self.0.new_recovery_codes(&user, count)).map(|codes| texts(&codes))
    }

    /// Forgives a user's misses, and what their attempts owe.
    ///
    /// Args:
    ///     user: The user id.
    ///
    /// Raises:
    ///     UserNotFoundError: There is no such user.
    ///     InvalidUserError: The user id cannot be used.
    ///     StoreUnavailableError: No answer from the table; asking again is safe.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (user))]
    fn unlock(&self, py: Python<'_>, user: &Bound<'_, PyString>) -> PyResult<()> {
        let user = user_text(user)?;
        block_on(py, self.0.unlock(&user))
    }

    /// Looks at a user. Nothing is charged; no secret and no code is shown.
    ///
    /// Needs the permission dynamodb:GetItem, which logins do not need and the app is
    /// not given.
    ///
    /// Args:
    ///     user: The user id.
    ///
    /// Returns:
    ///     What an operator needs to know to help them.
    ///
    /// Raises:
    ///     UserNotFoundError: There is no such user.
    ///     InvalidUserError: The user id cannot be used.
    ///     StoreUnavailableError: No answer from the table.
    ///     StoreCorruptError: The user's item was damaged by other hands.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (user))]
    fn status(&self, py: Python<'_>, user: &Bound<'_, PyString>) -> PyResult<UserStatus> {
        let user = user_text(user)?;
        block_on(py, self.0.status(&user)).map(UserStatus)
    }

    /// Removes a user: their codes are worthless from now on.
    ///
    /// Args:
    ///     user: The user id.
    ///
    /// Raises:
    ///     UserNotFoundError: There is no such user.
    ///     InvalidUserError: The user id cannot be used.
    ///     StoreUnavailableError: No answer from the table.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (user))]
    fn delete(&self, py: Python<'_>, user: &Bound<'_, PyString>) -> PyResult<()> {
        let user = user_text(user)?;
        block_on(py, self.0.delete(&user))
    }

    /// Opens a connection to the table and keeps it, so that the next call finds one.
    ///
    /// For the time before the first request, which nobody waits for: Lambda's start,
    /// a worker's. Asks the table nothing.
    ///
    /// Raises:
    ///     StoreUnavailableError: No answer from DynamoDB.
    ///     ConfigurationError: Credentials or region are missing.
    fn connect(&self, py: Python<'_>) -> PyResult<()> {
        block_on(py, self.0.connect())
    }

    fn _connect_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let verifier = self.0.clone();
        awaitable(py, async move { verifier.connect().await.map(|()| None::<bool>) })
    }

    #[pyo3(signature = (user, secret=None, recovery_codes=0))]
    fn _register_async<'py>(
        &self,
        py: Python<'py>,
        user: &Bound<'py, PyString>,
        secret: Option<SecretArgument>,
        recovery_codes: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (user, registration) = (user_text(user)?, registration(secret, recovery_codes));
        let verifier = self.0.clone();
        awaitable(py, async move { verifier.register(&user, registration).await.map(Enrollment) })
    }

    #[pyo3(signature = (user, code))]
    fn _check_async<'py>(
        &self,
        py: Python<'py>,
        user: &Bound<'py, PyString>,
        code: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (user, code) = (user_text(user)?, code_text(code));
        let verifier = self.0.clone();
        awaitable(py, async move { verifier.verify(&user, &code).await.map(Verification) })
    }

    #[pyo3(signature = (user, count))]
    fn _new_recovery_codes_async<'py>(
        &self,
        py: Python<'py>,
        user: &Bound<'py, PyString>,
        count: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (user, count) = (user_text(user)?, size(count));
        let verifier = self.0.clone();
        awaitable(py, async move {
            verifier.new_recovery_codes(&user, count).await.map(|codes| texts(&codes))
        })
    }

    #[pyo3(signature = (user))]
    fn _unlock_async<'py>(
        &self,
        py: Python<'py>,
        user: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let user = user_text(user)?;
        let verifier = self.0.clone();
        awaitable(py, async move { verifier.unlock(&user).await.map(|()| None::<bool>) })
    }

    #[pyo3(signature = (user))]
    fn _status_async<'py>(
        &self,
        py: Python<'py>,
        user: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let user = user_text(user)?;
        let verifier = self.0.clone();
        awaitable(py, async move { verifier.status(&user).await.map(UserStatus) })
    }

    #[pyo3(signature = (user))]
    fn _delete_async<'py>(
        &self,
        py: Python<'py>,
        user: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let user = user_text(user)?;
        let verifier = self.0.clone();
        // A unit would arrive as an empty tuple; an absent value arrives as None.
        awaitable(py, async move { verifier.delete(&user).await.map(|()| None::<bool>) })
    }

    /// The table this verifier keeps its users in.
    #[getter]
    fn table_name(&self) -> &str {
        &self.0.config().table_name
    }

    /// Who asks for the code, as authenticator apps show it.
    #[getter]
    fn issuer(&self) -> &str {
        &self.0.config().issuer
    }

    /// The name of the key that seals new secrets; None: they are stored in plaintext.
    #[getter]
    fn sealing_key(&self) -> Option<&str> {
        self.0.config().store.keys.ids().next()
    }

    fn __repr__(&self) -> String {
        format!("<Verifier: table {:?}>", self.0.config().table_name)
    }
}

/// One raw DynamoDB request to a table of the embedded engine at `at`: the HTTP
/// status and the JSON reply. For looking at a table by hand.
#[guarded]
#[pyfunction]
#[pyo3(signature = (at, table, operation, body))]
pub(super) fn _embedded_call(
    py: Python<'_>,
    at: &str,
    table: &str,
    operation: &str,
    body: &str,
) -> PyResult<(u16, String)> {
    block_on(py, crate::store::embedded::call(at, table, operation, body))
}
