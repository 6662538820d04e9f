//! The verifier, as Python sees it.

use pyo3::prelude::*;

use super::arguments::{Kind, SecretKey, Typed, User, label, setting, size};
use super::errors::ConfigurationError;
use super::guard::guarded;
use super::results::{Enrollment, UserStatus, Verification, texts};
use super::runtime::{awaitable, block_on};
use crate::verifier::{self, Config, Label, Registration, VerifierError};

/// An operation under way. Both faces run the same one: `block_on` here, `awaitable` for
/// the event loop.
trait Operation<T>: Future<Output = Result<T, VerifierError>> + Send + 'static {}

impl<T, F: Future<Output = Result<T, VerifierError>> + Send + 'static> Operation<T> for F {}

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
        max_misses=None, keys=None, enrollment_ttl=None, rotation_ttl=None, timeout=None,
        connect_timeout=None, attempt_timeout=None, max_connections=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "all optional, all by name")]
    fn new(
        py: Python<'_>,
        table_name: Option<&Bound<'_, PyAny>>,
        region: Option<&Bound<'_, PyAny>>,
        endpoint_url: Option<&Bound<'_, PyAny>>,
        embedded: Option<&Bound<'_, PyAny>>,
        issuer: Option<&Bound<'_, PyAny>>,
        digits: Option<&Bound<'_, PyAny>>,
        period: Option<&Bound<'_, PyAny>>,
        algorithm: Option<&Bound<'_, PyAny>>,
        window: Option<&Bound<'_, PyAny>>,
        burst: Option<&Bound<'_, PyAny>>,
        refill: Option<&Bound<'_, PyAny>>,
        max_misses: Option<&Bound<'_, PyAny>>,
        keys: Option<&Bound<'_, PyAny>>,
        enrollment_ttl: Option<&Bound<'_, PyAny>>,
        rotation_ttl: Option<&Bound<'_, PyAny>>,
        timeout: Option<&Bound<'_, PyAny>>,
        connect_timeout: Option<&Bound<'_, PyAny>>,
        attempt_timeout: Option<&Bound<'_, PyAny>>,
        max_connections: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut config = Config::from_environment(|name| std::env::var_os(name))?;
        if endpoint_url.is_some() {
            if embedded.is_some() {
                return Err(ConfigurationError::new_err("pass endpoint_url or embedded, not both"));
            }
            // An argument beats the environment.
            config.store.embedded = None;
        }
        let arguments = [
            ("table_name", Kind::Text, table_name),
            ("region", Kind::Text, region),
            ("endpoint_url", Kind::Text, endpoint_url),
            ("embedded", Kind::Path, embedded),
            ("issuer", Kind::Text, issuer),
            ("digits", Kind::Whole, digits),
            ("period", Kind::Whole, period),
            ("algorithm", Kind::Text, algorithm),
            ("window", Kind::Whole, window),
            ("burst", Kind::Whole, burst),
            ("refill", Kind::Seconds, refill),
            ("max_misses", Kind::Whole, max_misses),
            ("keys", Kind::Text, keys),
            ("enrollment_ttl", Kind::Seconds, enrollment_ttl),
            ("rotation_ttl", Kind::Seconds, rotation_ttl),
            ("timeout", Kind::Seconds, timeout),
            ("connect_timeout", Kind::Seconds, connect_timeout),
            ("attempt_timeout", Kind::Seconds, attempt_timeout),
            ("max_connections", Kind::Whole, max_connections),
        ];
        for (name, kind, value) in arguments {
            if let Some(value) = value {
                config.set(name, &setting(name, kind, value)?)?;
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
    ///     secret: A `Secret`, or base32 of 80 bits or more, to bring in an existing
    ///         authenticator; by default a new one of 160 bits.
    ///     recovery_codes: How many recovery codes to make, 0 to 20.
    ///     account_name: The account's name, as the authenticator app shows it, 1 to 256 bytes
    ///         of UTF-8 without control characters; by default the user id. It is not stored.
    ///     issuer: The service's name, as the app shows it, 1 to 100 bytes; by default the
    ///         verifier's issuer. It is not stored.
    ///     replace_unconfirmed: Start again if the user is registered and no code was ever
    ///         accepted. A user whose secret was given or imported, or whom the original
    ///         application registered, is never replaced.
    ///
    /// Returns:
    ///     The enrollment. Show its QR code to the user, once.
    ///
    /// Raises:
    ///     UserExistsError: The user is already registered; nothing changed.
    ///     InvalidUserError: The user id cannot be used.
    ///     InvalidLabelError: The account name or the issuer cannot be used.
    ///     InvalidSecretError: The secret cannot be used.
    ///     ValueError: More than 20 recovery codes.
    ///     StoreUnavailableError: No answer from the table.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (
        user, *, secret=None, recovery_codes=0, account_name=None, issuer=None,
        replace_unconfirmed=false
    ))]
    #[expect(clippy::too_many_arguments, reason = "all optional, all by name")]
    fn register(
        &self,
        py: Python<'_>,
        user: User,
        secret: Option<SecretKey>,
        recovery_codes: i64,
        account_name: Option<&Bound<'_, PyAny>>,
        issuer: Option<&Bound<'_, PyAny>>,
        replace_unconfirmed: bool,
    ) -> PyResult<Enrollment> {
        let label = label(account_name, issuer)?;
        let registration = registration(secret, recovery_codes, label, replace_unconfirmed);
        block_on(py, self.registering(user, registration))
    }

    #[pyo3(signature = (
        user, secret=None, recovery_codes=0, account_name=None, issuer=None,
        replace_unconfirmed=false
    ))]
    #[expect(clippy::too_many_arguments, reason = "as of the other one")]
    fn _register_async<'py>(
        &self,
        py: Python<'py>,
        user: User,
        secret: Option<SecretKey>,
        recovery_codes: i64,
        account_name: Option<&Bound<'_, PyAny>>,
        issuer: Option<&Bound<'_, PyAny>>,
        replace_unconfirmed: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let label = label(account_name, issuer)?;
        let registration = registration(secret, recovery_codes, label, replace_unconfirmed);
        awaitable(py, self.registering(user, registration))
    }

    /// Checks a code, and uses it up when it is right.
    ///
    /// The attempt is charged before the code is looked at, so parallel guesses
    /// cannot outrun the budget; a right code gives its own attempt back. One round
    /// trip for a wrong code, two for a right one.
    ///
    /// Args:
    ///     user: The user id.
    ///     code: What the user typed or pasted, digits in any script; white space, dashes
    ///         and invisible characters are dropped.
    ///
    /// Returns:
    ///     True for a right code, once. False for one that is wrong, was used
    ///     before, or cannot be a code.
    ///
    /// Raises:
    ///     TypeError: The user or the code is not a str.
    ///     UserNotFoundError: There is no such user.
    ///     TooManyAttemptsError: The attempt budget is spent; `retry_after` is the wait in
    ///         seconds. Nothing was charged.
    ///     LockedError: 100 misses in a row.
    ///     InvalidUserError: The user id cannot be used.
    ///     StoreUnavailableError: No answer from the table, so no verdict.
    ///     StoreCorruptError: Another program damaged the user's item.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (user, code))]
    fn verify(&self, py: Python<'_>, user: User, code: Typed<'_>) -> PyResult<bool> {
        block_on(py, self.checking(user, code)).map(|verdict| verdict.0.is_accepted())
    }

    /// Checks a code as `verify` does, and returns more than yes or no.
    ///
    /// Args:
    ///     user: The user id.
    ///     code: What the user typed or pasted.
    ///
    /// Returns:
    ///     The verdict, true where `verify` would return True.
    ///
    /// Raises:
    ///     LambdaTotpError: For the reasons that `verify` gives.
    #[pyo3(signature = (user, code))]
    fn check(&self, py: Python<'_>, user: User, code: Typed<'_>) -> PyResult<Verification> {
        block_on(py, self.checking(user, code))
    }

    #[pyo3(signature = (user, code))]
    fn _check_async<'py>(
        &self,
        py: Python<'py>,
        user: User,
        code: Typed<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, self.checking(user, code))
    }

    /// Makes a new secret for a user who has one, for a change of phone without a gap.
    ///
    /// The new secret stays pending beside the old one, which works until `confirm`. It
    /// expires after the verifier's `rotation_ttl`, and replaces an earlier pending secret.
    /// Ask for a code of the old phone first: anyone who can rotate and confirm has the second
    /// factor.
    ///
    /// Args:
    ///     user: The user id.
    ///     account_name: The account's name, as the authenticator app shows it; by default the user
    ///         id.
    ///     issuer: The service's name, as the app shows it; by default the verifier's issuer.
    ///
    /// Returns:
    ///     The pending enrollment. Show its QR code to the user, once. It has no recovery
    ///     codes: the user keeps the ones they have.
    ///
    /// Raises:
    ///     UserNotFoundError: There is no such user.
    ///     InvalidUserError: The user id cannot be used.
    ///     InvalidLabelError: The account name or the issuer cannot be used.
    ///     StoreUnavailableError: No answer from the table. Try again: nobody has seen the
    ///         secret that may have been stored.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (user, *, account_name=None, issuer=None))]
    fn rotate(
        &self,
        py: Python<'_>,
        user: User,
        account_name: Option<&Bound<'_, PyAny>>,
        issuer: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Enrollment> {
        block_on(py, self.rotating(user, label(account_name, issuer)?))
    }

    #[pyo3(signature = (user, account_name=None, issuer=None))]
    fn _rotate_async<'py>(
        &self,
        py: Python<'py>,
        user: User,
        account_name: Option<&Bound<'_, PyAny>>,
        issuer: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, self.rotating(user, label(account_name, issuer)?))
    }

    /// Checks a code of the secret that `rotate` made; a right one makes it the user's secret.
    ///
    /// The old secret then stops working, and the code is used up. Recovery codes stay valid.
    /// Attempts count against the same budget as those of `verify`; neither method checks the
    /// other's secret.
    ///
    /// Args:
    ///     user: The user id.
    ///     code: What the new phone shows.
    ///
    /// Returns:
    ///     The verdict, true for a right code: "accepted" or "rejected".
    ///
    /// Raises:
    ///     NoRotationError: There is no pending secret, or it has expired. Nothing was charged.
    ///     LambdaTotpError: For the reasons that `verify` gives.
    #[pyo3(signature = (user, code))]
    fn confirm(&self, py: Python<'_>, user: User, code: Typed<'_>) -> PyResult<Verification> {
        block_on(py, self.confirming(user, code))
    }

    #[pyo3(signature = (user, code))]
    fn _confirm_async<'py>(
        &self,
        py: Python<'py>,
        user: User,
        code: Typed<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, self.confirming(user, code))
    }

    /// Gives a user new recovery codes; earlier ones become invalid.
    ///
    /// Each one logs the user in once, through `verify`, without an authenticator. It costs
    /// nothing of the attempt budget, and unlocks a locked user. Only hashes are stored.
    ///
    /// Args:
    ///     user: The user id.
    ///     count: How many, 1 to 20.
    ///
    /// Returns:
    ///     The codes, of 80 bits each, in the form to write down.
    ///
    /// Raises:
    ///     UserNotFoundError: There is no such user.
    ///     InvalidUserError: The user id cannot be used.
    ///     ValueError: The count is out of range.
    ///     StoreUnavailableError: No answer from the table. Try again: nobody has seen the
    ///         codes that may have been stored.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (user, count=10))]
    fn new_recovery_codes(&self, py: Python<'_>, user: User, count: i64) -> PyResult<Vec<String>> {
        block_on(py, self.making_recovery_codes(user, count))
    }

    #[pyo3(signature = (user, count=10))]
    fn _new_recovery_codes_async<'py>(
        &self,
        py: Python<'py>,
        user: User,
        count: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, self.making_recovery_codes(user, count))
    }

    /// Clears a user's misses and refills their attempt budget.
    ///
    /// Args:
    ///     user: The user id.
    ///
    /// Raises:
    ///     UserNotFoundError: There is no such user.
    ///     InvalidUserError: The user id cannot be used.
    ///     StoreUnavailableError: No answer from the table; trying again is safe.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (user))]
    fn unlock(&self, py: Python<'_>, user: User) -> PyResult<()> {
        block_on(py, self.unlocking(user))
    }

    #[pyo3(signature = (user))]
    fn _unlock_async<'py>(&self, py: Python<'py>, user: User) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, self.unlocking(user))
    }

    /// Returns what is known about a user. Charges nothing; shows no secret and no code.
    ///
    /// Needs the permission dynamodb:GetItem, which logins do not need.
    ///
    /// Args:
    ///     user: The user id.
    ///
    /// Returns:
    ///     What an operator needs to know to help the user.
    ///
    /// Raises:
    ///     UserNotFoundError: There is no such user.
    ///     InvalidUserError: The user id cannot be used.
    ///     StoreUnavailableError: No answer from the table.
    ///     StoreCorruptError: Another program damaged the user's item.
    ///     ConfigurationError: Credentials, region, table or permissions are wrong.
    #[pyo3(signature = (user))]
    fn status(&self, py: Python<'_>, user: User) -> PyResult<UserStatus> {
        block_on(py, self.looking(user))
    }

    #[pyo3(signature = (user))]
    fn _status_async<'py>(&self, py: Python<'py>, user: User) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, self.looking(user))
    }

    /// Removes a user: their codes are invalid from now on.
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
    fn delete(&self, py: Python<'_>, user: User) -> PyResult<()> {
        block_on(py, self.deleting(user))
    }

    #[pyo3(signature = (user))]
    fn _delete_async<'py>(&self, py: Python<'py>, user: User) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, self.deleting(user))
    }

    /// Opens a connection to the table and keeps it for the next call.
    ///
    /// Call it at start-up, of a Lambda function or a worker, while nobody waits. It sends no
    /// request to the table.
    ///
    /// Raises:
    ///     StoreUnavailableError: No answer from DynamoDB.
    ///     ConfigurationError: Credentials or region are missing.
    fn connect(&self, py: Python<'_>) -> PyResult<()> {
        block_on(py, self.connecting())
    }

    fn _connect_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, self.connecting())
    }

    /// The table that holds this verifier's users.
    #[getter]
    fn table_name(&self) -> &str {
        &self.0.config().table_name
    }

    /// The service's name, as authenticator apps show it.
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

fn registration(
    secret: Option<SecretKey>,
    recovery_codes: i64,
    label: Label,
    replace_unconfirmed: bool,
) -> Registration {
    let secret = secret.map(|secret| secret.0);
    Registration { secret, recovery_codes: size(recovery_codes), label, replace_unconfirmed }
}

/// Each operation once. The futures own what they need, so that they may outlive the call.
impl Verifier {
    fn registering(
        &self,
        user: User,
        registration: Registration,
    ) -> impl Operation<Enrollment> + use<> {
        let verifier = self.0.clone();
        async move { verifier.register(&user.0, registration).await.map(Enrollment) }
    }

    fn checking(&self, user: User, code: Typed<'_>) -> impl Operation<Verification> + use<> {
        let (verifier, code) = (self.0.clone(), code.0.to_owned());
        async move { verifier.verify(&user.0, &code).await.map(Verification) }
    }

    fn rotating(&self, user: User, label: Label) -> impl Operation<Enrollment> + use<> {
        let verifier = self.0.clone();
        async move { verifier.rotate(&user.0, label).await.map(Enrollment) }
    }

    fn confirming(&self, user: User, code: Typed<'_>) -> impl Operation<Verification> + use<> {
        let (verifier, code) = (self.0.clone(), code.0.to_owned());
        async move { verifier.confirm(&user.0, &code).await.map(Verification) }
    }

    fn making_recovery_codes(&self, user: User, count: i64) -> impl Operation<Vec<String>> + use<> {
        let verifier = self.0.clone();
        async move { verifier.new_recovery_codes(&user.0, size(count)).await.map(|codes| texts(&codes)) }
    }

    fn unlocking(&self, user: User) -> impl Operation<()> + use<> {
        let verifier = self.0.clone();
        async move { verifier.unlock(&user.0).await }
    }

    fn looking(&self, user: User) -> impl Operation<UserStatus> + use<> {
        let verifier = self.0.clone();
        async move { verifier.status(&user.0).await.map(UserStatus) }
    }

    fn deleting(&self, user: User) -> impl Operation<()> + use<> {
        let verifier = self.0.clone();
        async move { verifier.delete(&user.0).await }
    }

    fn connecting(&self) -> impl Operation<()> + use<> {
        let verifier = self.0.clone();
        async move { verifier.connect().await }
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
