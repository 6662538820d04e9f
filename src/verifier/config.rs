//! The settings of a verifier: from arguments, the environment, and defaults.

use std::ffi::OsString;
use std::time::Duration;

use crate::config_error::ConfigError;
use crate::environment;
use crate::otp::{Algorithm, Digits, Period};
use crate::policy::Policy;
use crate::store::{KeyRing, Settings, WAITS, WAITS_IN_WORDS};

const TTL_IN_WORDS: &str = "use 60 to 2592000 seconds, or 0 for never";
const ROTATION_TTL_IN_WORDS: &str = "use 60 to 86400 seconds";
pub(super) const ISSUER_IN_WORDS: &str = "it must have 1 to 100 bytes and no control characters";

/// Whether this can be an issuer.
pub(super) fn is_issuer(text: &str) -> bool {
    (1..=100).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// All settings of a verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table.
    pub table_name: String,
    /// The service's name, as authenticator apps show it.
    pub issuer: String,
    /// The length of new users' codes.
    pub digits: Digits,
    /// How long new users' codes are shown.
    pub period: Period,
    /// The hash of new users' codes.
    pub algorithm: Algorithm,
    /// How far the clock of a phone may be off.
    pub window: Window,
    /// The budget of guesses.
    pub policy: Policy,
    /// When a registration expires if no code was accepted, so that the user may be registered
    /// again; `None`: never.
    pub enrollment_ttl: Option<Duration>,
    /// How long a pending secret waits for a code of it to be confirmed.
    pub rotation_ttl: Duration,
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
            window: Window::default(),
            policy: Policy::default(),
            enrollment_ttl: None,
            rotation_ttl: Duration::from_mins(15),
            timeout: Duration::from_secs(8),
            store: Settings::default(),
        }
    }
}

/// How far the clock of a phone may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window(u8);

impl Window {
    /// Steps accepted on each side of the current one: each makes a guess likelier to be
    /// right.
    ///
    /// # Errors
    /// [`ConfigError`] for more than 10.
    pub fn new(steps: u64) -> Result<Self, ConfigError> {
        match u8::try_from(steps) {
            Ok(steps @ 0..=10) => Ok(Self(steps)),
            _ => Err(ConfigError::new("window", "use 0 to 10 steps")),
        }
    }

    /// Steps accepted on each side of the current one.
    #[must_use]
    pub const fn steps(self) -> u64 {
        self.0 as u64
    }
}

impl Default for Window {
    fn default() -> Self {
        Self(1)
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
        let wait = || valid(name, seconds(value), WAITS_IN_WORDS);
        match name {
            "table_name" => value.clone_into(&mut self.table_name),
            "region" => self.store.region = Some(value.to_owned()),
            "endpoint_url" => self.store.endpoint_url = Some(value.to_owned()),
            "embedded" => self.store.embedded = Some(value.to_owned()),
            "issuer" => value.clone_into(&mut self.issuer),
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
                self.window = Window::new(whole().unwrap_or(u64::MAX))?;
            }
            "burst" | "refill" | "max_misses" => self.set_policy(name, value)?,
            "keys" => {
                self.store.keys =
                    KeyRing::parse(value).map_err(|why| ConfigError::new(name, why))?;
            }
            "enrollment_ttl" => {
                let ttl = valid(name, seconds(value), TTL_IN_WORDS)?;
                self.enrollment_ttl = Some(ttl).filter(|ttl| !ttl.is_zero());
            }
            "rotation_ttl" => {
                self.rotation_ttl = valid(name, seconds(value), ROTATION_TTL_IN_WORDS)?;
            }
            "timeout" => self.timeout = wait()?,
            "connect_timeout" => self.store.connect_timeout = wait()?,
            "attempt_timeout" => self.store.attempt_timeout = wait()?,
            // No number is as wrong as one that is out of range.
            "max_connections" => self.store.max_connections = value.parse().unwrap_or(0),
            _ => return Err(ConfigError::new(name, "there is no such setting")),
        }
        self.check()
    }

    /// Checks what the types of the fields leave open, and changes nothing.
    ///
    /// # Errors
    /// [`ConfigError`] naming the first setting that cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        ConfigError::unless(is_issuer(&self.issuer), "issuer", ISSUER_IN_WORDS)?;
        let ttls = Duration::from_mins(1)..=Duration::from_hours(30 * 24);
        let ttl = self.enrollment_ttl.is_none_or(|ttl| ttls.contains(&ttl));
        ConfigError::unless(ttl, "enrollment_ttl", TTL_IN_WORDS)?;
        let ttls = Duration::from_mins(1)..=Duration::from_hours(24);
        let ttl = ttls.contains(&self.rotation_ttl);
        ConfigError::unless(ttl, "rotation_ttl", ROTATION_TTL_IN_WORDS)?;
        ConfigError::unless(WAITS.contains(&self.timeout), "timeout", WAITS_IN_WORDS)?;
        self.store.check()
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
        self.policy = Policy::new(burst, refill, max_misses)?;
        Ok(())
    }

    /// The names [`set`](Self::set) knows.
    pub const NAMES: [&str; 19] = [
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
        "rotation_ttl",
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
                "LAMBDATOTP_ROTATION_TTL" => "600".to_owned(),
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
            window: Window::new(0).expect("in range"),
            policy: Policy::new(5, Duration::from_millis(500), 50).expect("in range"),
            enrollment_ttl: Some(Duration::from_hours(1)),
            rotation_ttl: Duration::from_mins(10),
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

    /// A program in Rust fills the fields itself.
    #[test]
    fn a_verifier_checks_what_no_text_was() {
        let config = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config
        };
        let hour = Duration::from_hours(1);
        assert_eq!(Window::new(u64::MAX).expect_err("too wide").name, "window");
        assert_eq!(Window::new(11).expect_err("too wide").name, "window");
        assert_eq!(Policy::new(0, hour, 1).expect_err("no attempt at all").name, "burst");
        for (name, config) in [
            ("table_name", config(|config| config.table_name = "a table".to_owned())),
            ("issuer", config(|config| config.issuer = String::new())),
            ("issuer", config(|config| config.issuer = "a\nb".to_owned())),
            ("enrollment_ttl", config(|config| config.enrollment_ttl = Some(Duration::ZERO))),
            ("enrollment_ttl", config(|config| config.enrollment_ttl = Some(Duration::MAX))),
            ("rotation_ttl", config(|config| config.rotation_ttl = Duration::ZERO)),
            ("timeout", config(|config| config.timeout = Duration::ZERO)),
            ("connect_timeout", config(|config| config.store.connect_timeout = Duration::MAX)),
            ("attempt_timeout", config(|config| config.store.attempt_timeout = Duration::ZERO)),
            ("max_connections", config(|config| config.store.max_connections = 0)),
            ("max_connections", config(|config| config.store.max_connections = usize::MAX)),
            (
                "endpoint_url",
                config(|config| config.store.endpoint_url = Some("localhost:8000".to_owned())),
            ),
        ] {
            let error = crate::verifier::Verifier::new(config).expect_err(name);
            assert_eq!(error.name, name, "{error}");
        }
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
            ("rotation_ttl", "0"),
            ("rotation_ttl", "86401"),
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
