//! What the environment says about credentials, region and endpoint, and what can be
//! wrong with it.

use aws_credential_types::Credentials;

use crate::environment::variable;
use crate::store::StoreError;

pub(super) fn credentials_of_variables() -> Result<Option<Credentials>, StoreError> {
    let [key, secret, token] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    let mut values = [None, None, None];
    for (value, name) in values.iter_mut().zip([key, secret, token]) {
        *value = setting(name)?;
        if let Some(value) = value {
            check_visible(name, value)?;
        }
    }
    match values {
        [Some(key), Some(secret), token] => {
            Ok(Some(Credentials::new(key, secret, token, None, "environment")))
        }
        [Some(_), None, _] if variable("SECRET_ACCESS_KEY").is_none() => {
            Err(StoreError::Configuration(format!(
                "{key} is set, and {secret} is not: set both, or neither"
            )))
        }
        _ => Ok(None),
    }
}

/// The endpoint that a variable names, unless they are to be ignored.
pub(super) fn endpoint_of_variables() -> Option<String> {
    let ignored = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let from = |name| variable(name).filter(|_| !ignored);
    from("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| from("AWS_ENDPOINT_URL"))
}

/// A variable. One that is not text counts as wrong, not as absent.
pub(super) fn setting(name: &str) -> Result<Option<String>, StoreError> {
    let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    value
        .into_string()
        .map(Some)
        .map_err(|_| StoreError::Configuration(format!("{name} is not UTF-8 text: set it again")))
}

/// Access keys, secrets and tokens are visible ASCII characters. The value is not shown.
pub(super) fn check_visible(name: &str, value: &str) -> Result<(), StoreError> {
    let Some(odd) = odd_character(value) else { return Ok(()) };
    Err(StoreError::Configuration(format!(
        "{name} contains {odd}: remove it (check the end of the value: files and secret stores \
         often add a line break)"
    )))
}

fn odd_character(value: &str) -> Option<String> {
    let odd = value.chars().find(|character| !character.is_ascii_graphic())?;
    Some(match odd {
        '\n' => "a line feed".to_owned(),
        '\r' => "a carriage return".to_owned(),
        '\t' => "a tab".to_owned(),
        ' ' => "a space".to_owned(),
        '\u{a0}' => "a no-break space".to_owned(),
        _ => format!("the character U+{:04X}", u32::from(odd)),
    })
}

pub(super) fn check_region(name: &str, value: &str) -> Result<(), StoreError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if value.len() <= 63 && value.bytes().all(legal) {
        return Ok(());
    }
    let what = odd_character(value).map_or_else(String::new, |odd| format!(" (it contains {odd})"));
    Err(StoreError::Configuration(format!(
        "{name} is not an AWS region{what}: use one like eu-west-1"
    )))
}
