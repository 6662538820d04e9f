//! A TOTP second factor on DynamoDB: each code is accepted exactly once, whatever
//! the number of processes that check codes, and guesses are bounded by a budget
//! that parallelism cannot beat.
//!
//! The layers, each of which knows only those before it, as a test demands
//! (`tests/python/docs/test_layers.py`):
//!
//! - `policy`, `config_error`, `process`, `environment`, [`random`]: arithmetic, and what
//!   the operating system gives.
//! - [`otp`] and [`qr`]: one-time passwords (RFC 4226, RFC 6238), key URIs, QR codes.
//!   Pure: no clock, no I/O. They are the whole crate with `default-features = false`.
//! - [`store`]: the table, one item a user, changed by conditional writes only. The
//!   only part that names AWS.
//! - [`verifier`]: the rules. [`Verifier`](verifier::Verifier) is where to start.
//! - `python`: the Python module, with the feature `python`.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # #[cfg(feature = "dynamodb")] {
//! use lambdatotp::verifier::{Config, Registration, Verifier};
//!
//! let verifier = Verifier::new(Config::default())?;
//! let enrollment = verifier.register("ana@example.com", Registration::default()).await?;
//! let picture = enrollment.qr()?.svg(); // for the authenticator app
//! let verdict = verifier.verify("ana@example.com", "123456").await?;
//! assert!(!verdict.is_accepted());
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `embedded`, [`embedded`] keeps the table in a file or in memory
//! instead, through the same client and the same writes.
//!
//! No secret, code or item ever gets into an error, a log or a `Debug` output.

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
