//! A TOTP second factor on DynamoDB. Each code is accepted exactly once, whatever the number of
//! processes that check codes. Guesses have a budget that parallelism cannot beat.
//!
//! Start with [`Verifier`](verifier::Verifier), which keeps users in a table. If you have
//! storage of your own, start with [`Totp`](otp::Totp).
//!
//! # A user, from registration to login
//!
//! Register the user once, show the picture, and check what their authenticator app shows from
//! then on:
//!
//! ```no_run
//! # #[cfg(feature = "dynamodb")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use lambdatotp::verifier::{Config, Registration, Verifier};
//!
//! let verifier = Verifier::new(Config::from_environment(|name| std::env::var_os(name))?)?;
//!
//! let registration = Registration { recovery_codes: 10, ..Registration::default() };
//! let enrollment = verifier.register("ana@example.com", registration).await?;
//! let picture = enrollment.qr()?.svg(); // for the authenticator app
//! for code in enrollment.recovery_codes() {
//!     println!("{}", *code.to_text()); // for the user to keep
//! }
//!
//! let verdict = verifier.verify("ana@example.com", "123456").await?;
//! if verdict.is_accepted() {
//!     println!("welcome");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Settings come from `LAMBDATOTP_` variables here. You can also write a
//! [`Config`](verifier::Config) yourself: its default is the table `totp_users` in the region of
//! the environment. Keep one verifier for the whole process: clones share its connections.
//!
//! The futures need a tokio runtime with its clock and network switched on.
//!
//! # Verdicts and errors
//!
//! A wrong code is an answer and not an error: [`Verification`](verifier::Verification) says what
//! became of the code, and how many attempts are left. An error means that there is no verdict.
//! Never take one for a yes:
//!
//! ```no_run
//! # #[cfg(feature = "dynamodb")]
//! # async fn example(verifier: &lambdatotp::verifier::Verifier) -> &'static str {
//! use lambdatotp::verifier::{Outcome, VerifierError};
//!
//! match verifier.verify("ana@example.com", "123456").await {
//!     Ok(verdict) => match verdict.outcome {
//!         Outcome::Accepted | Outcome::Recovered => "welcome",
//!         Outcome::Rejected | Outcome::Replayed => "wrong code",
//!     },
//!     Err(VerifierError::UserNotFound) => "no second factor yet",
//!     Err(VerifierError::TooManyAttempts { .. }) => "try again later",
//!     Err(VerifierError::Locked) => "locked: use a recovery code",
//!     Err(_) => "not now", // the table gave no verdict; trying again is safe
//! }
//! # }
//! ```
//!
//! # A new phone
//!
//! [`rotate`](verifier::Verifier::rotate) makes a second secret, which waits. The old phone
//! works until [`confirm`](verifier::Verifier::confirm) accepts a code of the new one. Ask for
//! a code of the old phone first.
//!
//! ```no_run
//! # #[cfg(feature = "dynamodb")]
//! # async fn example(
//! #     verifier: lambdatotp::verifier::Verifier,
//! # ) -> Result<(), lambdatotp::verifier::VerifierError> {
//! use lambdatotp::verifier::Label;
//!
//! let enrollment = verifier.rotate("ana@example.com", Label::default()).await?;
//! let picture = enrollment.qr()?.svg(); // for the new phone
//! let verdict = verifier.confirm("ana@example.com", "123456").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # With storage of your own
//!
//! [`otp`] and [`qr`] are the whole crate with `default-features = false`. They read no clock
//! and do no I/O. Keep the step that [`verify_after`](otp::Totp::verify_after) returns, and give
//! it to the next call: that makes codes single-use. Counting guesses is up to you.
//!
//! ```
//! use lambdatotp::otp::{Code, Secret, Totp};
//! use lambdatotp::qr::Qr;
//!
//! let totp = Totp::new(Secret::from_bytes(b"12345678901234567890")?);
//! let code = Code::parse("287 082").expect("six digits");
//!
//! let step = totp.verify_after(&code, 59, 1, None);
//! assert_eq!(step, Some(1));
//! assert_eq!(totp.verify_after(&code, 59, 1, step), None); // used
//!
//! let svg = Qr::new("otpauth://totp/ACME:ana?secret=GEZDGNBVGY3TQOJQ&issuer=ACME")?.svg();
//! assert!(svg.starts_with("<svg"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `dynamodb` (default) | [`verifier`] and [`store`]: the table |
//! | `embedded` | [`embedded`]: the table in a file or in memory, with the same writes |
//! | `admin` | making the table, listing, importing, exporting and resealing users |
//! | `sso` | AWS profiles that log in by IAM Identity Center or `credential_process` |
//! | `python` | the Python module; see the project's README |
//!
//! # How it is built
//!
//! The layers, each of which knows only those before it, as a test demands
//! (`tests/python/docs/test_layers.py`):
//!
//! - `policy`, `config_error`, `process`, `environment`, [`random`]: arithmetic, and what
//!   the operating system gives.
//! - [`otp`] and [`qr`]: one-time passwords (RFC 4226, RFC 6238), key URIs, QR codes. Pure.
//! - [`store`]: the table, one item a user, changed by conditional writes only. The
//!   only part that names AWS.
//! - [`verifier`]: the rules.
//! - `python`: the Python module.
//!
//! No secret, code or item ever gets into an error, a log or a `Debug` output. `DESIGN.md` in
//! the repository explains the protocol and says why it is as it is.

#[cfg(feature = "dynamodb")]
mod config_error;
#[cfg(feature = "dynamodb")]
mod environment;
pub mod otp;
#[cfg(feature = "dynamodb")]
mod policy;
#[cfg(feature = "dynamodb")]
mod process;
#[cfg(feature = "python")]
mod python;
pub mod qr;
pub mod random;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation;
#[cfg(feature = "dynamodb")]
pub mod store;
#[cfg(feature = "dynamodb")]
pub mod verifier;

#[cfg(feature = "dynamodb")]
pub use store::embedded;
