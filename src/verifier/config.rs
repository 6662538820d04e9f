//! What a verifier is told: arguments first, then the environment, then defaults.

use std::time::Duration;

use super::Policy;
use crate::otp::{Algorithm, Digits, Period};
use crate::store::Settings;

/// Everything a verifier can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table.
    pub table_name: String,
    /// Who asks for the code, as authenticator apps show it.
    pub issuer: String,
    /// The length of new users' codes.
    pub digits: Digits,
    /// How long new users' codes are shown.
    pub period: Period,
    /// The hash of new users' codes.
    pub algorithm: Algorithm,
    /// Steps accepted on each side of the current one, 0 to 10.
    pub window: u64,
    /// The budget of guesses.
    pub policy: Policy,
    /// How long a whole operation may take.
    pub timeout: Duration,
    /// Where the table is.
    pub store: Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            table_name: "totp_users".to_owned(),
            issuer: "lambdatotp".to_owned(),
            digits: Digits::default(),
            period: Period::default(),
            algorithm: Algorithm::default(),
            window: 1,
            policy: Policy::default(),
            timeout: Duration::from_secs(8),
            store: Settings::default(),
        }
    }
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {name}: {problem}")]
pub struct ConfigError {
    /// The argument, or the environment variable.
    pub name: String,
    /// What it must be.
    pub problem: String,
}

impl ConfigError {
    fn new(name: impl Into<String>, problem: impl ToString) -> Self {
        Self { name: name.into(), problem: problem.to_string() }
    }
}

impl Config {
    /// Sets one value from its text, by the name it has as an argument: `digits`,
    /// or `LAMBDATOTP_DIGITS` in the environment. Times are in seconds.
    ///
    /// # Errors
    /// [`ConfigError`] for an unknown name or a value out of range.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let problem = match name {
            "table_name" => return assign(&mut self.table_name, value.to_owned()),
            "issuer" => {
                if (1..=100).contains(&value.len()) && !value.chars().any(char::is_control) {
                    return assign(&mut self.issuer, value.to_owned());
                }
                "it must have 1 to 100 bytes and no control characters".to_owned()
            }
            "region" => return assign(&mut self.store.region, Some(value.to_owned())),
            "endpoint_url" => return assign(&mut self.store.endpoint_url, Some(value.to_owned())),
            "embedded" => return assign(&mut self.store.embedded, Some(value.to_owned())),
            "algorithm" => match value.parse() {
                Ok(algorithm) => return assign(&mut self.algorithm, algorithm),
                Err(_) => "use SHA1, SHA256 or SHA512".to_owned(),
            },
            "digits" => match value.parse().ok().and_then(|count| Digits::new(count).ok()) {
                Some(digits) => return assign(&mut self.digits, digits),
                None => "use 6, 7 or 8".to_owned(),
            },
            "period" => match value.parse().ok().and_then(|s| Period::new(s).ok()) {
                Some(period) => return assign(&mut self.period, period),
                None => "use 1 to 120 seconds".to_owned(),
            },
            "window" => match value.parse() {
                Ok(window @ 0..=10) => return assign(&mut self.window, window),
                _ => "use 0 to 10 steps".to_owned(),
            },
            "burst" | "refill" | "max_misses" => return self.set_policy(name, value),
            "max_connections" => match value.parse() {
                Ok(count @ 1..=10_000) => return assign(&mut self.store.max_connections, count),
                _ => "use 1 to 10000".to_owned(),
            },
            "timeout" | "connect_timeout" | "attempt_timeout" => {
                let slot = match name {
                    "timeout" => &mut self.timeout,
                    "connect_timeout" => &mut self.store.connect_timeout,
                    _ => &mut self.store.attempt_timeout,
                };
                let limits = Duration::from_millis(1)..=Duration::from_mins(15);
                match seconds(value).filter(|time| limits.contains(time)) {
                    Some(time) => return assign(slot, time),
                    None => "use 0.001 to 900 seconds".to_owned(),
                }
            }
            _ => "there is no such setting".to_owned(),
        };
        Err(ConfigError::new(name, problem))
    }

    fn set_policy(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let whole = value.parse().unwrap_or(0);
        let mut burst = self.policy.burst();
        let mut refill = self.policy.refill();
        let mut max_misses = self.policy.max_misses();
        match name {
            "burst" => burst = whole,
            "refill" => refill = seconds(value).unwrap_or_default(),
            _ => max_misses = whole,
        }
        let policy = Policy::new(burst, refill, max_misses);
        self.policy =
            policy.map_err(|(name, range)| ConfigError::new(name, format!("use {range}")))?;
        Ok(())
    }

    /// The names [`set`](Self::set) knows.
    pub const NAMES: [&str; 16] = [
        "table_name",
        "region",
        "endpoint_url",
        "embedded",
        "issuer",
        "digits",
        "period",
        "algorithm",
        "window",
        "burst",
        "refill",
        "max_misses",
        "timeout",
        "connect_timeout",
        "attempt_timeout",
        "max_connections",
    ];

    /// Reads `LAMBDATOTP_TABLE_NAME`, `LAMBDATOTP_ISSUER` and so on, one for each of
    /// [`NAMES`](Self::NAMES) except the region and the endpoint, which have AWS's
    /// own variables. An empty variable counts as absent.
    ///
    /// # Errors
    /// [`ConfigError`] naming the variable.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for name in
            Self::NAMES.into_iter().filter(|name| !matches!(*name, "region" | "endpoint_url"))
        {
            let variable_name = format!("LAMBDATOTP_{}", name.to_ascii_uppercase());
            if let Some(value) = variable(&variable_name).filter(|value| !value.is_empty()) {
                config
                    .set(name, &value)
                    .map_err(|error| ConfigError::new(variable_name, error.problem))?;
            }
        }
        Ok(config)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the end of every arm that succeeds")]
fn assign<T>(slot: &mut T, value: T) -> Result<(), ConfigError> {
    *slot = value;
    Ok(())
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_sets_every_name() {
        let config = Config::from_environment(|name| {
            Some(match name {
                "LAMBDATOTP_DIGITS" => "8".to_owned(),
                "LAMBDATOTP_PERIOD" => "60".to_owned(),
                "LAMBDATOTP_ALGORITHM" => "sha256".to_owned(),
                "LAMBDATOTP_WINDOW" => "0".to_owned(),
                "LAMBDATOTP_BURST" => "5".to_owned(),
                "LAMBDATOTP_REFILL" => "0.5".to_owned(),
                "LAMBDATOTP_MAX_MISSES" => "50".to_owned(),
                "LAMBDATOTP_TIMEOUT" => "9".to_owned(),
                "LAMBDATOTP_CONNECT_TIMEOUT" => "1".to_owned(),
                "LAMBDATOTP_ATTEMPT_TIMEOUT" => "3".to_owned(),
                "LAMBDATOTP_MAX_CONNECTIONS" => "7".to_owned(),
                "LAMBDATOTP_EMBEDDED" => String::new(),
                other => other.to_ascii_lowercase(),
            })
        });
        let expected = Config {
            table_name: "lambdatotp_table_name".to_owned(),
            issuer: "lambdatotp_issuer".to_owned(),
            digits: Digits::new(8).expect("in range"),
            period: Period::new(60).expect("in range"),
            algorithm: Algorithm::Sha256,
            window: 0,
            policy: Policy::new(5, Duration::from_millis(500), 50).expect("in range"),
            timeout: Duration::from_secs(9),
            store: Settings {
                connect_timeout: Duration::from_secs(1),
                attempt_timeout: Duration::from_secs(3),
                max_connections: 7,
                ..Settings::default()
            },
        };
        assert_eq!(config.expect("all in range"), expected);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (name, value) in [
            ("digits", "5"),
            ("digits", "six"),
            ("period", "121"),
            ("algorithm", "MD5"),
            ("window", "11"),
            ("window", "-1"),
            ("burst", "0"),
            ("refill", "nan"),
            ("refill", "-1"),
            ("max_misses", "101"),
            ("timeout", "inf"),
            ("connect_timeout", "0"),
            ("max_connections", "0"),
            ("issuer", ""),
            ("issuer", "a\nb"),
            ("colour", "red"),
        ] {
            let error = Config::default().set(name, value).expect_err(name);
            assert!(error.to_string().contains(name), "{error}");
        }
        let error = Config::from_environment(|_| Some("x".to_owned())).expect_err("no digits");
        assert_eq!(error.name, "LAMBDATOTP_DIGITS");
    }
}
