//! What a verifier is told: arguments first, then the environment, then defaults.

use std::ffi::OsString;
use std::time::Duration;

use crate::environment;
use crate::otp::{Algorithm, Digits, Period};
use crate::policy::Policy;
use crate::store::{KeyRing, Settings};

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
    /// When a registration that no code was ever accepted for lapses, and the user may
    /// be registered again; `None`: never.
    pub enrollment_ttl: Option<Duration>,
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
            enrollment_ttl: None,
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
        let whole = || value.parse::<u64>().ok();
        let time = || {
            let limits = Duration::from_millis(1)..=Duration::from_mins(15);
            let time = seconds(value).filter(|time| limits.contains(time));
            valid(name, time, "use 0.001 to 900 seconds")
        };
        match name {
            "table_name" => value.clone_into(&mut self.table_name),
            "region" => self.store.region = Some(value.to_owned()),
            "endpoint_url" => self.store.endpoint_url = Some(value.to_owned()),
            "embedded" => self.store.embedded = Some(value.to_owned()),
            "issuer" => {
                let fits = (1..=100).contains(&value.len()) && !value.chars().any(char::is_control);
                let issuer = fits.then(|| value.to_owned());
                let problem = "it must have 1 to 100 bytes and no control characters";
                self.issuer = valid(name, issuer, problem)?;
            }
            "digits" => {
                let digits = whole().and_then(|count| Digits::new(count).ok());
                self.digits = valid(name, digits, "use 6, 7 or 8")?;
            }
            "period" => {
                let period = whole().and_then(|seconds| Period::new(seconds).ok());
                self.period = valid(name, period, "use 1 to 120 seconds")?;
            }
            "algorithm" => {
                self.algorithm = valid(name, value.parse().ok(), "use SHA1, SHA256 or SHA512")?;
            }
            "window" => {
                let window = whole().filter(|steps| (0..=10).contains(steps));
                self.window = valid(name, window, "use 0 to 10 steps")?;
            }
            "burst" | "refill" | "max_misses" => self.set_policy(name, value)?,
            "keys" => {
                self.store.keys =
                    KeyRing::parse(value).map_err(|why| ConfigError::new(name, why))?;
            }
            "enrollment_ttl" => {
                let range = Duration::from_mins(1)..=Duration::from_hours(30 * 24);
                let ttl = seconds(value).filter(|ttl| ttl.is_zero() || range.contains(ttl));
                let ttl = valid(name, ttl, "use 60 to 2592000 seconds, or 0 for never")?;
                self.enrollment_ttl = Some(ttl).filter(|ttl| !ttl.is_zero());
            }
            "timeout" => self.timeout = time()?,
            "connect_timeout" => self.store.connect_timeout = time()?,
            "attempt_timeout" => self.store.attempt_timeout = time()?,
            "max_connections" => {
                let count = value.parse().ok().filter(|count| (1..=10_000).contains(count));
                self.store.max_connections = valid(name, count, "use 1 to 10000")?;
            }
            _ => return Err(ConfigError::new(name, "there is no such setting")),
        }
        Ok(())
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
    pub const NAMES: [&str; 18] = [
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
        "keys",
        "enrollment_ttl",
        "timeout",
        "connect_timeout",
        "attempt_timeout",
        "max_connections",
    ];

    /// Reads `LAMBDATOTP_TABLE_NAME`, `LAMBDATOTP_ISSUER` and so on, one for each of
    /// [`NAMES`](Self::NAMES) except the region and the endpoint, which have AWS's
    /// own variables. An empty variable counts as absent. `variable` is usually
    /// [`std::env::var_os`].
    ///
    /// # Errors
    /// [`ConfigError`] naming the variable, one that is not UTF-8 included.
    pub fn from_environment<T: Into<OsString>>(
        variable: impl Fn(&str) -> Option<T>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for name in
            Self::NAMES.into_iter().filter(|name| !matches!(*name, "region" | "endpoint_url"))
        {
            let variable_name = format!("LAMBDATOTP_{}", name.to_ascii_uppercase());
            let Some(value) = environment::set(variable(&variable_name).map(Into::into)) else {
                continue;
            };
            let read = match value.to_str() {
                Some(value) => config.set(name, value).map_err(|error| error.problem),
                None => Err("it is not valid UTF-8".to_owned()),
            };
            read.map_err(|problem| ConfigError::new(variable_name, problem))?;
        }
        Ok(config)
    }
}

fn valid<T>(name: &str, value: Option<T>, problem: &str) -> Result<T, ConfigError> {
    value.ok_or_else(|| ConfigError::new(name, problem))
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
                "LAMBDATOTP_KEYS" => format!("k1:{}", "A".repeat(43)),
                "LAMBDATOTP_ENROLLMENT_TTL" => "3600".to_owned(),
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
            enrollment_ttl: Some(Duration::from_hours(1)),
            timeout: Duration::from_secs(9),
            store: Settings {
                keys: KeyRing::parse(&format!("k1:{}", "A".repeat(43))).expect("32 bytes"),
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
            ("keys", "k1:short"),
            ("enrollment_ttl", "59"),
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
