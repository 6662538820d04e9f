//! Key URIs: what the QR code says.
//!
//! The format is Google Authenticator's "Key URI Format"; there is no RFC. Two of
//! its corners trip most implementations:
//!
//! - the label is *issuer*`:`*account name*. A colon inside either part is written
//!   `%3A`, so the label is split before it is percent-decoded;
//! - a space is written `%20`, never `+`, which half of the apps show as a plus.
//!   When reading, `+` means a space in the query (form encoding, which is what
//!   other generators emit) and itself in the label.

use std::fmt::Write as _;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use zeroize::Zeroizing;

use super::{Algorithm, Digits, OtpError, Period, Secret};

/// Everything but RFC 3986's unreserved characters is percent-encoded.
pub(super) const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which factor a key URI enrolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Factor {
    /// Time-based, with its period.
    Totp(Period),
    /// Counter-based, with the counter of the next code.
    Hotp(u64),
}

/// An `otpauth://` URI, taken apart.
///
/// ```
/// use lambdatotp::otp::KeyUri;
/// let uri: KeyUri = "otpauth://totp/ACME:ana%40example.com?secret=JBSWY3DPEHPK3PXP".parse()?;
/// assert_eq!(uri.issuer.as_deref(), Some("ACME"));
/// assert_eq!(uri.account_name, "ana@example.com");
/// assert_eq!(
///     *uri.to_uri(),
///     "otpauth://totp/ACME:ana%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=ACME",
/// );
/// # Ok::<(), lambdatotp::otp::OtpError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUri {
    /// The factor and what moves it.
    pub factor: Factor,
    /// The service's name, as the app shows it. Never empty: that is `None`.
    pub issuer: Option<String>,
    /// The account's name, as the app shows it.
    pub account_name: String,
    /// The shared key.
    pub secret: Secret,
    /// The hash; left out of the URI when it is SHA-1.
    pub algorithm: Algorithm,
    /// The code's length; left out of the URI when it is 6.
    pub digits: Digits,
}

impl KeyUri {
    /// The URI as text. It holds the secret: show it to its owner only.
    #[must_use]
    pub fn to_uri(&self) -> Zeroizing<String> {
        let escaped = |text| utf8_percent_encode(text, ESCAPED);
        let factor = match self.factor {
            Factor::Totp(_) => "totp",
            Factor::Hotp(_) => "hotp",
        };
        let account_name = escaped(&self.account_name);
        // The buffer must never move: it would leave copies of the secret behind.
        let length = 128
            + 6 * self.issuer.as_ref().map_or(0, String::len)
            + 3 * self.account_name.len()
            + 2 * self.secret.as_bytes().len();
        let mut uri = Zeroizing::new(String::with_capacity(length));
        // Writing to a String cannot fail.
        let _ = write!(uri, "otpauth://{factor}/");
        if let Some(issuer) = &self.issuer {
            let _ = write!(uri, "{}:", escaped(issuer));
        } else if self.account_name.contains(':') {
            // An empty issuer, or readers would take the name's first half for one.
            uri.push(':');
        }
        let _ = write!(uri, "{account_name}?secret={}", *self.secret.to_base32());
        if let Some(issuer) = &self.issuer {
            let _ = write!(uri, "&issuer={}", escaped(issuer));
        }
        if self.algorithm != Algorithm::default() {
            let _ = write!(uri, "&algorithm={}", self.algorithm);
        }
        if self.digits != Digits::default() {
            let _ = write!(uri, "&digits={}", self.digits.get());
        }
        match self.factor {
            Factor::Totp(period) if period != Period::default() => {
                let _ = write!(uri, "&period={}", period.seconds());
            }
            Factor::Totp(_) => {}
            Factor::Hotp(counter) => {
                let _ = write!(uri, "&counter={counter}");
            }
        }
        uri
    }
}

pub(super) fn invalid<T>(why: &'static str) -> Result<T, OtpError> {
    Err(OtpError::InvalidUri(why))
}

fn decoded(text: &str) -> Result<String, OtpError> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => invalid("it is not UTF-8"),
    }
}

fn number(text: &str, why: &'static str) -> Result<u64, OtpError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return invalid(why);
    }
    text.parse().or(invalid(why))
}

/// Stores a parameter that may be given once only: with two secrets there is no
/// saying which one the app would take.
fn set<T>(slot: &mut Option<T>, value: T) -> Result<(), OtpError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => invalid("a parameter is given twice"),
    }
}

/// Tells the issuer and the account name of a decoded label apart. Key URIs and Google's
/// transfers follow this one rule: an `issuer` parameter that the label begins with is the
/// issuer, whatever colons it holds; otherwise the label is split at `colon`, and the
/// parameter wins over the label.
pub(super) fn split_label(
    parameter: Option<String>,
    label: &str,
    colon: Option<usize>,
) -> (Option<String>, String) {
    let parameter = parameter.filter(|issuer| !issuer.is_empty());
    let rest =
        parameter.as_deref().and_then(|issuer| label.strip_prefix(issuer)?.strip_prefix(':'));
    let (issuer, account_name) = match (rest, colon) {
        (Some(rest), _) => ("", rest),
        (None, Some(colon)) => (&label[..colon], &label[colon + 1..]),
        (None, None) => ("", label),
    };
    let issuer = parameter.or_else(|| (!issuer.is_empty()).then(|| issuer.to_owned()));
    // The format allows spaces after the colon. They go without a colon as well: written
    // after the `issuer` parameter's name, they would be the format's and not the name's.
    (issuer, account_name.trim_start_matches(' ').to_owned())
}

/// Parameters that change how an app shows a key, and no code.
const DECORATION: [&str; 8] =
    ["image", "icon", "color", "lock", "codedisplay", "tags", "note", "group"];

impl FromStr for KeyUri {
    type Err = OtpError;

    /// Reads a key URI. Names of parameters may be in any case and HTML-escaped (`&amp;`).
    /// A parameter that is not known is refused, unless it is one of those that change
    /// only how an app shows the key (`image`, `color`, ...): a default in its place could make
    /// other codes. `null` counts as not given, as Ente writes it. When the label and
    /// the `issuer` parameter name different issuers, the parameter wins, as in the apps.
    fn from_str(text: &str) -> Result<Self, OtpError> {
        let scheme = "otpauth://";
        let rest = match text.split_at_checked(scheme.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(scheme) => rest,
            _ => return invalid("it does not start with otpauth://"),
        };
        if rest.split_once('#').is_some_and(|(_, fragment)| !fragment.is_empty()) {
            return invalid("it contains a # that is not written as %23");
        }
        let rest = rest.trim_end_matches('#');
        let Some((path, query)) = rest.split_once('?') else {
            return invalid("it has no parameters");
        };
        let Some((factor, label)) = path.split_once('/') else {
            return invalid("it has no label");
        };

        let (mut secret, mut issuer, mut algorithm) = (None, None, None);
        let (mut digits, mut period, mut counter) = (None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, raw) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name)?.to_ascii_lowercase();
            let name = name.strip_prefix("amp;").unwrap_or(&name);
            let value = Zeroizing::new(decoded(&raw.replace('+', " "))?);
            if value.as_str() == "null" && name != "secret" {
                continue;
            }
            match name {
                "secret" => set(&mut secret, value.parse::<Secret>()?)?,
                "issuer" => set(&mut issuer, value.to_string())?,
                "algorithm" => set(&mut algorithm, value.parse::<Algorithm>()?)?,
                "digits" => {
                    let count = number(&value, "digits is not a number")?;
                    set(&mut digits, Digits::new(count)?)?;
                }
                "period" => {
                    let seconds = number(&value, "period is not a number")?;
                    set(&mut period, Period::new(seconds)?)?;
                }
                "counter" => set(&mut counter, number(&value, "counter is not a number")?)?,
                "encoder" if value.eq_ignore_ascii_case("steam") => {
                    return invalid("it is a Steam key, whose codes are letters");
                }
                _ if DECORATION.contains(&name) => {}
                _ => return invalid("it has a parameter that is unknown or misspelled"),
            }
        }

        let factor = match factor.to_ascii_lowercase().as_str() {
            // Ente and others write a counter of 0, which says nothing.
            "totp" if counter.unwrap_or_default() == 0 => Factor::Totp(period.unwrap_or_default()),
            "totp" => return invalid("it is totp but has a counter, which only hotp uses"),
            "hotp" => match counter {
                Some(counter) => Factor::Hotp(counter),
                None => return invalid("hotp needs a counter"),
            },
            "steam" => return invalid("it is a Steam key, whose codes are letters"),
            _ => return invalid("it is neither totp nor hotp"),
        };
        let whole = decoded(label)?;
        // A colon as it is parts the label; one that is escaped does if there is no other.
        let colon = match label.split_once(':') {
            Some((issuer, _)) => Some(decoded(issuer)?.len()),
            None => whole.find(':'),
        };
        let (issuer, account_name) = split_label(issuer, &whole, colon);
        let Some(secret) = secret else {
            return invalid("it has no secret");
        };
        Ok(Self {
            factor,
            issuer,
            account_name,
            secret,
            algorithm: algorithm.unwrap_or_default(),
            digits: digits.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uri(issuer: Option<&str>, account_name: &str) -> KeyUri {
        KeyUri {
            factor: Factor::Totp(Period::default()),
            issuer: issuer.map(str::to_owned),
            account_name: account_name.to_owned(),
            secret: "JBSWY3DPEHPK3PXP".parse().expect("80 bits"),
            algorithm: Algorithm::default(),
            digits: Digits::default(),
        }
    }

    #[test]
    fn formats_awkward_names() {
        for (issuer, account_name, label) in [
            (Some("ACME Co"), "ana@example.com", "ACME%20Co:ana%40example.com"),
            (Some("a:b"), "c:d", "a%3Ab:c%3Ad"),
            (Some("50%+"), "x+y", "50%25%2B:x%2By"),
            (Some("Zoë"), "日本", "Zo%C3%AB:%E6%97%A5%E6%9C%AC"),
            (None, "plain", "plain"),
            (None, "with:colon", ":with%3Acolon"),
        ] {
            let text = uri(issuer, account_name).to_uri();
            let expected = format!("otpauth://totp/{label}?secret=JBSWY3DPEHPK3PXP");
            assert!(text.starts_with(&expected), "{}", *text);
        }
    }

    #[test]
    fn reads_what_others_write() {
        for (text, issuer, account_name) in [
            ("otpauth://totp/Big%20Corp%3A%20ana?secret=JBSWY3DPEHPK3PXP", Some("Big Corp"), "ana"),
            ("otpauth://totp/ana?secret=JBSWY3DPEHPK3PXP&issuer=Big+Corp", Some("Big Corp"), "ana"),
            ("otpauth://totp/Old:ana?issuer=New&secret=JBSWY3DPEHPK3PXP", Some("New"), "ana"),
            ("otpauth://totp/x+y@z?secret=jbsw%20y3dp+ehpk3pxp%3D&image=http", None, "x+y@z"),
            ("OTPAUTH://TOTP/ana?secret=JBSWY3DPEHPK3PXP&issuer=", None, "ana"),
            ("otpauth://totp/%20ana?secret=JBSWY3DPEHPK3PXP&issuer=Corp", Some("Corp"), "ana"),
            (
                "otpauth://totp/l:3000:ana?secret=JBSWY3DPEHPK3PXP&issuer=l%3A3000",
                Some("l:3000"),
                "ana",
            ),
            (
                "otpauth://totp/l%3a3000%3Aana?secret=JBSWY3DPEHPK3PXP&issuer=l:3000",
                Some("l:3000"),
                "ana",
            ),
            ("otpauth://totp/a%3Ab:c%3Ad?secret=JBSWY3DPEHPK3PXP", Some("a:b"), "c:d"),
            (
                "otpauth://totp/E:ana?SECRET=JBSWY3DPEHPK3PXP&amp;%49ssuer=E&icon=x#",
                Some("E"),
                "ana",
            ),
            (
                "otpauth://totp/ana?secret=JBSWY3DPEHPK3PXP&issuer=null&digits=null&counter=0",
                None,
                "ana",
            ),
            ("otpauth://totp/%20ana?secret=JBSWY3DPEHPK3PXP", None, "ana"),
        ] {
            let read: KeyUri = text.parse().expect(text);
            assert_eq!(
                (read.issuer.as_deref(), read.account_name.as_str()),
                (issuer, account_name)
            );
            assert_eq!(read.to_uri().parse().as_ref(), Ok(&read), "{text}");
        }
    }

    #[test]
    fn refuses_what_apps_would_misread() {
        for text in [
            "",
            "otpauth:/totp/a?secret=JBSWY3DPEHPK3PXP",
            "https://totp/a?secret=JBSWY3DPEHPK3PXP",
            "otpauth://totp?secret=JBSWY3DPEHPK3PXP",
            "otpauth://totp/a",
            "otpauth://totp/a?issuer=b",
            "otpauth://totp/a?secret=JBSW",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&secret=JBSWY3DPEHPK3PXQ",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&digits=9",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&digits=+6",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&period=121",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&period=0",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&algorithm=MD5",
            "otpauth://hotp/a?secret=JBSWY3DPEHPK3PXP",
            "otpauth://hotp/a?secret=JBSWY3DPEHPK3PXP&counter=18446744073709551616",
            "otpauth://motp/a?secret=JBSWY3DPEHPK3PXP",
            "otpauth://totp/%ff?secret=JBSWY3DPEHPK3PXP",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&algo=SHA256",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&amp;digits=8&DIGITS=8",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&issuer=C#&digits=8",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&counter=5",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&encoder=Steam",
            "otpauth://steam/a?secret=JBSWY3DPEHPK3PXP",
        ] {
            assert!(text.parse::<KeyUri>().is_err(), "{text}");
        }
    }

    fn factor() -> impl Strategy<Value = Factor> {
        prop_oneof![
            (1..=120_u64).prop_map(|s| Factor::Totp(Period::new(s).expect("in range"))),
            any::<u64>().prop_map(Factor::Hotp),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            factor in factor(),
            issuer in prop::option::of("\\PC{1,40}|[a-z:+% &=#?/]{1,20}"),
            account_name in "\\PC{0,40}|[a-z:+% &=#?/]{0,20}",
            bytes in prop::collection::vec(any::<u8>(), 10..=64),
            algorithm in prop::sample::select(vec![Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512]),
            digits in 6..=8_u64,
        ) {
            // Spaces after the separator belong to the format, not to the name.
            let account_name = account_name.trim_start_matches(' ').to_owned();
            let written = KeyUri {
                factor,
                issuer,
                account_name,
                secret: Secret::from_bytes(&bytes).expect("a valid length"),
                algorithm,
                digits: Digits::new(digits).expect("in range"),
            };
            let text = written.to_uri();
            prop_assert!(text.is_ascii() && !text.contains(['+', ' ', '#']));
            prop_assert_eq!(text.parse::<KeyUri>().expect("own URI"), written);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}|otpauth://totp/[a-z%:A-F0-9]{0,20}\\?[a-z=&%A-F0-9]{0,60}") {
            let _ = text.parse::<KeyUri>();
        }
    }
}
